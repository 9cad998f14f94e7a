/*
 * Writes to a port where no device is.
 *
 * On a PC such a write goes nowhere and a read gives all ones. A VMM told to be strict stops here and names the port:
 * the quickest way to find the device that a guest misses.
 */
#include "ports.h"
        .intel_syntax noprefix

        .section .start, "ax"
        .globl  _start
_start:
        mov     dx, 0x1234
        mov     al, 0x55
        out     dx, al                  /* traps, and nobody claims it */

        mov     al, 1                   /* reached only when the VMM is not strict */
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop
