/*
 * What kvm-unit-tests find beside a PC's chips: scratch ports, memory behind no RAM, interrupt lines by hand, the PM
 * timer, the HPET, fw_cfg.
 *
 * Every check is an exit or several. The interrupt line is seen where it arrives: at the request register of the PIC,
 * which is in the kernel here and makes no exit.
 */
#include "console.h"
#include "multiboot.h"

#define SCRATCH     0xe0
#define SCRATCH_TOO 0xe8
#define LINES       0x2000
#define PM_TIMER    0x608
#define FW_CFG      0x510
#define TEST_MEMORY 0xff000000
#define HPET        0xfed00000

__attribute__((section(".start"), used, aligned(4))) static const u32 header[] = {
    MULTIBOOT_HEADER_MAGIC, WANTS_MEMORY, -(MULTIBOOT_HEADER_MAGIC + WANTS_MEMORY),
};

static int faults;

static void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "d"(port)); }
static void out16(u16 port, u16 value) { __asm__ volatile("outw %0, %1" : : "a"(value), "d"(port)); }
static void out32(u16 port, u32 value) { __asm__ volatile("outl %0, %1" : : "a"(value), "d"(port)); }

static u8 in8(u16 port)
{
    u8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
    return value;
}

static u32 in32(u16 port)
{
    u32 value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port));
    return value;
}

static void report(int holds, const char *what)
{
    put_text(holds ? "PASS: " : "FAIL: ");
    put_text(what);
    put_text("\n");
    faults += !holds;
}

static void check_ports(void)
{
    out32(SCRATCH, 0x11223344);
    out8(SCRATCH + 1, 0xaa);
    report(in32(SCRATCH) == 0x1122aa44, "a byte written into a dword of scratch");
    out16(SCRATCH + 2, 0xbeef);
    report(in8(SCRATCH + 3) == 0xbe && in8(SCRATCH) == 0x44, "a word written into it");
    out8(SCRATCH_TOO, 0x5a);
    report(in8(SCRATCH_TOO) == 0x5a, "the scratch port for bytes");
}

static void check_memory(void)
{
    volatile u32 *memory = (volatile u32 *)TEST_MEMORY;
    static u8 page[8192];
    u32 whole = ((u32)page + 4095) & ~4095u;

    memory[0] = 0xcafef00d;
    memory[0x3fff] = 0x12345678;
    report(memory[0] == 0xcafef00d && memory[0x3fff] == 0x12345678, "memory behind no RAM");
    *(volatile u32 *)whole = 0x600dda7a;
    out32(0xe4, whole);
    report(*(volatile u32 *)whole == 0x600dda7a, "a page that the host forgets keeps its content");
}

static u8 requests(void)
{
    out8(PIC1_COMMAND, 0x0a);
    return in8(PIC1_COMMAND);
}

static void check_lines(void)
{
    u8 before = requests();

    out8(LINES + 5, 1);
    u8 up = requests();
    out8(LINES + 5, 0);
    report(!(before & 1 << 5) && up & 1 << 5, "interrupt line 5 goes up by hand");
}

static void check_timer(void)
{
    u32 first = in32(PM_TIMER), second = in32(PM_TIMER);

    report(first >> 24 == 0 && ((second - first) & 0xffffff) != 0 && ((second - first) & 0xffffff) < 0x400000,
           "the PM timer goes on");
}

static void check_hpet(void)
{
    volatile u32 *hpet = (volatile u32 *)HPET;

    report(hpet[1] == 10000000, "the HPET counts every 10 ns");
    hpet[4] = 1;
    u32 first = hpet[0xf0 / 4];
    report(hpet[0xf0 / 4] - first - 1 < 0x10000000, "and goes on once it is enabled");
}

static void check_configuration(void)
{
    u32 cpus;

    out16(FW_CFG, 5);
    cpus = in8(FW_CFG + 1);
    report(cpus == 1, "fw_cfg knows of one CPU");
}

int main(u32 magic, const struct multiboot *boot)
{
    (void)boot;
    report(magic == MULTIBOOT_ENTRY_MAGIC, "started by multiboot");
    check_ports();
    check_memory();
    check_lines();
    check_timer();
    check_hpet();
    check_configuration();
    return faults;
}
