/*
 * Ten timer interrupts, with the CPU asleep in between.
 *
 * Traps: every access to the interrupt controller and the timer (both are in the VMM), every `hlt`, and the end of
 * interrupt in the handler. The interrupt itself comes from the VMM while the guest is halted.
 */
#include "ports.h"
#include "gates.h"
        .intel_syntax noprefix

#define TICKS           10
#define TIMER_VECTOR    0x20
#define DIVISOR         11932           /* 1193182 Hz / 11932 = 100 Hz: one tick in 10 ms */

        .section .start, "ax"
        .globl  _start
_start:
        lea     rsp, [rip + stack_top]
        set_gate TIMER_VECTOR, tick
        lidt    [rip + idt_pointer]

        mov     al, 0x11                /* both controllers: initialise, edge-triggered, ICW4 follows */
        out     PIC1_COMMAND, al
        out     PIC2_COMMAND, al
        mov     al, TIMER_VECTOR        /* interrupts 0-7 become vectors 0x20-0x27 */
        out     PIC1_DATA, al
        mov     al, TIMER_VECTOR + 8
        out     PIC2_DATA, al
        mov     al, 4                   /* the second hangs on input 2 of the first ... */
        out     PIC1_DATA, al
        mov     al, 2                   /* ... and is told so */
        out     PIC2_DATA, al
        mov     al, 1                   /* 8086 mode, end of interrupt by software */
        out     PIC1_DATA, al
        out     PIC2_DATA, al
        mov     al, 0xfe                /* mask all but the timer */
        out     PIC1_DATA, al
        mov     al, 0xff
        out     PIC2_DATA, al

        mov     al, 0x34                /* channel 0, both bytes, mode 2: a pulse every DIVISOR clocks */
        out     PIT_COMMAND, al
        mov     al, DIVISOR & 0xff
        out     PIT_CHANNEL0, al
        mov     al, DIVISOR >> 8
        out     PIT_CHANNEL0, al

wait:   sti                             /* takes effect after the next instruction: no tick is lost between the two */
        hlt                             /* traps: KVM_EXIT_HLT; the VMM sleeps until the timer rings */
        cli
        cmp     dword ptr [rip + ticks], TICKS
        jb      wait

        mov     eax, [rip + ticks]
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

tick:   push    rax
        inc     dword ptr [rip + ticks]
        mov     al, '.'
        out     DEBUG_CONSOLE, al
        cmp     dword ptr [rip + ticks], TICKS
        jb      more
        mov     al, 0xff                /* enough: a late host may have the next one ready */
        out     PIC1_DATA, al
more:   mov     al, 0x20                /* end of interrupt: the controller may deliver the next one */
        out     PIC1_COMMAND, al
        pop     rax
        iretq

        .balign 8
idt_pointer:
        .word   16 * 256 - 1
        .quad   idt

        .bss
        .balign 16
idt:    .skip   16 * 256
ticks:  .skip   4
        .balign 16
        .skip   0x1000
stack_top:
