/*
 * INT 16h: what was typed comes out of the BIOS's buffer, which holds 15 keys; the rest waits in the keyboard.
 * The waits are `hlt`; a call that takes a key is one exit.
 */
#include "bios.h"
        boot    4

        mov     ah, 0x00                /* 00: waits for a key */
        int     0x16
        cmp     ax, 0x1e61              /* a */
        must(e)
2:      mov     ah, 0x01                /* 01: the next one, which stays */
        int     0x16
        jz      2b
        cmp     ax, 0x1e41              /* A */
        must(e)
        mov     ah, 0x10
        int     0x16
        cmp     ax, 0x1e41
        must(e)
        mov     ah, 0x00
        int     0x16
        cmp     ax, 0x2e03              /* Ctrl-C */
        must(e)

3:      mov     ah, 0x00                /* echo up to Enter: more than the buffer holds */
        int     0x16
        cmp     al, 13
        je      4f
        mov     ah, 0x0e
        int     0x10
        jmp     3b
4:      cmp     ah, 0x1c
        must(e)
        mov     ah, 0x11                /* 11: nothing is left */
        int     0x16
        must(z)

        mov     ah, 0x05                /* 05: a key put in by the program */
        mov     cx, 0x1234
        int     0x16
        cmp     al, 0
        must(e)
        mov     ah, 0x11
        int     0x16
        must(nz)
        cmp     ax, 0x1234
        must(e)
        mov     cx, 15                  /* until there is no room */
5:      mov     ah, 0x05
        int     0x16
        loop    5b
        cmp     al, 1
        must(e)
        mov     cx, 15
6:      mov     ah, 0x00
        int     0x16
        loop    6b
        mov     ah, 0x01
        int     0x16
        must(z)
        mov     ah, 0x02                /* 02, 12: no shift is held */
        int     0x16
        cmp     al, 0
        must(e)
        mov     ah, 0x12
        int     0x16
        cmp     ax, 0
        must(e)
        mov     ah, 0x77                /* unknown */
        clc
        int     0x16
        must(c)
        succeed
