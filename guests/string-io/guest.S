/*
 * Moves blocks between a port and memory with one instruction: rep ins and rep outs, in all widths.
 *
 * KVM may hand over many elements in one exit (count > 1), and a VMM that looks at the first alone loses the rest.
 * The port gives 00 01 02 ...: the guest compares every byte with the one before. On a mismatch the run ends with
 * the number of the check that failed.
 */
#include "ports.h"
        .intel_syntax noprefix

.macro check number
        mov     ecx, \number
        jne     failed
.endm

        .section .start, "ax"
        .globl  _start
_start:
        cld
        mov     dx, PATTERN_PORT
        lea     rdi, [rip + buffer]
        mov     ecx, 16
        rep insb                        /* traps: 00 ... 0f */
        mov     ecx, 16
        rep insw                        /* 0100-style pairs, low byte first: 10 ... 2f */
        mov     ecx, 16
        rep insd                        /* 30 ... 6f */

        lea     rsi, [rip + buffer]
        xor     eax, eax
compare:
        cmp     [rsi + rax], al         /* 112 bytes, each one more than the last */
        check   1
        inc     eax
        cmp     eax, 16 + 32 + 64
        jb      compare

        lea     rax, [rip + buffer + 16 + 32 + 64]
        cmp     rdi, rax                /* RDI moved by as much as was stored */
        check   2

        std                             /* downwards: the first element goes to the highest address */
        lea     rdi, [rip + buffer + 7]
        mov     ecx, 8
        rep insb                        /* 77 76 ... 70 */
        cld
        mov     rax, 0x7071727374757677
        cmp     [rip + buffer], rax
        check   3

        lea     rsi, [rip + text]
        mov     ecx, 8
        rep outsb                       /* traps */
        mov     ecx, 8
        rep outsw
        mov     ecx, 8
        rep outsd
        lea     rax, [rip + text_end]
        cmp     rsi, rax
        check   4

        mov     dx, COM1                /* the same to the serial port: a line in one instruction */
        lea     rsi, [rip + text]
        mov     ecx, 8
        rep outsb

        xor     ecx, ecx
failed: mov     eax, ecx
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

text:   .ascii  "strings\n"
        .ascii  "sixteen letters!"
        .ascii  "thirty-two letters make a block."
text_end:

        .bss
buffer: .skip   112
