/*
 * Two vCPUs pass a token through memory, a thousand times.
 *
 * There is no interrupt controller to start the second with, so the VMM starts both here at once and puts the number
 * of each in RBX. Shared memory costs no exit: nothing traps before the end.
 */
#include "ports.h"
        .intel_syntax noprefix

#define PASSES          1000

        .section .start, "ax"
        .globl  _start
_start:
        lea     rsi, [rip + token]      /* even: the turn of vCPU 0; odd: of vCPU 1 */
        lea     rdi, [rip + passes]
wait:   mov     eax, [rsi]
        cmp     eax, PASSES
        jae     done
        mov     edx, eax
        and     edx, 1
        cmp     edx, ebx
        je      mine
        pause
        jmp     wait
mine:   inc     dword ptr [rdi + 4 * rbx]
        inc     eax
        mov     [rsi], eax              /* x86 keeps stores in order: no barrier needed */
        jmp     wait

done:   test    ebx, ebx
        jnz     stop                    /* vCPU 1 halts, vCPU 0 speaks for both */
        mov     r12d, [rdi]
        mov     r13d, [rdi + 4]
        mov     al, 0
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

        .data
        .balign 64
token:  .long   0
        .balign 64
passes: .long   0, 0
