/*
 * int 10h: the text screen. AH: function; BH: page; positions in DX (row, column).
 *
 *   00 AL mode (0-3, 7)                        0A as 09, the attribute stays
 *   01 CX cursor shape, 02 DX its place        0E AL character, moves the cursor, scrolls
 *   03 -> DX place, CX shape                   0F -> AL mode, AH columns, BH page
 *   05 AL page                                 12 BL=10h -> BH 0 (colour), BL 3 (256 KiB), CX 9
 *   06 up, 07 down: AL lines, CX-DX window,    13 ES:BP string, CX length, DX place, BL attribute,
 *      BH attribute; AL 0 clears                  AL 1: moves the cursor, 2: attributes in the string
 *   08 -> AL character, AH attribute           1A AL=0 -> AL 1Ah, BL 8 (VGA, colour), BH 0
 *   09 AL character, BL attribute, CX times
 *
 * Anything else: CF=1. Registers that are not named keep their values.
 */
#include "trap.h"

        .text
        .globl  int10
int10:  trap    0x10
        iret
