/* Assembler macros for an interrupt table in long mode. A guest that uses them has `idt`, 16 bytes a vector, zeroed. */

/* Points `vector` at `handler`: an interrupt gate of ring 0. Changes rax and rdi. */
.macro set_gate vector, handler
        lea     rdi, [rip + idt + 16 * \vector]
        lea     rax, [rip + \handler]
        mov     [rdi], ax                       /* the handler's address comes in three pieces */
        mov     [rdi + 2], cs
        mov     word ptr [rdi + 4], 0x8e00      /* present, ring 0, 64-bit interrupt gate */
        shr     rax, 16
        mov     [rdi + 6], eax
        shr     rax, 32
        mov     [rdi + 10], eax
.endm
