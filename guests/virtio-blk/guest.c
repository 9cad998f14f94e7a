/*
 * Writes to a virtio disk, flushes, reads back, and asks for what the disk has not: that ends in a status, no more.
 *
 * Traps: the registers of the device, a few while it is set up. A request costs none: to ring is an eventfd in KVM,
 * and this guest looks for the answer in memory.
 */
#include "console.h"
#include "virtio.h"

#define READ            0
#define WRITE           1
#define FLUSH           4
#define TELL_ID         8
#define DISCARD         11
#define ZERO            13
#define SECTOR          512

#define OK              0
#define FAILED          1
#define UNKNOWN         2
#define NONE            0xff

#define CAN_FLUSH       (1 << 9)
#define CAN_DISCARD     (1 << 13)
#define CAN_ZERO        (1 << 14)

static struct queue queue;
static struct { u32 type, reserved; u64 sector; } header;
static struct { u64 sector; u32 count, flags; } range;
static volatile u8 status;
static u8 written[4 * SECTOR], read_back[4 * SECTOR];
static char identity[21];

/* One request over two pieces of `data`; its status. */
static u8 ask(u32 type, u64 sector, void *data, u32 size, u16 direction)
{
    u16 before = queue.used.index;
    u32 first = size / 2;

    header.type = type;
    header.sector = sector;
    status = NONE;
    queue.descriptors[0] = (struct descriptor){(u64)&header, sizeof header, MORE, size ? 1 : 3};
    queue.descriptors[1] = (struct descriptor){(u64)data, first, (u16)(MORE | direction), 2};
    queue.descriptors[2] = (struct descriptor){(u64)data + first, size - first, (u16)(MORE | direction), 3};
    queue.descriptors[3] = (struct descriptor){(u64)&status, 1, DEVICE_WRITES, 0};
    offer(VIRTIO_FIRST, 0, &queue, 0);
    while (queue.used.index == before)
        __asm__ volatile("pause");
    return status;
}

static int is_same(const u8 *one, const u8 *other, u32 size)
{
    for (u32 at = 0; at < size; at++)
        if (one[at] != other[at])
            return 0;
    return 1;
}

int main(void)
{
    u64 device = VIRTIO_FIRST;
    u32 sectors = get(device, CONFIG);

    if (get(device, MAGIC) != 0x74726976 || get(device, DEVICE_ID) != 2)
        return 1;
    if (!begin(device, CAN_FLUSH | CAN_DISCARD | CAN_ZERO))
        return 2;
    queue.available.flags = NO_INTERRUPT;
    set_up(device, 0, &queue);
    ready(device);

    for (u32 at = 0; at < sizeof written; at++)
        written[at] = (u8)(at * 7 + at / 256);
    if (ask(WRITE, 3, written, sizeof written, 0) != OK)
        return 3;
    if (ask(FLUSH, 0, 0, 0, 0) != OK)
        return 4;
    if (ask(READ, 3, read_back, sizeof read_back, DEVICE_WRITES) != OK || !is_same(written, read_back, sizeof written))
        return 5;
    if (ask(TELL_ID, 0, identity, 20, DEVICE_WRITES) != OK)
        return 6;

    range.sector = 4;
    range.count = 1;
    if (ask(ZERO, 0, &range, sizeof range, 0) != OK || ask(READ, 4, read_back, SECTOR, DEVICE_WRITES) != OK)
        return 7;
    for (u32 at = 0; at < SECTOR; at++)
        if (read_back[at])
            return 8;
    range.sector = sectors - 1;
    if (ask(DISCARD, 0, &range, sizeof range, 0) != OK)
        return 9;

    range.count = 2;
    if (ask(DISCARD, 0, &range, sizeof range, 0) != FAILED)             /* beyond the end */
        return 10;
    if (ask(READ, sectors - 3, read_back, 4 * SECTOR, DEVICE_WRITES) != FAILED)
        return 11;
    if (ask(WRITE, ~0ULL / SECTOR, written, 4 * SECTOR, 0) != FAILED)
        return 12;
    if (ask(READ, 0, read_back, SECTOR + 2, DEVICE_WRITES) != FAILED)   /* no whole sectors */
        return 13;
    if (ask(99, 0, read_back, SECTOR, DEVICE_WRITES) != UNKNOWN)
        return 14;

    put_number(sectors);
    put_text(" sectors, ");
    put_text(identity);
    put_char('\n');
    return 0;
}
