/* The start of every guest in C (long mode): a stack, then main(), whose result ends the run at the debug-exit port. */

#include "ports.h"
        .intel_syntax noprefix

        .section .start, "ax"
        .globl  _start
_start:
        lea     rsp, [rip + stack_top]
        xor     ebp, ebp
        call    main
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

        .bss
        .balign 16
        .skip   0x4000
stack_top:
