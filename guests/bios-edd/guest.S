/*
 * Enhanced Disk Drive: packets name sectors by number, so that nobody counts cylinders.
 */
#include "bios.h"
        boot_disk 6

        mov     ah, 0x41                /* 41: is it there? */
        mov     bx, 0x55aa
        mov     dl, [drive]
        int     0x13
        must(nc)
        cmp     bx, 0xaa55
        must(e)
        cmp     ah, 0x21                /* version 1.1 */
        must(e)
        test    cl, 1
        must(nz)
        mov     ah, 0x41                /* not for a floppy, which there is not */
        mov     bx, 0x55aa
        mov     dl, 0
        int     0x13
        must(c)

        mov     dl, 0x80
        mov     ah, 0x48                /* 48: parameters */
        mov     si, offset table
        int     0x13
        must(nc)
        cmp     dword ptr [table + 16], 8192    /* sectors: 4 MiB */
        must(e)
        cmp     word ptr [table + 24], 512
        must(e)
        cmp     dword ptr [table + 12], 63
        must(e)
        cmp     word ptr [table], 30    /* what was filled in of the 30 bytes offered */
        must(e)
        mov     word ptr [table], 25    /* a table too small for anything */
        mov     ah, 0x48
        int     0x13
        must(c)

        mov     si, offset request      /* 43: two sectors to the end of the disk */
        mov     eax, 0x600dcafe
        mov     [0x9000], eax
        mov     [0x93fc], eax
        mov     ax, 0x4300
        int     0x13
        must(nc)
        mov     ah, 0x44                /* 44: they can be read */
        int     0x13
        must(nc)
        mov     ah, 0x47                /* 47: seek */
        int     0x13
        must(nc)
        mov     word ptr [request + 6], 0x1000  /* 42: back, to 1000:9000 */
        mov     ah, 0x42
        int     0x13
        must(nc)
        cmp     word ptr [request + 2], 2
        must(e)
        push    0x1000
        pop     es
        mov     eax, 0x600dcafe
        cmp     es:[0x9000], eax
        must(e)
        cmp     es:[0x93fc], eax
        must(e)

        mov     dword ptr [request + 4], -1     /* the same through a 64-bit address: 3 MiB, where no segment reaches */
        mov     byte ptr [request], 24
        mov     ah, 0x42
        int     0x13
        must(nc)

        mov     byte ptr [request], 16
        mov     dword ptr [request + 4], 0x9000
        mov     word ptr [request + 2], 3       /* one sector too many: nothing is read, and the packet says so */
        mov     ah, 0x42
        int     0x13
        must(c)
        cmp     ah, 0x04
        must(e)
        cmp     word ptr [request + 2], 0
        must(e)
        mov     word ptr [request + 2], 1
        mov     dword ptr [request + 12], 1     /* sector 2 ** 32 + something */
        mov     ah, 0x42
        int     0x13
        must(c)
        mov     dword ptr [request + 12], 0
        mov     byte ptr [request], 8           /* a packet that is none */
        mov     ah, 0x42
        int     0x13
        must(c)
        mov     byte ptr [request], 16
        mov     dword ptr [request + 4], 0xf0000000     /* into the ROM */
        mov     ah, 0x42
        int     0x13
        must(c)
        cmp     ah, 0x09
        must(e)

        mov     ax, 0x4500              /* 45, 46: a hard disk cannot be locked, nor ejected */
        int     0x13
        must(c)
        cmp     ah, 0xb2
        must(e)
        mov     ah, 0x46
        int     0x13
        must(c)
        say     "edd: all as it should be\r\n"
        succeed

        print_routine
        .balign 4
request:
        .word   16, 2, 0x9000, 0
        .quad   8190
        .quad   0x300000
table:  .word   30
        .skip   30
