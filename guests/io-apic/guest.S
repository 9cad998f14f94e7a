/*
 * Two interrupts through the I/O APIC: the timer's, which is an edge, and COM1's as a level.
 *
 * Traps: every access to the I/O APIC, the timer and COM1, all in the VMM; the local APIC is in the kernel. The end of
 * an edge interrupt stays there. That of a level traps: the VMM must send another message if the line is still up.
 */
#include "ports.h"
#include "gates.h"
        .intel_syntax noprefix

#define LOCAL_APIC      0xfee00000
#define END             0xb0            /* a write ends the interrupt that is served */
#define SPURIOUS        0xf0            /* bit 8 switches the APIC on */
#define IO_APIC         0xfec00000
#define INDEX           0x00
#define WINDOW          0x10
#define ENTRY(input)    (0x10 + 2 * (input))    /* its other half, behind it, is the destination: 0 after a reset */
#define LEVEL           0x08000
#define PENDING         0x04000         /* the message is sent, its interrupt not ended */
#define MASKED          0x10000

#define TIMER           0               /* inputs of the I/O APIC */
#define SERIAL          4
#define TIMER_VECTOR    0x40
#define SERIAL_VECTOR   0x50
#define TICKS           5
#define CALLS           3
#define DIVISOR         11932           /* 1193182 Hz / 11932 = 100 Hz */

.macro set_entry input, value
        mov     dword ptr [rbx + INDEX], ENTRY(\input)
        mov     dword ptr [rbx + WINDOW], \value
.endm

        .section .start, "ax"
        .globl  _start
_start:
        lea     rsp, [rip + stack_top]
        set_gate TIMER_VECTOR, tick
        set_gate SERIAL_VECTOR, call
        lidt    [rip + idt_pointer]
        mov     ebx, IO_APIC
        mov     ebp, LOCAL_APIC
        mov     dword ptr [rbp + SPURIOUS], 0x1ff
        mov     al, 0xff                /* nothing by way of the old controllers, which have the same lines */
        out     PIC1_DATA, al
        out     PIC2_DATA, al
        set_entry TIMER, TIMER_VECTOR
        set_entry SERIAL, SERIAL_VECTOR | LEVEL

        mov     al, 0x34                /* channel 0, both bytes, mode 2: a pulse every DIVISOR clocks */
        out     PIT_COMMAND, al
        mov     al, DIVISOR & 0xff
        out     PIT_CHANNEL0, al
        mov     al, DIVISOR >> 8
        out     PIT_CHANNEL0, al

ticking:
        sti
        hlt                             /* sleeps in the kernel: no exit */
        cli
        cmp     dword ptr [rip + ticks], TICKS
        jb      ticking

        mov     dx, COM1_MODEM
        mov     al, 0x08                /* OUT2 */
        out     dx, al
        mov     dx, COM1_INTERRUPTS
        mov     al, 2                   /* when there is room to send, as there is now: the line goes up */
        out     dx, al

calling:
        sti
        hlt
        cli
        cmp     dword ptr [rip + calls], CALLS
        jb      calling

        mov     dword ptr [rbx + INDEX], ENTRY(SERIAL)
pending:
        sti                             /* takes what is still on its way: nothing, on hardware */
        nop
        cli
        mov     r12d, [rbx + WINDOW]    /* ended, and not sent again: SERIAL_VECTOR | LEVEL without PENDING */
        test    r12d, PENDING
        jnz     pending
        mov     al, 0
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

tick:   push    rax
        inc     dword ptr [rip + ticks]
        cmp     dword ptr [rip + ticks], TICKS
        ja      late                    /* a late host may have had one more ready */
        mov     al, '.'
        out     DEBUG_CONSOLE, al
        jb      late
        set_entry TIMER, MASKED
late:   mov     dword ptr [rbp + END], 0
        pop     rax
        iretq

call:   push    rax
        push    rdx
        mov     al, '!'
        out     DEBUG_CONSOLE, al
        mov     dword ptr [rbx + INDEX], ENTRY(SERIAL)
        mov     r13d, [rbx + WINDOW]    /* with PENDING */
        inc     dword ptr [rip + calls]
        cmp     dword ptr [rip + calls], CALLS
        jb      again                   /* without a look at COM1, whose line stays up: the end brings us back here */
        mov     dx, COM1_INTERRUPTS
        mov     al, 0                   /* the line goes down */
        out     dx, al
again:  mov     dword ptr [rbp + END], 0
        pop     rdx
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
calls:  .skip   4
        .balign 16
        .skip   0x1000
stack_top:
