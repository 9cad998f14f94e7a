/*
 * Executes popcnt, which hardware does by itself and software KVM cannot emulate in ring 0.
 *
 * With VMX or SVM nothing traps here but the end. Under PVM, ring 0 runs in KVM's instruction emulator, which does not
 * know popcnt: KVM gives up with KVM_EXIT_INTERNAL_ERROR, and the VMM says which instruction it was.
 */
#include "ports.h"
        .intel_syntax noprefix

        .section .start, "ax"
        .globl  _start
_start:
        mov     eax, 0xff00ff00
        popcnt  eax, eax
        out     DEBUG_EXIT, al          /* 16 */
stop:   cli
        hlt
        jmp     stop
