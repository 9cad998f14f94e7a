/*
 * 32-bit paging with tables of its own: one page of memory at two addresses, and a fault on a page that is not there.
 *
 * With hardware paging nothing of this traps; without it KVM shadows the guest's tables, and still tells no one. The
 * page fault goes to the guest's handler. On a mismatch the run ends with the number of the check that failed.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code32

#define TWIN            0x00400000      /* virtual: the first page of the second 4 MiB */
#define ABSENT          0x00401000      /* virtual: the page behind it */
#define FRAME           0x00180000      /* physical: where TWIN leads */

.macro check number
        mov     ecx, \number
        jne     failed
.endm

        .section .start, "ax"
        .globl  _start
_start:
        mov     esp, offset stack_top
        xor     eax, eax
        mov     edx, cr4
        test    edx, 0x20               /* PAE would mean tables of another shape */
        check   1

        mov     edi, offset identity    /* 0-4 MiB where it is */
        mov     eax, 3                  /* present, writable */
fill:   mov     [edi], eax
        add     edi, 4
        add     eax, 0x1000
        cmp     eax, 0x400003
        jb      fill
        mov     dword ptr [second], FRAME | 3
        mov     dword ptr [directory], offset identity + 3
        mov     dword ptr [directory + 4], offset second + 3
        mov     eax, offset directory
        mov     cr3, eax                /* from one table to the next; this page is at the same place in both */

        mov     dword ptr [TWIN + 0x10], 0x600df00d
        cmp     dword ptr [FRAME + 0x10], 0x600df00d
        check   2

        mov     edi, offset idt + 8 * 14        /* the gate for #PF */
        mov     eax, offset page_fault
        mov     [edi], ax
        mov     [edi + 2], cs
        mov     word ptr [edi + 4], 0x8e00      /* present, ring 0, 32-bit interrupt gate */
        shr     eax, 16
        mov     [edi + 6], ax
        lidt    [idt_pointer]
        mov     eax, [ABSENT + 0x123]
        mov     ecx, 3                  /* no fault */
        jmp     failed

page_fault:
        pop     ebx                     /* error code: 0, a read by ring 0 of a page not present */
        mov     edx, cr2
        cmp     edx, ABSENT + 0x123
        check   4
        test    ebx, ebx
        check   5
        xor     ecx, ecx                /* done; a 32-bit iret would be one more thing that PVM cannot emulate */
failed: mov     eax, ecx
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

        .data
idt_pointer:
        .word   8 * 32 - 1
        .long   idt

        .bss
        .balign 0x1000
directory:
        .skip   0x1000
identity:
        .skip   0x1000
second: .skip   0x1000
idt:    .skip   8 * 32
        .balign 16
        .skip   0x1000
stack_top:
