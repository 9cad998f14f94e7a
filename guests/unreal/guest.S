/*
 * "Unreal" mode: real mode with segments of 4 GiB, as boot loaders use it to put a kernel above 1 MiB.
 *
 * The limit of a segment lives in a hidden part of its register. Protected mode loads it from a table, real mode
 * leaves it alone. A VMM that does not keep the hidden parts apart breaks this; nothing traps but the end.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code16

#define FLAT_DATA       8
#define HIGH            0x110000        /* above 1 MiB; without line A20 it would be ... */
#define LOW             0x010000        /* ... here */

        .section .start, "ax"
        .globl  _start
_start:
        cli
        xor     ax, ax
        mov     ds, ax
        lgdt    [gdt_pointer]
        mov     eax, cr0
        or      al, 1                   /* protected mode, for as long as it takes to load DS */
        mov     cr0, eax
        jmp     flush
flush:  mov     bx, FLAT_DATA
        mov     ds, bx                  /* limit 4 GiB, from the table */
        and     al, 0xfe
        mov     cr0, eax
        jmp     back
back:   xor     bx, bx
        mov     ds, bx                  /* base 0 again; the limit stays */

        mov     ebx, HIGH
        mov     esi, LOW
        mov     dword ptr [esi], 0x11111111
        mov     dword ptr [ebx], 0x22222222
        mov     ecx, [ebx]              /* a #GP in plain real mode */
        mov     edx, [esi]

        mov     al, 0
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

        .balign 8
gdt:    .quad   0
        .quad   0x00cf92000000ffff      /* 0x08: data, base 0, 4 GiB */
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt
