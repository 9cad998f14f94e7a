/*
 * INT 14h: COM1 echoes what comes in, COM2 says a line, and the fifth port does not exist.
 */
#include "bios.h"
        boot    2

        mov     ax, 0x00e3              /* 00: 9600 bit/s, 8 bits, no parity */
        mov     dx, 0
        int     0x14
        test    ah, 0x60                /* the transmitter is empty */
        must(nz)
2:      mov     ah, 0x02                /* 02: takes what comes in, and waits for it */
        mov     dx, 0
        int     0x14
        test    ah, 0x80
        must(z)
        mov     ah, 0x01                /* 01: sends it back */
        int     0x14
        test    ah, 0x80
        must(z)
        cmp     al, 10
        jne     2b
        mov     ah, 0x03                /* 03: nothing more has come */
        int     0x14
        test    ah, 1
        must(z)

        mov     ah, 0x02                /* nor does it within a second */
        int     0x14
        test    ah, 0x80
        must(nz)

        mov     si, offset line
        mov     dx, 1
3:      lodsb
        test    al, al
        jz      4f
        mov     ah, 0x01
        int     0x14
        jmp     3b
4:      mov     ah, 0x03
        mov     dx, 4
        int     0x14
        cmp     ah, 0x80
        must(e)
        clc
        mov     ah, 0x55
        int     0x14
        must(c)
        succeed

line:   .asciz  "COM2 here\n"
