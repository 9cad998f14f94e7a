/*
 * Hello from 64-bit long mode: the VMM has built page tables and a GDT, and started the CPU behind all of that.
 *
 * The characters trap as in hello-real, and so does the write to the debug-exit port that ends the run.
 */
#include "ports.h"
        .intel_syntax noprefix

        .section .start, "ax"
        .globl  _start
_start:
        cld
        lea     rsi, [rip + text]       /* addresses relative to the next instruction: long mode alone has them */
        mov     dx, COM1
next:   lodsb
        test    al, al
        jz      done
        out     dx, al                  /* traps: KVM_EXIT_IO */
        jmp     next

done:   mov     r15, 0x123456789abcdef0 /* a register that only this mode has; expect.toml looks at it */
        mov     eax, 42
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

text:   .asciz  "Hello, world\n"
