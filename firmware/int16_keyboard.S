/*
 * int 16h: the keyboard's buffer. AH: function.
 *
 *   00, 10 wait -> AH scan code, AL character       02 -> AL shift flags; 12 -> AX both flag bytes
 *   01, 11 -> ZF 1: no key, or ZF 0 and AX the next, which stays
 *   05 CX to the buffer's end -> AL 0, or 1: full   03 repeat rate: taken, no effect
 *
 * The wait is here, in HLT; the host is asked once, when there is a key.
 */
#include "trap.h"

        .text
        .globl  int16
int16:  test    ah, 0xef
        jnz     9f
        push    ax
        push    ds
        mov     ax, BDA
        mov     ds, ax
1:      cli
        mov     ax, ds:[KEYBOARD_HEAD]
        cmp     ax, ds:[KEYBOARD_TAIL]
        jne     2f
        sti                             /* takes effect after hlt began: no key is lost in between */
        hlt
        jmp     1b
2:      pop     ds
        pop     ax
9:      trap    0x16
        iret
