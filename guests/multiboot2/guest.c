/*
 * A Multiboot 2 kernel: its header is a list of tags, and so is what it is told. It prints the latter.
 *
 * The header asks for the tags that it cannot do without, and for a text screen. Only the text on the serial port and
 * the end at the debug-exit port trap.
 */
#include "console.h"
#include "numbers.h"

#define HEADER_MAGIC    0xe85250d6
#define ENTRY_MAGIC     0x36d76289

struct header {
    u32 magic, architecture, size, checksum;
    struct { u16 type, flags; u32 size, tags[6]; } request;
    struct { u16 type, flags; u32 size, console, pad; } console;
    struct { u16 type, flags; u32 size; } optional, end;
};

__attribute__((section(".start"), used, aligned(8))) static const struct header header = {
    .magic = HEADER_MAGIC,
    .size = sizeof(struct header),
    .checksum = -(HEADER_MAGIC + sizeof(struct header)),
    .request = { 1, 0, 8 + 6 * 4, { 1, 2, 3, 4, 6, 9 } },       /* these are all required */
    .console = { 4, 0, 12, 3, 0 },                              /* a console, which may be an EGA text screen */
    .optional = { 99, 1, 8 },                                   /* nobody knows this tag: it says that it may be left */
    .end = { 0, 0, 8 },
};

struct tag {
    u32 type, size, word[];
};

static u32 seen;

static void show(const struct tag *tag)
{
    const char *text = (const char *)tag->word;

    switch (tag->type) {
    case 1:
        put_text("command line '");
        put_text(after_first_word(text));
        put_text("'\n");
        break;
    case 2:
        put_text("loader ");
        put_text(text);
        put_text("\n");
        break;
    case 3:
        put_text("module '");
        put_text(after_first_word(text + 8));
        put_text("': ");
        for (u32 byte = tag->word[0]; byte < tag->word[1]; byte++)
            put_char(*(const char *)byte);
        break;
    case 4:
        put_number(tag->word[0]);
        put_text(" and ");
        put_number(tag->word[1]);
        put_text(" KiB\n");
        break;
    case 6:
        put_number((tag->size - 16) / tag->word[0]);
        put_text(" map entries\n");
        break;
    case 8:
        put_number(tag->word[3]);
        put_text(" by ");
        put_number(tag->word[4]);
        put_text(tag->word[0] == 0xb8000 && (tag->word[5] >> 8 & 0xff) == 2 ? " characters\n" : " of what?\n");
        break;
    }
}

int main(u32 magic, u32 info)
{
    if (magic != ENTRY_MAGIC || info % 8)
        return 1;
    u32 end = info + *(const u32 *)info;

    for (u32 at = info + 8; at < end;) {
        const struct tag *tag = (const void *)at;

        if (tag->type == 0)
            return seen == (1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 9) && at + 8 == end ? 0 : 2;
        seen |= 1 << tag->type;
        show(tag);
        at += (tag->size + 7) & ~7u;
    }
    return 3;
}
