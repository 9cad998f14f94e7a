/*
 * Exits known to the last one, of the kind that no VMM sees: KVM answers them by itself.
 *
 * Traps to KVM: every CPUID, every access to an MSR that the processor does not hand to guests, every `hlt`, every access
 * to the interrupt controller and the timer, which are in the kernel here. Traps to the VMM: seven letters on the debug
 * console and the end. Each function traps for one reason; `vmm profile --hidden` tells them apart.
 */
#include "ports.h"
#include "gates.h"
        .intel_syntax noprefix

#define CPUIDS          100
#define READS           30
#define WRITES          20
#define SLEEPS          5
#define LETTERS         7
#define MCG_STATUS      0x17a           /* the machine check status: 0, and may be set to it */
#define TIMER_VECTOR    0x20
#define DIVISOR         5966            /* 1193182 Hz / 5966 = 200 Hz */

.macro function name
        .type   \name, @function
\name:
.endm
.macro ends name
        .size   \name, . - \name
.endm

        .section .start, "ax"
        .globl  _start
_start: lea     rsp, [rip + stack_top]
        set_gate TIMER_VECTOR, tick
        lidt    [rip + idt_pointer]
        call    ask_cpuid
        call    touch_msrs
        call    start_timer
        call    sleep
        call    speak
        mov     eax, [rip + ticks]
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

function ask_cpuid                      /* CPUIDS exits */
        mov     esi, CPUIDS
1:      xor     eax, eax
        xor     ecx, ecx
        cpuid
        dec     esi
        jnz     1b
        ret
ends ask_cpuid

function touch_msrs                     /* READS + WRITES */
        mov     ecx, MCG_STATUS
        mov     esi, READS
1:      rdmsr
        dec     esi
        jnz     1b
        mov     esi, WRITES
1:      xor     eax, eax
        xor     edx, edx
        wrmsr
        dec     esi
        jnz     1b
        ret
ends touch_msrs

function start_timer                    /* 13 accesses to ports */
        mov     al, 0x11                /* both controllers as in pit-ticks */
        out     PIC1_COMMAND, al
        out     PIC2_COMMAND, al
        mov     al, TIMER_VECTOR
        out     PIC1_DATA, al
        mov     al, TIMER_VECTOR + 8
        out     PIC2_DATA, al
        mov     al, 4
        out     PIC1_DATA, al
        mov     al, 2
        out     PIC2_DATA, al
        mov     al, 1
        out     PIC1_DATA, al
        out     PIC2_DATA, al
        mov     al, 0xfe
        out     PIC1_DATA, al
        mov     al, 0xff
        out     PIC2_DATA, al
        mov     al, 0x34
        out     PIT_COMMAND, al
        mov     al, DIVISOR & 0xff
        out     PIT_CHANNEL0, al
        mov     al, DIVISOR >> 8
        out     PIT_CHANNEL0, al
        ret
ends start_timer

function sleep                          /* SLEEPS */
        mov     esi, SLEEPS
1:      sti                             /* takes effect after hlt, which so waits for each tick, late or not */
        hlt
        cli
        dec     esi
        jnz     1b
        ret
ends sleep

function tick                           /* one access to a port for each */
        push    rax
        inc     dword ptr [rip + ticks]
        mov     al, 0x20
        out     PIC1_COMMAND, al
        and     dword ptr [rsp + 24], ~0x200    /* back with interrupts off: one tick for one sleep */
        pop     rax
        iretq
ends tick

function speak                          /* LETTERS, to the VMM */
        mov     esi, LETTERS
        mov     al, '.'
1:      out     DEBUG_CONSOLE, al
        dec     esi
        jnz     1b
        ret
ends speak

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
