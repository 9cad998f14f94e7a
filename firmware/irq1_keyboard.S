/*
 * int 09h, IRQ 1: a scan code from the keyboard controller.
 *
 * The host turns it into a key (US layout, shift, ctrl, alt, caps lock) and puts that into the buffer at 0040:001E.
 * Not modelled: int 15h/4Fh, which could take the code away; int 1Bh (break); pause; print screen.
 */
#include "trap.h"

        .text
        .globl  irq1
irq1:   push    eax
        push    dx
        in      al, 0x60                /* traps: the controller in Python */
        movzx   eax, al
        mov     dx, SCAN_CODE_PORT
        out     dx, eax                 /* traps: "int 09h" */
        mov     al, EOI
        out     PIC1, al                /* traps */
        pop     dx
        pop     eax
        iret
