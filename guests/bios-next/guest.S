/*
 * INT 18h and 19h: what could not boot hands over to the next drive. The sector counts its starts in memory that a new
 * start leaves alone, and gives up at the second: then no drive is left.
 */
#include "bios.h"
        boot    1

        say     "start\r\n"
        inc     byte ptr [0x600]
        cmp     byte ptr [0x600], 2
        je      2f
        int     0x19                    /* once more from the first drive */
2:      int     0x18

        print_routine
