/*
 * int 1Ah: time. AH: function.
 *
 *   00 -> CX:DX ticks since midnight, AL 1 if midnight passed since the last call;  01 CX:DX sets them
 *   02 -> CH hours, CL minutes, DH seconds in BCD;     03 sets them
 *   04 -> CH century, CL year, DH month, DL day;       05 sets them
 *   06 CH, CL, DH alarm, which calls int 4Ah; CF 1 if one is set;  07 no alarm
 */
#include "trap.h"

        .text
        .globl  int1a
int1a:  trap    0x1a
        iret
