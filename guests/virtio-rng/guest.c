/*
 * Asks a virtio entropy device for random bytes: once and looks for them, then again and sleeps until they are there.
 *
 * Traps: the registers of the device, while it is set up and when its interrupt is acknowledged. To ring for the queue
 * does not: KVM signals an eventfd, on which a thread of the VMM waits, and the guest goes on at once.
 */
#include "ports.h"
#include "virtio.h"

#define VECTOR      0x20
#define SIZE        64

struct gate { u16 low, selector, flags, middle; u32 high, zero; };

static struct queue queue;
static u8 content[2 * SIZE];
static struct gate idt[VECTOR + 8] __attribute__((aligned(16)));
volatile u32 interrupts;

extern void interrupted(void);
__asm__(".globl interrupted\n"
        "interrupted:\n"
        "       push    %rax\n"
        "       incl    interrupts(%rip)\n"
        "       mov     $0x20, %al\n"                   /* end of interrupt */
        "       out     %al, $0x20\n"
        "       pop     %rax\n"
        "       iretq\n");

static void out(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void listen_to_line(u32 line)
{
    u64 handler = (u64)interrupted;
    struct { u16 limit; u64 base; } __attribute__((packed)) pointer = {sizeof idt - 1, (u64)idt};
    u16 selector;

    __asm__ volatile("mov %%cs, %0" : "=r"(selector));
    idt[VECTOR + line] = (struct gate){(u16)handler, selector, 0x8e00, (u16)(handler >> 16), (u32)(handler >> 32), 0};
    __asm__ volatile("lidt %0" : : "m"(pointer));
    out(PIC1_COMMAND, 0x11);                            /* edges, vectors from VECTOR on */
    out(PIC2_COMMAND, 0x11);
    out(PIC1_DATA, VECTOR);
    out(PIC2_DATA, VECTOR + 8);
    out(PIC1_DATA, 4);
    out(PIC2_DATA, 2);
    out(PIC1_DATA, 1);
    out(PIC2_DATA, 1);
    out(PIC1_DATA, (u8)~(1 << line));
    out(PIC2_DATA, 0xff);
}

static int is_random(const u8 *bytes)
{
    u32 zeros = 0;

    for (u32 at = 0; at < SIZE; at++)
        zeros += !bytes[at];
    return zeros < SIZE / 4;
}

int main(void)
{
    u64 device = VIRTIO_FIRST;

    if (get(device, MAGIC) != 0x74726976 || get(device, VERSION) != 2 || get(device, DEVICE_ID) != 4)
        return 1;
    if (!begin(device, 0))
        return 2;
    set_up(device, 0, &queue);
    ready(device);

    queue.descriptors[0] = (struct descriptor){(u64)content, SIZE, DEVICE_WRITES, 0};
    queue.available.flags = NO_INTERRUPT;
    offer(device, 0, &queue, 0);
    while (!queue.used.index)
        __asm__ volatile("pause");
    if (queue.used.ring[0].head != 0 || queue.used.ring[0].written != SIZE || !is_random(content))
        return 3;
    if (get(device, PENDING))
        return 4;

    listen_to_line(VIRTIO_FIRST_LINE);
    queue.descriptors[3] = (struct descriptor){(u64)content + SIZE, SIZE, DEVICE_WRITES, 0};
    queue.available.flags = 0;
    offer(device, 0, &queue, 3);
    while (!interrupts)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    if (queue.used.index != 2 || get(device, PENDING) != 1)
        return 5;
    set(device, ACKNOWLEDGE, 1);
    if (get(device, PENDING))
        return 6;
    if (queue.used.ring[1].head != 3 || !is_random(content + SIZE))
        return 7;

    queue.descriptors[0].address = 1ULL << 40;          /* no memory there: the device asks for a reset, and lives on */
    offer(device, 0, &queue, 0);
    while (!(get(device, STATUS) & NEEDS_RESET))
        __asm__ volatile("pause");
    set(device, STATUS, 0);
    return get(device, STATUS) ? 8 : 0;
}
