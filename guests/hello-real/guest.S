/*
 * Hello from a boot sector, in the mode every PC starts in.
 *
 * Each `out` leaves the guest: KVM knows no serial port, so it stops the CPU and asks the VMM (KVM_EXIT_IO). Nothing
 * else here does; the loop between two of them runs without the VMM.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code16

        .section .start, "ax"
        .globl  _start
_start:
        xor     ax, ax
        mov     ds, ax                  /* real mode: linear address = ds * 16 + offset */
        cld
        mov     si, offset text
        mov     dx, COM1
next:   lodsb
        test    al, al
        jz      done
        out     dx, al                  /* traps: one exit for every character */
        jmp     next

done:   mov     al, 0
        out     DEBUG_EXIT, al          /* traps, and the VMM does not come back */
stop:   cli
        hlt
        jmp     stop

text:   .asciz  "Hello, world\n"

        .org    510
        .word   0xaa55                  /* what makes a sector a boot sector */
