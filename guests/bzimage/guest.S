/*
 * A Linux kernel as a boot loader sees one: a setup header, 16-bit setup code, and 32-bit code for 1 MiB.
 *
 * The setup code has the BIOS print the command line, goes to protected mode and jumps to the rest, which prints the
 * initrd. What traps: each BIOS call once, the bytes on COM1, the end. (Linux Documentation/arch/x86/boot.rst)
 */
#include "ports.h"
        .intel_syntax noprefix

        .set    SETUP, 0x10000          /* where this loader puts it; nothing below depends on that but the GDT */
        .set    KERNEL, 0x100000

        .code16
        .section .start, "ax"
        .globl  _start
_start:
        .org    0x1f1
        .byte   1                       /* setup_sects, besides the first */
        .word   0
        .long   (end - kernel + 15) / 16        /* syssize */
        .org    0x1fe
        .word   0xaa55
        jmp     short setup             /* the entry, at segment + 0x20 : 0 */
        .ascii  "HdrS"
        .word   0x20f                   /* protocol 2.15 */
        .org    0x210
loader: .byte   0                       /* type_of_loader, which the loader fills in */
flags:  .byte   1                       /* loadflags: the kernel goes to 1 MiB */
        .org    0x218
initrd: .long   0, 0                    /* address and size */
        .org    0x228
words:  .long   0                       /* cmd_line_ptr */
        .long   0x7fffffff              /* initrd_addr_max */
        .org    0x238
        .long   255                     /* cmdline_size */
        .org    0x260
        .long   0x1000                  /* init_size */

setup:  mov     ax, cs                  /* as the protocol has it: all data segments 0x20 below this one */
        sub     ax, 0x20
        mov     bl, 1
        mov     dx, ds
        cmp     ax, dx
        jne     bad
        mov     dx, es
        cmp     ax, dx
        jne     bad
        mov     dx, ss
        cmp     ax, dx
        jne     bad
        push    ds                      /* from here on code and data have the same segment */
        push    offset 1f
        retf
1:      mov     bl, 2
        cmp     byte ptr [loader], 0xff
        jne     bad
        test    byte ptr [flags], 0x80  /* there is a heap */
        jz      bad

        mov     eax, [words]
        shr     eax, 4
        mov     fs, ax
        mov     si, [words]
        and     si, 15
2:      mov     al, fs:[si]
        inc     si
        test    al, al
        jz      3f
        mov     ah, 0x0e
        mov     bx, 7
        int     0x10                    /* traps: teletype */
        jmp     2b

3:      cli
        lgdt    [table]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        mov     ax, 16
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     esi, SETUP
        data32 ljmp 8, KERNEL

bad:    mov     al, bl
        out     DEBUG_EXIT, al

        .balign 8
gdt:    .quad   0, 0x00cf9b000000ffff, 0x00cf93000000ffff
table:  .word   table - gdt - 1
        .long   SETUP + gdt
        .org    0x400

        .code32
kernel: mov     ecx, [esi + initrd + 4]
        mov     esi, [esi + initrd]
        mov     dx, COM1
        rep     outsb                   /* traps: the initrd */
        mov     al, 42
        out     DEBUG_EXIT, al
        hlt
end:
