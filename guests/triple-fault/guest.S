/*
 * Three faults in a row: an undefined instruction, no handler for it, and no handler for that.
 *
 * The CPU shuts down; a PC's mainboard would reset it. KVM reports KVM_EXIT_SHUTDOWN and leaves the rest to the VMM.
 */
#include "ports.h"
        .intel_syntax noprefix

        .section .start, "ax"
        .globl  _start
_start:
        lidt    [rip + no_idt]          /* a table without a single entry */
        mov     eax, 0x3f
        out     DEBUG_CONSOLE, al       /* the last sign of life: a question mark */
        ud2                             /* #UD -> #GP -> double fault -> shutdown */

no_idt: .word   0
        .quad   0
