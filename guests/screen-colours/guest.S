/*
 * A text screen painted by a boot sector, without a BIOS and without a single exit.
 *
 * The screen of a PC is 80 times 25 cells of two bytes at 0xb8000: a character code, and its colours (foreground in
 * bits 0-3, background in bits 4-6, blinking in bit 7). The VMM gives the guest plain memory there and looks into it
 * when somebody wants to see the screen, so that `rep stosw` runs at the speed of memory.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code16

#define WHITE_ON_BLUE   0x1f
#define YELLOW_ON_BLUE  0x1e
#define BLINK           0x80

.macro at row, column
        mov     di, ((\row) * 80 + (\column)) * 2
.endm

        .section .start, "ax"
        .globl  _start
_start:
        xor     ax, ax
        mov     ds, ax
        mov     ax, 0xb800              /* real mode: es * 16 is 0xb8000 */
        mov     es, ax
        cld

        at      0, 0                    /* clear: blanks, light grey on black */
        mov     ax, 0x0720
        mov     cx, 80 * 25
        rep stosw

        mov     ah, WHITE_ON_BLUE       /* a box of double lines over three rows */
        at      0, 0
        mov     bx, offset corners
        call    edge
        mov     al, 0xba
        stosw
        mov     al, ' '
        mov     cx, 78
        rep stosw
        mov     al, 0xba
        stosw
        mov     bx, offset corners + 2
        call    edge

        at      1, 1
        mov     ah, YELLOW_ON_BLUE
        mov     si, offset title
        call    print

        xor     bx, bx                  /* the 8 backgrounds, a row each, with the 16 foregrounds side by side */
rows:   mov     ax, 160
        mul     bx
        mov     di, ax
        add     di, (4 * 80 + 2) * 2
        mov     ah, bl
        shl     ah, 4
        mov     cx, 16
cells:  mov     al, ' '
        stosw
        mov     al, 'x'
        stosw
        mov     al, ' '
        stosw
        inc     ah
        loop    cells
        inc     bx
        cmp     bx, 8
        jb      rows

        at      4, 54
        mov     ah, 0x07 | BLINK
        mov     si, offset blinks
        call    print

        mov     ax, 0x0700              /* all 256 characters, 32 to a row, from row 13 on */
        at      13, 4
chars:  stosw
        inc     al
        jz      done
        test    al, 31
        jnz     chars
        add     di, (80 - 32) * 2
        jmp     chars

done:   mov     al, 0
        out     DEBUG_EXIT, al          /* the only exit */
stop:   cli
        hlt
        jmp     stop

edge:   mov     al, [bx]                /* a corner, 78 double lines, a corner */
        stosw
        mov     al, 0xcd
        mov     cx, 78
        rep stosw
        mov     al, [bx + 1]
        stosw
        ret

print:  lodsb                           /* the text at si, in the colours of ah */
        test    al, al
        jz      printed
        stosw
        jmp     print
printed:
        ret

corners:.byte   0xc9, 0xbb, 0xc8, 0xbc
title:  .asciz  " Colours straight into video memory"
blinks: .asciz  "this blinks"

        .org    510
        .word   0xaa55
