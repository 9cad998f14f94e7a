/*
 * Ten timer interrupts that find the CPU busy: the guest never gives it up by itself.
 *
 * The loop at `spin` does not trap. The VMM has to stop the CPU when the timer rings, wait until the guest can take
 * an interrupt (KVM_EXIT_IRQ_WINDOW_OPEN) and inject it. In real mode the vector is a far pointer at 4 * number.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code16

#define TICKS           10
#define TIMER_VECTOR    0x20
#define DIVISOR         11932           /* 100 Hz */

        .section .start, "ax"
        .globl  _start
_start:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, 0x1000              /* down from this program's first byte */
        mov     word ptr [4 * TIMER_VECTOR], offset tick
        mov     [4 * TIMER_VECTOR + 2], ax

        mov     al, 0x13                /* one controller alone: no ICW3 */
        out     PIC1_COMMAND, al
        mov     al, TIMER_VECTOR
        out     PIC1_DATA, al
        mov     al, 1
        out     PIC1_DATA, al
        mov     al, 0xfe                /* mask all but the timer */
        out     PIC1_DATA, al

        mov     al, 0x36                /* channel 0, both bytes, mode 3: a square wave */
        out     PIT_COMMAND, al
        mov     al, DIVISOR & 0xff
        out     PIT_CHANNEL0, al
        mov     al, DIVISOR >> 8
        out     PIT_CHANNEL0, al

        xor     ebx, ebx
        sti
spin:   inc     ebx                     /* how far the guest got; no exit of its own in here */
        cmp     word ptr [ticks], TICKS
        jb      spin

        cli
        mov     ax, [ticks]
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

tick:   push    ax
        inc     word ptr [ticks]
        cmp     word ptr [ticks], TICKS
        jb      more
        mov     al, 0xff                /* enough: no eleventh between this one and the loop's end */
        out     PIC1_DATA, al
more:   mov     al, 0x20
        out     PIC1_COMMAND, al
        pop     ax
        iret

        .data
ticks:  .word   0
