/*
 * int 15h: system services. AH: function. -> CF 1 and AH 86h for what there is not.
 *
 *   24 A20: AL 00 off, 01 on, 02 -> AL state, 03 -> BX ways     87 ES:SI descriptors, CX words: copy in 4 GiB
 *   4F scan code intercept: CF stays 1                          88 -> AX KiB above 1 MiB
 *   53 power management: refused                                90, 91 device busy, ready: nothing to do
 *   86 CX:DX microseconds to wait                               C0 -> ES:BX configuration; C1 -> ES EBDA
 *   E801 -> AX, CX KiB from 1 MiB to 16 MiB; BX, DX 64 KiB from there
 *   E820 EDX 'SMAP', EBX next, ECX 20 or more, ES:DI -> EAX 'SMAP', EBX next, ECX, an entry of the memory map
 *
 * A wait sleeps in HLT here: the host sets an alarm and lets the call return at once.
 */
#include "trap.h"

        .text
        .globl  int15
int15:  cmp     ah, 0x86
        je      1f
        trap    0x15
        iret

1:      trap    0x15
        push    bp
        mov     bp, sp
        test    byte ptr [bp + 6], 1    /* CF of the caller: another wait is on */
        pop     bp
        jnz     9f
        push    ds
        push    BDA
        pop     ds
2:      cli
        test    byte ptr ds:[WAIT_FLAG], 0x80
        jnz     3f
        sti                             /* takes effect after hlt began: no interrupt is lost in between */
        hlt
        jmp     2b
3:      mov     byte ptr ds:[WAIT_FLAG], 0
        pop     ds
9:      iret
