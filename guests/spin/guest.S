/*
 * Never ends, and never exits: nothing here traps.
 *
 * Only a deadline, or Ctrl-C, gets the VMM its CPU back: a signal and the immediate_exit flag break KVM_RUN.
 */
        .intel_syntax noprefix

        .section .start, "ax"
        .globl  _start
_start:
        jmp     _start
