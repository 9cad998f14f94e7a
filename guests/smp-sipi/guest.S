/*
 * Starts two more CPUs as firmware does: INIT and a start-up interrupt (SIPI) by the local APIC.
 *
 * The APICs are in the kernel here, so their registers at 0xfee00000 trap into KVM and not to the VMM. A started CPU
 * begins in real mode at the page that the SIPI names.
 */
#include "ports.h"
        .intel_syntax noprefix

#define LOCAL_APIC      0xfee00000
#define SPURIOUS        0xf0            /* bit 8 switches the APIC on */
#define COMMAND         0x300
#define INIT            0x000c4500      /* to all but self */
#define STARTUP         0x000c4600
#define PAGE            0x10000         /* below 1 MiB, where real mode reaches */
#define ARRIVED         0xff0           /* a counter at the end of that page */

        .section .start, "ax"
        .globl  _start
_start:
        cld
        lea     rsi, [rip + trampoline]
        mov     edi, PAGE
        mov     ecx, offset trampoline_end - trampoline
        rep movsb
        mov     dword ptr [PAGE + ARRIVED], 0

        mov     ebx, LOCAL_APIC
        mov     dword ptr [rbx + SPURIOUS], 0x1ff
        mov     dword ptr [rbx + COMMAND], INIT
        mov     dword ptr [rbx + COMMAND], STARTUP | (PAGE >> 12)

wait:   pause
        cmp     dword ptr [PAGE + ARRIVED], 2
        jb      wait

        mov     al, 3                   /* CPUs in all */
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

        .code16
trampoline:                             /* CS is PAGE / 16, IP is 0 */
        lock inc dword ptr cs:[ARRIVED]
asleep: cli
        hlt
        jmp     asleep
trampoline_end:
