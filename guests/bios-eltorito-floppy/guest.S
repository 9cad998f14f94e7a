/*
 * A disc whose boot image is a 1.44 MB floppy at sector 20. Its boot sector runs at 7C00h and not where it is linked,
 * so it uses no address of its own.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code16

#define SECTOR          2048
#define IMAGE           20
#define must(condition) j##condition 1f; mov ax, __LINE__; jmp failed; 1:

        .section .start, "ax"
        .globl  _start
_start: .org    16 * SECTOR
        .byte   1
        .ascii  "CD001\001"
        .org    17 * SECTOR
        .byte   0
        .ascii  "CD001\001EL TORITO SPECIFICATION"
        .org    17 * SECTOR + 0x47
        .long   19
        .org    18 * SECTOR
        .byte   255
        .ascii  "CD001\001"
        .org    19 * SECTOR
        .byte   1, 0, 0, 0
        .org    19 * SECTOR + 28
        .word   0x55aa, 0xaa55
        .byte   0x88, 2                 /* bootable, a 1.44 MB floppy */
        .word   0, 0
        .word   1
        .long   IMAGE

        .org    IMAGE * SECTOR          /* at 0:7C00 when it runs */
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        cmp     dl, 0
        must(e)
        mov     ah, 0x08                /* a floppy like any other, and there are two */
        int     0x13
        must(nc)
        cmp     cx, 0x4f12
        must(e)
        cmp     dx, 0x0102
        must(e)
        xor     ax, ax
        mov     es, ax
        mov     ax, 0x0201              /* its last sector: 79, 1, 18 */
        mov     bx, 0x9000
        mov     cx, 0x4f12
        mov     dx, 0x0100
        int     0x13
        must(nc)
        mov     ax, 0x0301              /* which cannot be written */
        int     0x13
        must(c)
        cmp     ah, 0x03
        must(e)
        mov     si, 0x9000
        mov     ah, 0x0e
2:      lodsb
        test    al, al
        jz      3f
        int     0x10
        jmp     2b
3:      mov     ax, 0x4b00              /* the end of the emulation: A is the real floppy again */
        mov     si, 0x9200
        int     0x13
        must(nc)
        mov     ah, 0x08
        mov     dx, 0
        int     0x13
        cmp     cx, 0x2709              /* 360 KB */
        must(e)
        xor     ax, ax
failed: out     DEBUG_EXIT, ax
        cli
        hlt
        .org    IMAGE * SECTOR + 510
        .word   0xaa55

        .org    IMAGE * SECTOR + 2879 * 512
        .asciz  "Hello from the last sector of a floppy on a CD-ROM\r\n"
