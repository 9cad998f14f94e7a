/*
 * How a BIOS call reaches the host: one `out` of 32 bits to the port (interrupt << 8 | AH), so that each call is one
 * exit with a name of its own. EAX holds the linear address of the frame, which the service reads and writes:
 *
 *      +0 es  +2 ds  +4 edi  +8 esi  +12 ebp  +16 esp (as pushad has it)  +20 ebx  +24 edx  +28 ecx  +32 eax
 *      +36 ip  +38 cs  +40 flags: where iret goes, with the CF and ZF that the caller sees
 */
#define BDA             0x40            /* segment of the BIOS data area */
#define KEYBOARD_HEAD   0x1a
#define KEYBOARD_TAIL   0x1c
#define TICKS           0x6c
#define MIDNIGHT        0x70
#define WAIT_FLAG       0xa0            /* bit 7: the wait of int 15h/86h is over */

#define PIC1            0x20
#define PIC2            0xa0
#define EOI             0x20
#define TICKS_OF_DAY    0x1800b0

#define SET_UP_PORT     0x1b00          /* the host fills in BDA and EBDA */
#define SCAN_CODE_PORT  0x0900          /* takes a scan code from the IRQ 1 handler */

        .intel_syntax noprefix
        .code16

/* Gives the call to the host; the caller's registers are then as the service left them. `function` is ah or 0. */
.macro trap interrupt, function=ah
        pushad
        push    ds
        push    es
        mov     bp, sp
        test    byte ptr [bp + 41], 2   /* interrupts on at the caller's? then here, too: a loop that only polls is */
        jz      7f                      /* in its stub nearly all the time, and KVM on PVM looks at exits alone */
        sti
7:      mov     dl, \function
        mov     dh, \interrupt
        mov     ax, ss
        movzx   eax, ax
        shl     eax, 4
        movzx   ecx, bp
        add     eax, ecx
        out     dx, eax                 /* traps: the service does its work in this exit */
        pop     es
        pop     ds
        popad
.endm
