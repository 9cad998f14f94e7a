/*
 * A Multiboot 1 kernel that is no ELF file: its header says where it goes and where it starts (the "a.out kludge").
 *
 * The entry is not the first byte, and the header asks for zeroed memory behind the file: both are checked, and the
 * magic number. Only the end at the debug-exit port traps.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code32

        .set    MAGIC, 0x1badb002
        .set    FLAGS, 1 << 16 | 1 << 1

        .section .start, "ax"
        .globl  _start
_start:
        mov     al, 1                   /* nobody may start here */
        out     DEBUG_EXIT, al

        .balign 4
header: .long   MAGIC, FLAGS, -(MAGIC + FLAGS)
        .long   header, _start, file_end, bss_end, entry

entry:
        cmp     eax, 0x2badb002
        mov     al, 2
        jne     stop
        test    dword ptr [ebx], 1 << 6 /* the memory map is there */
        mov     al, 3
        jz      stop
        mov     esi, offset file_end    /* all zero from here on */
        mov     ecx, bss_end - file_end
        mov     al, 4
next:   cmp     byte ptr [esi], 0
        jne     stop
        inc     esi
        dec     ecx
        jnz     next
        mov     al, 42
stop:   out     DEBUG_EXIT, al
        hlt

        .balign 4
file_end:
        .set    bss_end, file_end + 0x2000
