/*
 * int 19h: loads the first sector of the first drive that has one with 55 AA at its end, and starts it.
 * int 18h: called by what could not boot: tries the drives that come after.
 *
 * -> 0000:7C00 (or where El Torito says), DL the drive, DS = ES = SS = 0, SP 7C00h, interrupts on. With no drive left
 * the host says so on the screen, and ends the run.
 */
#include "trap.h"

.macro  fresh_frame
        cli
        xor     ax, ax
        mov     ss, ax
        mov     sp, 0x7c00
        push    0x0202                  /* flags: interrupts on */
        push    cs
        push    offset stop             /* the service writes the boot sector's address here */
.endm

        .text
        .globl  int18, int19
int18:  fresh_frame
        trap    0x18, 0
        iret

int19:  fresh_frame
        trap    0x19, 0
        iret

stop:   cli
        hlt
        jmp     stop
