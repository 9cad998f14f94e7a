/*
 * For boot sectors: a check that names its line, the rest of the disk loaded, and the ends of a run.
 *
 * A guest that includes it starts with `boot` (or `boot_disk` on a hard disk), and ends with `finish` and the size of
 * its image. Up to then all sectors are at 0:7C00 and the drive's number is in [drive].
 */
#include "ports.h"
        .intel_syntax noprefix
        .code16

#define must(condition) j##condition 1f; mov ax, __LINE__; jmp failed; 1:       /* changes no register if it holds */

.macro  start_up
        .section .start, "ax"
        .globl  _start
_start: ljmp    0, offset 1f            /* some BIOSes come with another CS */
1:      xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00
        cld
        mov     [drive], dl
.endm

/* From a floppy: the sectors behind the first, which are all on the first track. */
.macro  boot sectors
        start_up
        mov     ax, 0x200 + \sectors
        mov     bx, 0x7e00
        mov     cx, 2
        xor     dh, dh
        int     0x13
        must(nc)
        jmp     main
        end_of_sector
.endm

/* From a hard disk: by number. */
.macro  boot_disk sectors
        start_up
        mov     si, offset packet
        mov     word ptr [packet + 2], \sectors
        mov     ah, 0x42
        int     0x13
        must(nc)
        jmp     main
packet: .word   16, 0, 0x7e00, 0        /* size, how many, where to */
        .quad   1
        end_of_sector
.endm

.macro  end_of_sector
failed: out     DEBUG_EXIT, ax          /* the number of the line that failed */
        cli
        hlt
drive:  .byte   0
        .org    510
        .word   0xaa55
main:
.endm

/* Prints the string at SI, as far as its 0. */
.macro  print_routine
print:  mov     ah, 0x0e
2:      lodsb
        test    al, al
        jz      3f
        int     0x10
        jmp     2b
3:      ret
.endm

.macro  say text
        mov     si, offset 8f
        call    print
        jmp     9f
8:      .asciz  "\text"
9:
.endm

.macro  succeed
        xor     al, al
        out     DEBUG_EXIT, al
        cli
        hlt
.endm
