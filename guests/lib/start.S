/*
 * The start of every guest in C: a stack, then main(), whose result ends the run at the debug-exit port. In 32 bits
 * main() is given what a boot loader left in EAX and EBX.
 */

#include "ports.h"
        .intel_syntax noprefix

        .section .start, "ax"
        .globl  _start
_start:
#ifdef __x86_64__
        lea     rsp, [rip + stack_top]
        xor     ebp, ebp
        call    main
#else
        .code32
        mov     esp, offset stack_top
        xor     ebp, ebp
        push    ebx
        push    eax
        call    main
#endif
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

        .bss
        .balign 16
        .skip   0x4000
stack_top:
