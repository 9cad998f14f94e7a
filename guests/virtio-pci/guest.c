/*
 * Finds a virtio entropy device on the PCI bus, by PCI Express' window, and drives it where its BAR says.
 *
 * Traps: every access to configuration space and to the registers. The doorbell is an eventfd in KVM here too, and the
 * interrupt a message to the local APIC, which is in the kernel: nothing of it comes by way of the VMM's vCPU thread.
 */
#include "ports.h"
#include "virtio.h"

#define ECAM            0xc0000000
#define FUNCTION        (ECAM + (1 << 15))      /* device 1, function 0 */
#define COMMAND         0x04
#define BAR             0x10
#define CAPABILITIES    0x34
#define OF_VENDOR       0x09
#define MSIX            0x11
#define MEMORY_MASTER   6
#define ELSEWHERE       0xe8000000

#define COMMON          1
#define NOTIFY          2

#define C_OFFERED_PAGE  0x00
#define C_OFFERED       0x04
#define C_ACCEPTED_PAGE 0x08
#define C_ACCEPTED      0x0c
#define C_STATUS        0x14
#define C_QUEUE         0x16
#define C_ENTRIES       0x18
#define C_VECTOR        0x1a
#define C_ENABLE        0x1c
#define C_DESCRIPTORS   0x20
#define C_AVAILABLE     0x28
#define C_USED          0x30

#define LOCAL_APIC      0xfee00000
#define SPURIOUS        0xf0
#define END             0xb0
#define VECTOR          0x40
#define SIZE            64

struct gate { u16 low, selector, flags, middle; u32 high, zero; };

static struct queue queue;
static u8 content[SIZE];
static struct gate idt[VECTOR + 1] __attribute__((aligned(16)));
volatile u32 interrupts;

extern void interrupted(void);
__asm__(".globl interrupted\n"
        "interrupted:\n"
        "       push    %rax\n"
        "       incl    interrupts(%rip)\n"
        "       mov     $0xfee000b0, %eax\n"            /* end of interrupt */
        "       movl    $0, (%rax)\n"
        "       pop     %rax\n"
        "       iretq\n");

static u16 get2(u64 base, u32 offset) { return *(volatile u16 *)(base + offset); }
static u8 get1(u64 base, u32 offset) { return *(volatile u8 *)(base + offset); }
static void set2(u64 base, u32 offset, u16 value) { *(volatile u16 *)(base + offset) = value; }
static void set1(u64 base, u32 offset, u8 value) { *(volatile u8 *)(base + offset) = value; }

/* Where in configuration space the capability is: of the vendor with this type, or MSI-X; 0 for none. */
static u32 capability(u8 id, u8 type)
{
    for (u32 at = get1(FUNCTION, CAPABILITIES); at; at = get1(FUNCTION, at + 1))
        if (get1(FUNCTION, at) == id && (id != OF_VENDOR || get1(FUNCTION, at + 3) == type))
            return at;
    return 0;
}

static int drive(u64 common, u64 doorbell, u16 vector)
{
    set1(common, C_STATUS, 0);
    set1(common, C_STATUS, FOUND | DRIVEN);
    set(common, C_ACCEPTED_PAGE, 0);
    set(common, C_ACCEPTED, 0);
    set(common, C_ACCEPTED_PAGE, 1);
    set(common, C_ACCEPTED, 1);
    set1(common, C_STATUS, FOUND | DRIVEN | FEATURES_AGREED);
    if (!(get1(common, C_STATUS) & FEATURES_AGREED))
        return 0;
    queue.available.index = queue.used.index = 0;
    set2(common, C_QUEUE, 0);
    set2(common, C_ENTRIES, QUEUE_SIZE);
    set2(common, C_VECTOR, vector);
    if (get2(common, C_VECTOR) != vector)
        return 0;
    set_place(common, C_DESCRIPTORS, queue.descriptors);
    set_place(common, C_AVAILABLE, &queue.available);
    set_place(common, C_USED, &queue.used);
    set2(common, C_ENABLE, 1);
    set1(common, C_STATUS, FOUND | DRIVEN | FEATURES_AGREED | DRIVER_READY);
    for (u32 at = 0; at < SIZE; at++)
        content[at] = 0;
    queue.descriptors[0] = (struct descriptor){(u64)content, SIZE, DEVICE_WRITES, 0};
    queue.available.ring[0] = 0;
    __asm__ volatile("" : : : "memory");
    queue.available.index = 1;
    __asm__ volatile("" : : : "memory");
    set2(doorbell, 0, 0);
    return 1;
}

static int is_random(void)
{
    u32 zeros = 0;

    for (u32 at = 0; at < SIZE; at++)
        zeros += !content[at];
    return queue.used.ring[0].written == SIZE && zeros < SIZE / 4;
}

int main(void)
{
    u32 common, notify, msix, bar;
    u64 base, table, handler = (u64)interrupted;
    struct { u16 limit; u64 base; } __attribute__((packed)) pointer = {sizeof idt - 1, (u64)idt};
    u16 selector;

    if (get(FUNCTION, 0) != 0x10441af4 || get(FUNCTION + (1 << 15), 0) != 0xffffffff)
        return 1;
    common = capability(OF_VENDOR, COMMON);
    notify = capability(OF_VENDOR, NOTIFY);
    msix = capability(MSIX, 0);
    if (!common || !notify || !msix)
        return 2;
    bar = get(FUNCTION, BAR) & ~0xfu;
    set(FUNCTION, BAR, 0xffffffff);                     /* how large is it? */
    if (get(FUNCTION, BAR) != 0xffff8000)
        return 3;
    set(FUNCTION, BAR, bar);
    set2(FUNCTION, COMMAND, MEMORY_MASTER);
    base = bar;
    queue.available.flags = NO_INTERRUPT;
    if (!drive(base + get(FUNCTION, common + 8), base + get(FUNCTION, notify + 8), 0xffff))
        return 4;
    while (!queue.used.index)
        __asm__ volatile("pause");
    if (!is_random())
        return 5;

    set2(FUNCTION, COMMAND, 0);                         /* the same elsewhere, and with an interrupt */
    set(FUNCTION, BAR, ELSEWHERE);
    set2(FUNCTION, COMMAND, MEMORY_MASTER);
    base = ELSEWHERE;
    __asm__ volatile("mov %%cs, %0" : "=r"(selector));
    idt[VECTOR] = (struct gate){(u16)handler, selector, 0x8e00, (u16)(handler >> 16), (u32)(handler >> 32), 0};
    __asm__ volatile("lidt %0" : : "m"(pointer));
    set(LOCAL_APIC, SPURIOUS, 0x1ff);
    table = base + (get(FUNCTION, msix + 4) & ~7u) + 16;        /* the second entry */
    set(table, 0, LOCAL_APIC);
    set(table, 4, 0);
    set(table, 8, VECTOR);
    set2(FUNCTION, msix + 2, 0x8000);
    queue.available.flags = 0;
    if (!drive(base + get(FUNCTION, common + 8), base + get(FUNCTION, notify + 8), 1))
        return 6;
    while (!queue.used.index)
        __asm__ volatile("pause");
    if (interrupts || !(get(base + (get(FUNCTION, msix + 8) & ~7u), 0) & 2))
        return 7;                                       /* masked: it waits */
    set(table, 12, 0);
    while (!interrupts)
        __asm__ volatile("sti; nop; cli" : : : "memory");
    return is_random() && interrupts == 1 ? 0 : 8;
}
