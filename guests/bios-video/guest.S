/*
 * INT 10h, function by function, from a floppy's boot sector. What is printed is also what the VMM's user reads.
 *
 * Traps: each call is one exit, at a port that is named after it; the cells themselves are plain memory.
 */
#include "bios.h"
        boot    6

        mov     ax, 0x0003              /* 00: mode 3, which clears */
        int     0x10
        mov     ah, 0x0f                /* 0F: and so it is */
        int     0x10
        cmp     ax, 0x5003              /* 80 columns, mode 3 */
        must(e)
        cmp     bh, 0
        must(e)

        say     "Teletype\r\n12345\b\b*\r\n"                            /* 0E, with backspace */

        mov     ah, 0x03                /* 03: where it left the cursor, and its shape */
        mov     bh, 0
        int     0x10
        cmp     dx, 0x0200
        must(e)
        cmp     cx, 0x0607
        must(e)
        mov     ah, 0x01                /* 01: a block */
        mov     cx, 0x0007
        int     0x10
        cmp     word ptr [0x460], 0x0007
        must(e)

        mov     ah, 0x02                /* 02, 09: five stars in yellow on blue at row 3, column 10 */
        mov     dx, 0x030a
        mov     bh, 0
        int     0x10
        mov     ax, 0x092a
        mov     bx, 0x001e
        mov     cx, 5
        int     0x10
        mov     ah, 0x08                /* 08: read one back */
        mov     bh, 0
        int     0x10
        cmp     ax, 0x1e2a
        must(e)
        mov     ax, 0x0a2b              /* 0A: a plus over the first two, colours stay */
        mov     cx, 2
        int     0x10
        mov     ah, 0x08
        int     0x10
        cmp     ax, 0x1e2b
        must(e)
        mov     ah, 0x03                /* none of these moved the cursor */
        int     0x10
        cmp     dx, 0x030a
        must(e)

        mov     ax, 0x1301              /* 13: a string at row 4, cursor behind it */
        mov     bx, 0x0007
        mov     cx, 6
        mov     dx, 0x0402
        mov     bp, offset string
        int     0x10
        must(nc)
        mov     ah, 0x03
        mov     bh, 0
        int     0x10
        cmp     dx, 0x0408
        must(e)
        mov     ax, 0x1302              /* with attributes in it; the cursor stays */
        mov     cx, 3
        mov     dx, 0x0502
        mov     bp, offset painted
        int     0x10
        mov     ah, 0x03
        int     0x10
        cmp     dx, 0x0408
        must(e)

        mov     ah, 0x02                /* 06, 07: a window of three rows, up one and down one */
        mov     dx, 0x0700
        int     0x10
        say     "one\r\ntwo\r\nthree"
        mov     ax, 0x0601
        mov     bh, 0x4f
        mov     cx, 0x0700
        mov     dx, 0x0904
        int     0x10
        mov     ah, 0x02
        mov     dx, 0x0b00
        mov     bh, 0
        int     0x10
        say     "four\r\nfive"
        mov     ax, 0x0701
        mov     bh, 0x07
        mov     cx, 0x0b00
        mov     dx, 0x0c04
        int     0x10
        mov     ax, 0x0600              /* AL 0 clears: the x of the next line goes */
        mov     bh, 0x07
        mov     cx, 0x0e00
        mov     dx, 0x0e4f
        int     0x10

        mov     ax, 0x0501              /* 05: another page has a cursor of its own, and text */
        int     0x10
        cmp     word ptr [0x44e], 0x1000
        must(e)
        say     "second page"
        cmp     word ptr [0x452], 0x000b
        must(e)
        mov     ax, 0xb900
        mov     es, ax
        cmp     byte ptr es:[0], 's'
        must(e)
        mov     ax, 0x0500
        int     0x10

        mov     ah, 0x12                /* 12: what adapter */
        mov     bl, 0x10
        int     0x10
        cmp     bx, 0x0003
        must(e)
        mov     ax, 0x1a00              /* 1A: a VGA with a colour display */
        int     0x10
        cmp     al, 0x1a
        must(e)
        cmp     bl, 8
        must(e)

        clc
        mov     ax, 0x0013              /* graphics: refused, and the screen stays */
        int     0x10
        must(c)
        mov     ah, 0x4f                /* unknown: CF, and a name of its own in the statistics */
        int     0x10
        must(c)

        mov     ax, 0x0007              /* monochrome has its memory elsewhere */
        int     0x10
        mov     ax, 0xb000
        mov     es, ax
        mov     ax, 0x0e4d
        int     0x10
        cmp     word ptr es:[0], 0x074d
        must(e)
        mov     ax, 0x0083              /* mode 3 again, bit 7: without clearing */
        int     0x10

        mov     ah, 0x02                /* the last line scrolls the page by one */
        mov     dx, 0x1800
        mov     bh, 0
        int     0x10
        say     "end\n"
        succeed

        print_routine
string: .ascii  "string"
painted:
        .byte   'R', 0x04, 'G', 0x02, 'B', 0x01
