/*
 * Reports as a kvm-unit-test does: lines with verdicts on the serial port, and a status at the debug-exit port.
 *
 * Its arguments say how it shall end: by default all passes; "fail", "skip", "hang" and "reset" do
 * what they say. The tests of `vmm kut` are made of it.
 */
#include "console.h"
#include "multiboot.h"

__attribute__((section(".start"), used, aligned(4))) static const u32 header[] = {
    MULTIBOOT_HEADER_MAGIC, WANTS_MEMORY, -(MULTIBOOT_HEADER_MAGIC + WANTS_MEMORY),
};

int main(u32 magic, const struct multiboot *boot)
{
    const char *how = after_first_word((const char *)boot->command_line);

    if (magic != MULTIBOOT_ENTRY_MAGIC)
        return 1;
    put_text("enabling nothing\n");
    if (same(how, "skip")) {
        put_text("SKIP: there is nothing to test\nSUMMARY: 1 tests, 1 skipped\n");
        return 77 >> 1;                 /* QEMU makes (value << 1) | 1 of it, and 77 means skipped */
    }
    put_text("PASS: lines: the first\nXFAIL: lines: known to fail\n");
    if (same(how, "hang"))
        for (;;)
            ;
    if (same(how, "reset"))
        __asm__ volatile("outb %b0, %w1" : : "a"(6), "d"(RESET_CONTROL));
    if (same(how, "fail")) {
        put_text("FAIL: lines: the second\nSUMMARY: 3 tests, 1 unexpected failures, 1 expected failures\n");
        return 1;
    }
    if (boot->modules == 1) {
        const struct module *module = (const void *)boot->module_table;

        put_text("PASS: lines: environment ");
        for (u32 byte = module->start; byte < module->end; byte++)
            put_char(*(const char *)byte);
    }
    put_text("SUMMARY: 2 tests, 1 expected failures\n");
    return 0;
}
