/*
 * INT 13h by cylinder, head and sector: the floppy it came from, and an empty hard disk of 8 MiB (16 heads of 63
 * sectors, 16 cylinders). Traps: a call is one exit, in which the VMM moves up to 64 KiB.
 */
#include "bios.h"
        boot    6

        mov     ah, 0x08                /* 08: the floppy's geometry */
        mov     dl, 0
        int     0x13
        must(nc)
        cmp     cx, 0x4f12              /* cylinders to 79, sectors to 18 */
        must(e)
        cmp     dx, 0x0101              /* heads to 1; one drive */
        must(e)
        cmp     bl, 4                   /* 1.44 MB */
        must(e)
        cmp     byte ptr es:[di + 4], 18        /* the table that INT 1Eh points to */
        must(e)
        mov     ax, es
        cmp     ax, [0x1e * 4 + 2]
        must(e)
        xor     ax, ax
        mov     es, ax

        mov     ah, 0x08                /* the hard disk's */
        mov     dl, 0x80
        int     0x13
        must(nc)
        cmp     cx, 0x0f3f
        must(e)
        cmp     dx, 0x0f01
        must(e)
        mov     ah, 0x08
        mov     dl, 0x81                /* there is no second */
        int     0x13
        must(c)

        mov     ah, 0x15                /* 15: what kind of drive */
        mov     dl, 0
        int     0x13
        must(nc)
        cmp     ah, 1
        must(e)
        mov     ah, 0x15
        mov     dl, 0x80
        int     0x13
        cmp     ah, 3
        must(e)
        cmp     cx, 0
        must(e)
        cmp     dx, 16384
        must(e)
        mov     ah, 0x15
        mov     dl, 0x85
        int     0x13
        must(nc)
        cmp     ah, 0
        must(e)
        mov     ah, 0x16                /* 16: nobody changed the floppy */
        mov     dl, 0
        int     0x13
        must(nc)

        mov     ax, 0x0201              /* 02: the sector with 'marked' in it: cylinder 0, head 0, sector 7 */
        mov     cx, 0x0007
        mov     dx, 0x0000
        mov     bx, 0x9000
        int     0x13
        must(nc)
        cmp     al, 1
        must(e)
        cmp     dword ptr [0x9000 + 506], 0x6b72616d
        must(e)

        mov     ax, 0x1000              /* 03: 128 sectors, 64 KiB, to the hard disk: cylinder 1, head 2, sector 3 */
        mov     es, ax
        xor     di, di
        mov     eax, 0x01020304
        mov     cx, 0x4000
2:      stosd
        add     eax, 0x01010101
        loop    2b
        xor     bx, bx
        mov     ax, 0x0380
        mov     cx, 0x0103
        mov     dx, 0x0280
        int     0x13
        must(nc)
        mov     ax, 0x0480              /* 04: they are there */
        int     0x13
        must(nc)
        mov     ax, 0x2000              /* and come back the same */
        mov     es, ax
        mov     ax, 0x0280
        int     0x13
        must(nc)
        mov     ax, 0x1000
        mov     ds, ax
        xor     si, si
        xor     di, di
        mov     cx, 0x4000
        repe cmpsd
        mov     ax, 0
        mov     ds, ax
        must(e)

        mov     es, ax                  /* what must fail, with the reason in AH and in function 01 */
        mov     ax, 0x0201
        mov     cx, 0x0013              /* sector 19 of 18 */
        mov     dx, 0x0000
        mov     bx, 0x9000
        int     0x13
        must(c)
        cmp     ax, 0x0400
        must(e)
        mov     ah, 0x01
        int     0x13
        must(c)
        cmp     ah, 0x04
        must(e)
        mov     ax, 0x0201              /* sectors count from 1 */
        mov     cx, 0x0000
        int     0x13
        must(c)
        mov     ax, 0x0201              /* cylinder 80 of 80 */
        mov     cx, 0x5001
        int     0x13
        must(c)
        mov     ax, 0x0202              /* the last sector, and one beyond the end */
        mov     cx, 0x4f12
        mov     dx, 0x0100
        int     0x13
        must(c)
        cmp     ax, 0x0400
        must(e)
        mov     ax, 0x0201
        int     0x13
        must(nc)
        mov     ax, 0x0200              /* no sectors at all */
        int     0x13
        must(c)
        mov     ax, 0x0201              /* into the ROM */
        mov     cx, 0x0001
        mov     dx, 0x0000
        push    0xf000
        pop     es
        int     0x13
        must(c)
        cmp     ah, 0x09
        must(e)
        push    0
        pop     es
        mov     ax, 0x0301              /* written, though it is read-only */
        int     0x13
        must(c)
        cmp     ah, 0x03
        must(e)
        mov     ax, 0x0201              /* a drive that there is not */
        mov     dl, 0x07
        int     0x13
        must(c)
        cmp     ax, 0x0100
        must(e)
        mov     ah, 0x99                /* a function that there is not */
        mov     dl, 0x80
        int     0x13
        must(c)

        mov     ah, 0x00                /* 00: reset, and the error is gone */
        mov     dl, 0x80
        int     0x13
        must(nc)
        mov     ah, 0x01
        int     0x13
        must(nc)
        mov     ah, 0x0c                /* 0C: seek */
        mov     cx, 0x0f01
        mov     dx, 0x0080
        int     0x13
        must(nc)
        mov     ah, 0x10                /* 10: ready */
        int     0x13
        must(nc)
        say     "disk: all as it should be\r\n"
        succeed

        print_routine
        .org    6 * 512 + 506
        .ascii  "marked"
