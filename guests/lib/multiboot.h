/* What a Multiboot 1 loader leaves for the guest (Multiboot Specification 0.6.96, section 3.3), for guests in C. */

#include "numbers.h"

#define MULTIBOOT_HEADER_MAGIC  0x1badb002
#define MULTIBOOT_ENTRY_MAGIC   0x2badb002

#define WANTS_PAGES             (1 << 0)        /* flags of the header */
#define WANTS_MEMORY            (1 << 1)
#define WANTS_VIDEO             (1 << 2)
#define HAS_ADDRESSES           (1 << 16)

#define HAS_MEMORY              (1 << 0)        /* flags of the information */
#define HAS_COMMAND_LINE        (1 << 2)
#define HAS_MODULES             (1 << 3)
#define HAS_SECTIONS            (1 << 5)
#define HAS_MAP                 (1 << 6)
#define HAS_LOADER_NAME         (1 << 9)
#define HAS_FRAMEBUFFER         (1 << 12)

struct multiboot {
    u32 flags, mem_lower, mem_upper, boot_device, command_line, modules, module_table;
    u32 sections, section_size, section_table, section_names;
    u32 map_size, map, drives_size, drives, config_table, loader_name, apm_table, vbe[4];
    u64 framebuffer;
    u32 pitch, width, height;
    u8 bits_per_pixel, framebuffer_type, colours[6];
} __attribute__((packed));

struct module {
    u32 start, end, words, reserved;
};

struct map_entry {
    u32 size;
    u64 start, length;
    u32 type;
} __attribute__((packed));
