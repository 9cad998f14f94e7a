/*
 * INT 11h, 12h and 15h: what the machine has. 16 MiB here, less the 64 KiB in which the BIOS itself is.
 */
#include "bios.h"
        boot    5

        int     0x11                    /* a floppy, 80 columns in colour, a coprocessor, four serial ports */
        cmp     ax, 0x0823
        must(e)
        int     0x12                    /* KiB below the extended data area */
        cmp     ax, 639
        must(e)
        mov     ah, 0x88                /* KiB above 1 MiB */
        int     0x15
        must(nc)
        cmp     ax, 15360
        must(e)
        mov     ax, 0xe801
        int     0x15
        must(nc)
        cmp     ax, 15360
        must(e)
        cmp     cx, ax
        must(e)
        cmp     bx, 0
        must(e)

        xor     ebx, ebx                /* E820: entry by entry to 0:9000 */
        mov     di, 0x9000
        xor     bp, bp
2:      mov     eax, 0xe820
        mov     edx, 0x534d4150
        mov     ecx, 24
        int     0x15
        must(nc)
        cmp     eax, 0x534d4150
        must(e)
        cmp     ecx, 20
        must(e)
        add     di, 20
        inc     bp
        test    ebx, ebx
        jnz     2b
        cmp     bp, 4
        must(e)
        mov     eax, 0xe820             /* beyond the last */
        mov     ebx, 4
        mov     ecx, 20
        mov     di, 0x9100
        int     0x15
        must(c)
        mov     eax, 0xe820             /* a wrong signature, and too small a buffer */
        xor     ebx, ebx
        xor     edx, edx
        int     0x15
        must(c)
        mov     eax, 0xe820
        mov     edx, 0x534d4150
        mov     ecx, 19
        int     0x15
        must(c)

        mov     ah, 0x87                /* 87: this sector to 1 MiB ... */
        mov     cx, 256
        mov     si, offset table
        int     0x15
        must(nc)
        xchg    ax, [table + 0x12]      /* ... and from there to 0:A000 */
        mov     word ptr [table + 0x12], 0
        mov     byte ptr [table + 0x14], 0x10
        mov     word ptr [table + 0x1a], 0xa000
        mov     byte ptr [table + 0x1c], 0
        mov     ah, 0x87
        mov     cx, 256
        int     0x15
        must(nc)
        mov     si, 0x7c00
        mov     di, 0xa000
        mov     cx, 128
        repe cmpsd
        must(e)
        mov     byte ptr [table + 0x1f], 0x40   /* a target where there is no memory */
        mov     ah, 0x87
        mov     cx, 256
        mov     si, offset table
        int     0x15
        must(c)

        mov     ax, 0x2403              /* 24: A20 */
        int     0x15
        must(nc)
        cmp     bx, 3
        must(e)
        mov     ax, 0x2401
        int     0x15
        must(nc)
        mov     ax, 0x2402
        int     0x15
        cmp     ax, 1
        must(e)
        mov     ax, 0x2400
        int     0x15
        must(nc)
        mov     ax, 0x2402
        int     0x15
        cmp     ax, 0
        must(e)

        mov     ah, 0xc0                /* C0: what machine this is */
        int     0x15
        must(nc)
        cmp     word ptr es:[bx + 2], 0x01fc
        must(e)
        mov     ah, 0xc1                /* C1: where the extended data area is */
        int     0x15
        must(nc)
        mov     ax, es
        cmp     ax, [0x40e]
        must(e)
        cmp     byte ptr es:[0], 1      /* KiB of it */
        must(e)
        mov     ax, 0x5300              /* no power management */
        int     0x15
        must(c)
        cmp     ah, 0x86
        must(e)
        mov     ah, 0x77                /* nothing at all */
        int     0x15
        must(c)
        cmp     ah, 0x86
        must(e)
        mov     ax, 0x4f1e              /* nobody takes a scan code away */
        stc
        int     0x15
        must(c)
        mov     ah, 0x00                /* INT 17h: no printer */
        mov     dx, 0
        int     0x17
        cmp     ah, 1
        must(e)
        say     "memory: all as it should be\r\n"
        succeed

        print_routine
        .balign 8
table:  .skip   16
        .word   0xffff, 0x7c00
        .byte   0, 0x93, 0, 0
        .word   0xffff, 0x0000
        .byte   0x10, 0x93, 0, 0
        .skip   16
