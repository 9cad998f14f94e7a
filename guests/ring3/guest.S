/*
 * Enters ring 3, works there, and comes back through exceptions.
 *
 * Ring 3 runs without the VMM until it writes to a port (the bitmap in the TSS allows COM1: KVM_EXIT_IO as from ring
 * 0; PVM looks at the bitmap alone, and not at IOPL in RFLAGS, so the bitmap it is). Its two exceptions, #GP for a privileged instruction and #UD for ud2, are the guest's own affair: the CPU goes through the
 * guest's IDT to ring 0 and no exit reaches the VMM. int n and syscall are left out: software KVM (PVM) does not
 * carry them from ring 3 to ring 0 as hardware does.
 */
#include "ports.h"
#include "gates.h"
        .intel_syntax noprefix

#define KERNEL_CODE     0x08
#define KERNEL_DATA     0x10
#define USER_DATA       (0x18 | 3)
#define USER_CODE       (0x20 | 3)
#define TASK            0x28
#define FLAGS           0x0002          /* interrupts off; bit 1 is always set */
#define ROUNDS          1000000

        .section .start, "ax"
        .globl  _start
_start:
        lea     rsp, [rip + stack_top]

        lea     rax, [rip + task]       /* the TSS descriptor holds its address in four pieces */
        mov     [rip + gdt + TASK + 2], ax
        shr     rax, 16
        mov     [rip + gdt + TASK + 4], al
        mov     [rip + gdt + TASK + 7], ah
        shr     rax, 16
        mov     [rip + gdt + TASK + 8], eax
        lea     rax, [rip + stack_top]
        mov     [rip + task + 4], rax   /* RSP0: the stack for whoever comes up from ring 3 */

        lgdt    [rip + gdt_pointer]
        push    KERNEL_CODE
        lea     rax, [rip + reload]
        push    rax
        retfq                           /* CS from the new table */
reload: mov     eax, KERNEL_DATA
        mov     ss, eax
        mov     eax, TASK
        ltr     ax
        set_gate 6, undefined
        set_gate 13, protection
        lidt    [rip + idt_pointer]

        lea     rsi, [rip + _start]     /* open the page we stand on to ring 3: the U bit at every level */
        mov     rdi, cr3
        mov     ecx, 39
level:  shl     rdi, 12                 /* bits 12-51 are the table's address */
        shr     rdi, 24
        shl     rdi, 12
        mov     rax, rsi
        shr     rax, cl
        and     eax, 511
        or      qword ptr [rdi + 8 * rax], 4
        mov     rdi, [rdi + 8 * rax]
        test    edi, 0x80               /* a large page ends the walk */
        jnz     opened
        sub     ecx, 9
        cmp     ecx, 12
        jae     level
opened: mov     rax, cr3
        mov     cr3, rax                /* forget the old translations */

        push    USER_DATA               /* what iretq takes: SS, RSP, RFLAGS, CS, RIP */
        lea     rax, [rip + user_stack_top]
        push    rax
        push    FLAGS
        push    USER_CODE
        lea     rax, [rip + user]
        push    rax
        iretq

user:   mov     ecx, ROUNDS             /* ring 3: no exit in this loop */
        xor     ebx, ebx
sum:    add     rbx, rcx
        dec     rcx
        jnz     sum

        lea     rsi, [rip + text]
        mov     edx, COM1
next:   mov     al, [rsi]
        test    al, al
        jz      said
        out     dx, al                  /* traps: KVM_EXIT_IO out of ring 3 */
        inc     rsi
        jmp     next
said:   hlt                             /* not for ring 3: #GP */
        ud2                             /* not for anybody: #UD */

protection:
        test    byte ptr [rsp + 16], 3  /* error code, RIP, CS: where do we come from? */
        jz      wrong
        inc     dword ptr [rip + faults]
        add     rsp, 8                  /* the error code */
        inc     qword ptr [rsp]         /* over the one byte of hlt */
        iretq

undefined:
        mov     eax, [rsp + 8]
        and     eax, 3
        cmp     dword ptr [rip + faults], 1
        jne     wrong
        out     DEBUG_EXIT, al          /* 3: the ring we came from */
wrong:  mov     al, 0xee
        out     DEBUG_EXIT, al
stop:   cli
        hlt
        jmp     stop

text:   .asciz  "Hello from ring 3\n"

        .data
        .balign 8
gdt:    .quad   0
        .quad   0x00209b0000000000      /* 0x08: code, 64-bit, ring 0 */
        .quad   0x0000930000000000      /* 0x10: data, ring 0 */
        .quad   0x0000f30000000000      /* 0x18: data, ring 3 */
        .quad   0x0020fb0000000000      /* 0x20: code, 64-bit, ring 3 */
        .quad   0x0000890000000000 + task_end - task - 1        /* 0x28: TSS; the address is filled in */
        .quad   0
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .quad   gdt
idt_pointer:
        .word   16 * 32 - 1
        .quad   idt

task:   .skip   102
        .word   104                     /* where the bitmap starts: a bit for each port, 0 lets ring 3 use it */
        .fill   COM1 / 8, 1, 0xff
        .byte   0                       /* the eight ports of COM1 */
        .byte   0xff                    /* the CPU may read one byte further */
task_end:

        .bss
        .balign 16
idt:    .skip   16 * 32
faults: .skip   4
        .balign 16
        .skip   0x1000
stack_top:
        .skip   0x1000
user_stack_top:
