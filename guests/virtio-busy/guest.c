/*
 * A thousand rounds: two sectors are written and two others read, all at once, while an entropy device fills a buffer.
 *
 * Every round expects what an earlier one has written. Whoever saves this machine amidst, or makes a copy of it, and
 * loses a request or an answer, makes it wait for ever or end with another value than 0.
 */
#include "virtio.h"

#define READ            0
#define WRITE           1
#define SECTOR          512
#define SLOTS           128
#define ROUNDS          1000
#define DISK            VIRTIO_FIRST
#define ENTROPY         (VIRTIO_FIRST + 0x1000)

struct request { u32 type, reserved; u64 sector; };

static struct queue disk, entropy;
static struct request headers[2];
static volatile u8 status[2];
static u32 content[2][SECTOR / 4];
static u8 noise[256];
static u32 round_of[SLOTS];             /* that wrote the sector last */

static void prepare(u32 which, u32 type, u32 sector)
{
    struct descriptor *chain = disk.descriptors + 3 * which;

    headers[which] = (struct request){type, 0, sector};
    status[which] = 0xff;
    chain[0] = (struct descriptor){(u64)&headers[which], sizeof headers[which], MORE, (u16)(3 * which + 1)};
    chain[1] = (struct descriptor){(u64)content[which], SECTOR, (u16)(MORE | (type == READ ? DEVICE_WRITES : 0)),
                                   (u16)(3 * which + 2)};
    chain[2] = (struct descriptor){(u64)&status[which], 1, DEVICE_WRITES, 0};
}

int main(void)
{
    if (!begin(DISK, 0) || !begin(ENTROPY, 0))
        return 1;
    disk.available.flags = entropy.available.flags = NO_INTERRUPT;
    set_up(DISK, 0, &disk);
    set_up(ENTROPY, 0, &entropy);
    ready(DISK);
    ready(ENTROPY);
    entropy.descriptors[0] = (struct descriptor){(u64)noise, sizeof noise, DEVICE_WRITES, 0};

    for (u32 round = 1; round <= ROUNDS; round++) {
        u32 to = round * 37 % SLOTS, from = round * 101 % SLOTS;
        u16 before = disk.used.index, before_noise = entropy.used.index;

        if (to == from)
            from = (from + 1) % SLOTS;
        for (u32 at = 0; at < SECTOR / 4; at++)
            content[0][at] = round;
        prepare(0, WRITE, to);
        prepare(1, READ, from);
        offer(ENTROPY, 0, &entropy, 0);
        offer(DISK, 0, &disk, 0);
        offer(DISK, 0, &disk, 3);
        while ((u16)(disk.used.index - before) < 2 || entropy.used.index == before_noise)
            __asm__ volatile("pause");
        if (status[0] || status[1])
            return 2;
        for (u32 at = 0; at < SECTOR / 4; at += 31)
            if (content[1][at] != round_of[from])
                return 3;
        round_of[to] = round;
    }
    return 0;
}
