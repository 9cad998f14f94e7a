/*
 * Resets the machine through port 0xcf9, as an operating system does when it reboots.
 *
 * The port traps like any other; what a reset means is for the VMM to decide.
 */
#include "ports.h"
        .intel_syntax noprefix

        .section .start, "ax"
        .globl  _start
_start:
        mov     dx, RESET_CONTROL
        mov     al, 2                   /* a hard reset ... */
        out     dx, al
        mov     al, 6                   /* ... now: bit 2 goes from 0 to 1 */
        out     dx, al
stop:   cli
        hlt
        jmp     stop
