/*
 * INT 1Ah, INT 15h/86h, INT 1Ch and INT 4Ah. Traps: the calls, and the ends of interrupt; waiting is `hlt`.
 */
#include "bios.h"
        boot    4

        mov     ah, 0x02                /* 02, 04: a time and a date that make sense */
        int     0x1a
        must(nc)
        cmp     ch, 0x23
        must(be)
        cmp     cl, 0x59
        must(be)
        mov     ah, 0x04
        int     0x1a
        must(nc)
        cmp     ch, 0x20
        must(e)
        cmp     dh, 0x12
        must(be)

        mov     ah, 0x05                /* 05: 29 February 2028 */
        mov     cx, 0x2028
        mov     dx, 0x0229
        int     0x1a
        must(nc)
        mov     ah, 0x03                /* 03: two seconds to midnight */
        mov     cx, 0x2359
        mov     dx, 0x5800
        int     0x1a
        must(nc)
        mov     ah, 0x04
        int     0x1a
        cmp     cx, 0x2028
        must(e)
        cmp     dx, 0x0229
        must(e)

        mov     ah, 0x01                /* 01: one tick to midnight for the ticks */
        mov     cx, 0x0018
        mov     dx, 0x00af
        int     0x1a
        mov     word ptr [0x1c * 4], offset user_tick
        mov     word ptr [0x1c * 4 + 2], 0
2:      hlt
        cmp     byte ptr [ticks], 3
        jb      2b
        mov     ah, 0x00                /* 00: midnight has passed ... */
        int     0x1a
        cmp     al, 1
        must(e)
        cmp     cx, 0
        must(e)
        mov     ah, 0x00                /* ... which is told once */
        int     0x1a
        cmp     al, 0
        must(e)

        mov     bx, [0x46c]
        mov     ah, 0x86                /* 86: 120 ms are two or three ticks, or more on a host that is late */
        mov     cx, 120000 >> 16
        mov     dx, 120000 & 0xffff
        int     0x15
        must(nc)
        mov     ax, [0x46c]
        sub     ax, bx
        cmp     ax, 2
        must(ae)
        cmp     ax, 20
        must(b)

        mov     word ptr [0x4a * 4], offset user_alarm
        mov     word ptr [0x4a * 4 + 2], 0
        mov     ah, 0x06                /* 06: an alarm at midnight */
        xor     cx, cx
        xor     dx, dx
        int     0x1a
        must(nc)
        mov     ah, 0x06                /* one at a time */
        int     0x1a
        must(c)
3:      hlt
        cmp     byte ptr [alarms], 1
        jb      3b
        mov     ah, 0x07                /* 07: no more of them */
        int     0x1a
        must(nc)
        mov     ah, 0x04                /* a leap day is over */
        int     0x1a
        cmp     dx, 0x0301
        must(e)
        mov     ah, 0x77                /* unknown */
        int     0x1a
        must(c)
        say     "time: all as it should be\r\n"
        succeed

user_tick:
        inc     byte ptr cs:[ticks]
        iret
user_alarm:
        inc     byte ptr cs:[alarms]
        iret
ticks:  .byte   0
alarms: .byte   0
        print_routine
