/*
 * int 14h: serial ports. DX: port from 0. -> AH line status, AL modem status but for what is said.
 *
 *   00 AL speed, parity, stop bits, length     01 AL character to send
 *   02 -> AL character; AH bit 7 when none came within a second
 *   03 status
 */
#include "trap.h"

        .text
        .globl  int14
int14:  cmp     ah, 2
        jne     9f
        pusha
        push    ds
        mov     bx, BDA
        mov     ds, bx
        mov     bx, dx
        and     bx, 3
        shl     bx, 1
        mov     dx, [bx]                /* 0040:0000: where the ports are */
        test    dx, dx
        jz      3f
        add     dx, 5
        mov     cx, 19                  /* ticks of patience */
1:      in      al, dx                  /* line status; mostly answered without Python */
        test    al, 1
        jnz     3f
        mov     bx, ds:[TICKS]
2:      sti
        hlt
        cmp     bx, ds:[TICKS]
        je      2b
        loop    1b
3:      cli
        pop     ds
        popa
9:      trap    0x14
        iret
