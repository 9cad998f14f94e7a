/*
 * int 13h: drives. AH: function; DL: drive (00 floppy, 80h and 81h hard disks, E0h CD-ROM).
 * All: -> CF 0 and AH 0, or CF 1 and AH the error, which function 01 gives again.
 *
 *   00, 0D reset        01 -> AH status of the last call      05 format a track (floppy)
 *   02 read, 03 write, 04 verify: AL sectors, CH and CL bits 7-6 cylinder, CL bits 5-0 sector, DH head, ES:BX
 *      -> AL sectors done
 *   08 -> CX, DH last cylinder, sector, head; DL drives; BL and ES:DI (table) for a floppy
 *   09, 0C, 10, 11, 14 initialise, seek, ready?, recalibrate, diagnose
 *   15 -> AH 0 none, 1 floppy, 2 floppy that knows a change, 3 hard disk with CX:DX sectors; CF 0
 *   16 disk changed?
 *   41 BX=55AA -> BX AA55, AH version, CX what there is      45 AL 0 lock, 1 unlock, 2 status; 46 eject
 *   42 read, 43 write, 44 verify, 47 seek: DS:SI packet      48 DS:SI -> parameters
 *   4B AL 0, 1 end or ask for a disk emulation: DS:SI -> specification packet (El Torito)
 */
#include "trap.h"

        .text
        .globl  int13
int13:  trap    0x13
        iret

        .section .diskette, "a"         /* int 1Eh: parameters of a 1.44 MB drive, at F000:EFC7 for ever */
        .globl  diskette
diskette:
        .byte   0xaf, 0x02              /* step rate and head unload, head load and DMA */
        .byte   0x25                    /* ticks until the motor stops */
        .byte   2, 18                   /* 512-byte sectors; the last on a track */
        .byte   0x1b, 0xff, 0x6c, 0xf6  /* gap, data length, gap and filler of a format */
        .byte   15, 8                   /* head settles in ms; motor starts in eighths of a second */
