/*
 * Echoes what is typed on COM1, by interrupt, and ends at the first newline.
 *
 * Traps: the accesses to the serial port and the interrupt controller, and `hlt`. The VMM raises interrupt 4 when a
 * byte comes in from the host; the level stays up until the guest has read the last one.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code16

#define FIRST_VECTOR    0x20
#define COM1_VECTOR     (FIRST_VECTOR + 4)

        .section .start, "ax"
        .globl  _start
_start:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, 0x1000
        mov     word ptr [4 * COM1_VECTOR], offset received
        mov     [4 * COM1_VECTOR + 2], ax

        mov     al, 0x13
        out     PIC1_COMMAND, al
        mov     al, FIRST_VECTOR
        out     PIC1_DATA, al
        mov     al, 1
        out     PIC1_DATA, al
        mov     al, 0xef                /* mask all but COM1 */
        out     PIC1_DATA, al

        mov     dx, COM1_MODEM          /* the queues stay off: switching them on would lose what was typed early */
        mov     al, 0x0b                /* DTR, RTS, OUT2 */
        out     dx, al
        mov     dx, COM1_INTERRUPTS
        mov     al, 1                   /* when a byte has come in */
        out     dx, al

wait:   sti
        hlt                             /* traps: the VMM waits for the keyboard, or the pipe, in our place */
        cli
        cmp     byte ptr [finished], 0
        je      wait

        mov     al, 0
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

received:
        push    ax
        push    dx
again:  mov     dx, COM1_STATUS
        in      al, dx
        test    al, 1                   /* is there a byte? */
        jz      empty
        mov     dx, COM1
        in      al, dx                  /* reading the last byte lowers the interrupt line */
        out     dx, al
        cmp     al, '\n'
        jne     again
        mov     byte ptr [finished], 1
empty:  mov     al, 0x20
        out     PIC1_COMMAND, al
        pop     dx
        pop     ax
        iret

        .data
finished:
        .byte   0
