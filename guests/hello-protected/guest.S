/*
 * Hello from 32-bit protected mode with flat segments, as a multiboot kernel would find the machine.
 *
 * The characters trap as in hello-real. It ends in another way: `hlt` with interrupts off can never be woken, so the
 * VMM calls the guest halted for good.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code32

        .section .start, "ax"
        .globl  _start
_start:
        cld
        mov     esi, offset text
        mov     dx, COM1
next:   lodsb
        test    al, al
        jz      stop
        out     dx, al                  /* traps: KVM_EXIT_IO */
        jmp     next

stop:   cli
        hlt                             /* traps: KVM_EXIT_HLT, and nothing can wake the CPU */
        jmp     stop

        .section .rodata
text:   .asciz  "Hello, world\n"
