/*
 * int 08h, IRQ 0: a tick of the timer, 18.2 times a second.
 *
 * Counts the double word at 0040:006C up to midnight, where it starts at 0 and 0040:0070 becomes 1; calls int 1Ch.
 * No exit but the end of interrupt. Changes no register.
 */
#include "trap.h"

        .text
        .globl  irq0
irq0:   push    eax
        push    ds
        mov     ax, BDA
        mov     ds, ax
        mov     eax, ds:[TICKS]
        inc     eax
        cmp     eax, TICKS_OF_DAY
        jb      1f
        xor     eax, eax
        mov     byte ptr ds:[MIDNIGHT], 1
1:      mov     ds:[TICKS], eax
        int     0x1c                    /* the user's tick */
        cli
        mov     al, EOI
        out     PIC1, al                /* traps */
        pop     ds
        pop     eax
        iret
