/*
 * A Multiboot 1 kernel (ELF) that holds all that its loader told against the specification, and prints it.
 *
 * The header below stands right behind the entry code, in the first 8 KiB of the file. Only the text on the serial port
 * and the end at the debug-exit port trap: what a loader leaves is memory and registers.
 */
#include "console.h"
#include "multiboot.h"

#define FLAGS (WANTS_PAGES | WANTS_MEMORY | WANTS_VIDEO)

struct header {
    u32 magic, flags, checksum, addresses[5], mode_type, width, height, depth;
};

__attribute__((section(".start"), used, aligned(4))) static const struct header header = {
    .magic = MULTIBOOT_HEADER_MAGIC,
    .flags = FLAGS,
    .checksum = -(MULTIBOOT_HEADER_MAGIC + FLAGS),
    .mode_type = 1,
    .width = 80,
    .height = 25,
};

extern char image_end[];

static int faults;

static void check(int holds, const char *what)
{
    if (!holds) {
        put_text("wrong: ");
        put_text(what);
        put_text("\n");
        faults++;
    }
}

static void check_cpu(void)
{
    u32 cr0, flags;
    u16 cs, ds, ss;

    __asm__("mov %%cr0, %0" : "=r"(cr0));
    __asm__("pushf; pop %0" : "=r"(flags));
    __asm__("mov %%cs, %0; mov %%ds, %1; mov %%ss, %2" : "=r"(cs), "=r"(ds), "=r"(ss));
    check((cr0 & 0x80000001) == 1, "protected mode without paging");
    check(!(flags & 0x20200), "interrupts and virtual-8086 mode off");
    check(cs != ds && ds == ss, "a code segment and data segments");
}

static void check_map(const struct multiboot *boot)
{
    u64 above = 0;

    for (u32 at = boot->map; at < boot->map + boot->map_size;) {
        const struct map_entry *entry = (const void *)at;

        check(entry->size >= 20, "the size of a map entry");
        if (entry->type == 1 && entry->start == 0x100000)
            above = entry->length;
        at += entry->size + 4;
    }
    check(above == (u64)boot->mem_upper * 1024, "upper memory as the map has it");
}

static void check_modules(const struct multiboot *boot)
{
    const struct module *module = (const void *)boot->module_table;

    for (u32 at = 0; at < boot->modules; at++, module++) {
        check(module->start % 4096 == 0, "modules on pages");
        check(module->start >= (u32)image_end, "modules above the kernel");
        put_text("module '");
        put_text(after_first_word((const char *)module->words));
        put_text("': ");
        for (u32 byte = module->start; byte < module->end; byte++)
            put_char(*(const char *)byte);
    }
}

int main(u32 magic, const struct multiboot *boot)
{
    u32 wanted = HAS_MEMORY | HAS_COMMAND_LINE | HAS_MODULES | HAS_SECTIONS | HAS_MAP | HAS_LOADER_NAME | HAS_FRAMEBUFFER;

    check(magic == MULTIBOOT_ENTRY_MAGIC, "the magic number in EAX");
    check((boot->flags & wanted) == wanted, "all information is there");
    check_cpu();
    check_map(boot);
    check(boot->framebuffer == 0xb8000 && boot->framebuffer_type == 2, "the text screen");
    check(boot->sections > boot->section_names, "section headers and their names");
    put_text((const char *)boot->loader_name);
    put_text(" loaded a kernel '");
    put_text(after_first_word((const char *)boot->command_line));
    put_text("'\n");
    put_number(boot->mem_lower);
    put_text(" and ");
    put_number(boot->mem_upper);
    put_text(" KiB of memory\n");
    check_modules(boot);
    return faults;
}
