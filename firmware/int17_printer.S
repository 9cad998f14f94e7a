/* int 17h: printers, of which there is none: -> AH 01 (timed out) for functions 00, 01 and 02. */
#include "trap.h"

        .text
        .globl  int17
int17:  trap    0x17
        iret
