/* int 11h: -> AX equipment word (0040:0010). int 12h: -> AX KiB of memory below the EBDA (0040:0013). */
#include "trap.h"

        .text
        .globl  int11, int12
int11:  trap    0x11, 0
        iret

int12:  trap    0x12, 0
        iret
