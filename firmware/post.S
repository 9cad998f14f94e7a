/*
 * Power-on: the reset vector, the interrupt table, both interrupt controllers, the timer; then int 19h.
 *
 * The host fills in the BIOS data area, the extended one and the screen in one exit at SET_UP_PORT: only it knows
 * the drives and the memory. Nothing is tested: virtual chips do not break.
 */
#include "trap.h"

        .text
        .globl  post
post:   cli
        cld
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00

        xor     di, di                  /* every vector: an iret ... */
        mov     cx, 256
1:      mov     ax, offset dummy
        stosw
        mov     ax, cs
        stosw
        loop    1b
        mov     si, offset vectors      /* ... but for those with a handler */
2:      cs lodsw
        cmp     ax, -1
        je      3f
        mov     di, ax
        shl     di, 2
        cs lodsw
        stosw
        jmp     2b

3:      mov     al, 0x11                /* both controllers: initialise, edge-triggered, ICW4 follows */
        out     PIC1, al
        out     PIC2, al
        mov     al, 0x08                /* IRQ 0-7 are int 08h-0Fh */
        out     PIC1 + 1, al
        mov     al, 0x70                /* IRQ 8-15 are int 70h-77h */
        out     PIC2 + 1, al
        mov     al, 4
        out     PIC1 + 1, al
        mov     al, 2
        out     PIC2 + 1, al
        mov     al, 1
        out     PIC1 + 1, al
        out     PIC2 + 1, al
        mov     al, 0xb8                /* timer, keyboard, the second controller, diskette */
        out     PIC1 + 1, al
        mov     al, 0xfe                /* clock */
        out     PIC2 + 1, al

        mov     al, 0x36                /* channel 0, both bytes, mode 3, divisor 65536: 18.2 Hz */
        out     0x43, al
        xor     al, al
        out     0x40, al
        out     0x40, al

        mov     dx, SET_UP_PORT
        xor     eax, eax
        out     dx, eax                 /* traps */

        in      al, 0x64                /* a key typed before: its edge came while nobody listened */
        test    al, 1
        jz      4f
        int     0x09
4:      sti
        int     0x19

vectors:
        .word   0x08, irq0,  0x09, irq1,  0x70, irq8
        .word   0x0a, master_dummy,  0x0b, master_dummy,  0x0c, master_dummy,  0x0d, master_dummy
        .word   0x0e, master_dummy,  0x0f, master_dummy
        .word   0x71, slave_dummy,  0x72, slave_dummy,  0x73, slave_dummy,  0x74, slave_dummy
        .word   0x75, slave_dummy,  0x76, slave_dummy,  0x77, slave_dummy
        .word   0x10, int10,  0x11, int11,  0x12, int12,  0x13, int13,  0x14, int14,  0x15, int15
        .word   0x16, int16,  0x17, int17,  0x18, int18,  0x19, int19,  0x1a, int1a,  0x1e, diskette
        .word   -1

/* Interrupts of devices that nobody took a vector for. */
slave_dummy:
        push    ax
        mov     al, EOI
        out     PIC2, al
        pop     ax
master_dummy:
        push    ax
        mov     al, EOI
        out     PIC1, al
        pop     ax
        iret

        .section .banner, "a"
        .asciz  "vmm BIOS"

        .section .dummy, "ax"
dummy:  iret

        .section .configuration, "a"    /* what int 15h/C0h points to */
        .word   8
        .byte   0xfc, 1, 0              /* a PC AT; submodel, revision */
        .byte   0x64                    /* second interrupt controller, clock, extended BIOS data area */
        .byte   0, 0, 0, 0

        .section .reset, "ax"
        .globl  reset
        .type   reset, @function
reset:  ljmp    0xf000, offset post     /* F000:FFF0, 16 bytes below 1 MiB */
        .ascii  "11/27/26"
        .byte   0, 0xfc, 0              /* model: a PC AT */
        .size   reset, . - reset        /* or what lies above the segment would be named after it */
