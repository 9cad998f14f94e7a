/*
 * int 70h, IRQ 8: the clock's alarm, which becomes int 4Ah, and the end of a wait (int 15h/86h), which is in a flag.
 */
#include "trap.h"

        .text
        .globl  irq8
irq8:   push    ax
        mov     al, 0x0c                /* why: reading the register ends the interrupt */
        out     0x70, al
        in      al, 0x71
        test    al, 0x20
        jz      1f
        int     0x4a                    /* the user's alarm */
        cli
1:      mov     al, EOI
        out     PIC2, al
        out     PIC1, al
        pop     ax
        iret
