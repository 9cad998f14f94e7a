/*
 * Talks to a device in memory space, in every width and with every kind of instruction that compilers use for it.
 *
 * No RAM stands at 0xd0000000: an access there finds no page that KVM could map, KVM decodes the instruction and asks
 * the VMM (KVM_EXIT_MMIO). On a mismatch the run ends with the number of the check that failed.
 */
#include "ports.h"
        .intel_syntax noprefix

.macro check number                     /* ends the run with `number` unless the last comparison was equal */
        mov     ecx, \number
        jne     failed
.endm

        .section .start, "ax"
        .globl  _start
_start:
        cld
        mov     ebx, TEST_MMIO

        mov     eax, [rbx + TEST_ID]    /* traps: a read of 4 bytes */
        cmp     eax, 0x564d4d31
        check   1

        mov     rax, 0x1122334455667788
        mov     [rbx + TEST_SCRATCH], rax       /* 8 bytes in one exit */
        mov     rdx, [rbx + TEST_SCRATCH]
        cmp     rdx, rax
        check   2
        mov     byte ptr [rbx + TEST_SCRATCH], 0xaa
        movzx   eax, byte ptr [rbx + TEST_SCRATCH]
        cmp     eax, 0xaa
        check   3
        mov     word ptr [rbx + TEST_SCRATCH], 0xbbbb
        movzx   eax, word ptr [rbx + TEST_SCRATCH]
        cmp     eax, 0xbbbb
        check   4
        mov     dword ptr [rbx + TEST_SCRATCH], 0xcccccccc
        mov     eax, 0xcccccccc
        cmp     [rbx + TEST_SCRATCH], eax
        check   5

        mov     eax, [rbx + TEST_WRITES]
        mov     dword ptr [rbx + TEST_SCRATCH], 0
        mov     edx, [rbx + TEST_WRITES]
        inc     eax
        cmp     edx, eax                /* one write more */
        check   6

        mov     ecx, 5
add:    mov     [rbx + TEST_SUM], ecx   /* 5 + 4 + 3 + 2 + 1 */
        dec     ecx
        jnz     add
        cmp     dword ptr [rbx + TEST_SUM], 15
        check   7

        lea     rsi, [rip + text]       /* RAM to device, then device to RAM: one exit for every element */
        lea     rdi, [rbx + TEST_STORAGE]
        mov     ecx, 4
        rep movsd
        lea     rsi, [rbx + TEST_STORAGE]
        lea     rdi, [rip + copy]
        mov     ecx, 4
        rep movsd
        lea     rsi, [rip + text]
        lea     rdi, [rip + copy]
        mov     ecx, 16
        repe cmpsb
        check   8

        mov     dword ptr [rbx + TEST_STORAGE], 0xf0
        or      dword ptr [rbx + TEST_STORAGE], 0x0f    /* one instruction, two exits: a read and a write */
        cmp     dword ptr [rbx + TEST_STORAGE], 0xff
        check   9

        xor     ecx, ecx
failed: mov     eax, ecx
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

text:   .ascii  "sixteen letters!"

        .bss
copy:   .skip   16
