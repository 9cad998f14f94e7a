/*
 * A whole disc: volume descriptors at sector 16, the boot catalogue at sector 19, the boot image at sector 20. It is
 * linked at 0 and its image is loaded to segment 0A00h, so that the code lies at the same address on disc and in memory.
 */
#include "ports.h"
        .intel_syntax noprefix
        .code16

#define SECTOR          2048
#define IMAGE           20
#define must(condition) j##condition 1f; mov ax, __LINE__; jmp failed; 1:

        .section .start, "ax"
        .org    16 * SECTOR             /* primary volume descriptor: as much as says that this is ISO 9660 */
        .byte   1
        .ascii  "CD001\001"
        .org    17 * SECTOR             /* boot record */
        .byte   0
        .ascii  "CD001\001EL TORITO SPECIFICATION"
        .org    17 * SECTOR + 0x47
        .long   19
        .org    18 * SECTOR             /* the end of the descriptors */
        .byte   255
        .ascii  "CD001\001"
        .org    19 * SECTOR             /* boot catalogue: validation entry, whose words have the sum 0 */
        .byte   1, 0, 0, 0
        .org    19 * SECTOR + 28
        .word   0x55aa, 0xaa55
        .byte   0x88, 0                 /* default entry: bootable, no emulation */
        .word   IMAGE * SECTOR / 16     /* the segment that it goes to */
        .byte   0, 0
        .word   4                       /* sectors of 512 bytes */
        .long   IMAGE

        .org    IMAGE * SECTOR
        .globl  _start
_start: ljmp    0, offset 1f
1:      xor     ax, ax
        mov     ds, ax
        mov     es, ax
        cmp     dl, 0xe0
        must(e)

        mov     ah, 0x48                /* sectors of 2048 bytes */
        mov     si, offset table
        int     0x13
        must(nc)
        cmp     word ptr [table + 24], SECTOR
        must(e)
        mov     ah, 0x42                /* sector 21 to 1000:0 */
        mov     si, offset packet
        int     0x13
        must(nc)
        mov     ah, 0x43                /* nobody writes a CD-ROM */
        int     0x13
        must(c)
        cmp     ah, 0x03
        must(e)
        mov     ax, 0x4b01              /* how it was booted */
        mov     si, offset table
        int     0x13
        must(nc)
        cmp     word ptr [table], 0x0013
        must(e)
        cmp     byte ptr [table + 2], 0xe0
        must(e)
        cmp     dword ptr [table + 4], IMAGE
        must(e)
        mov     ax, 0x4500              /* 45: lock, status, eject, unlock */
        int     0x13
        must(nc)
        mov     ax, 0x4502
        int     0x13
        cmp     al, 1
        must(e)
        mov     ah, 0x46
        int     0x13
        must(c)
        cmp     ah, 0xb1
        must(e)
        mov     ax, 0x4501
        int     0x13
        must(nc)
        mov     ax, 0x4501
        int     0x13
        must(c)

        push    0x1000
        pop     ds
        xor     si, si
        mov     ah, 0x0e
2:      lodsb
        test    al, al
        jz      3f
        int     0x10
        jmp     2b
3:      xor     ax, ax
failed: out     DEBUG_EXIT, ax
        cli
        hlt

packet: .word   16, 1, 0, 0x1000
        .quad   IMAGE + 1
table:  .word   26
        .skip   26

        .org    (IMAGE + 1) * SECTOR
        .asciz  "Hello from sector 21 of a CD-ROM\r\n"
