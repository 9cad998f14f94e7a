/* A virtio device over memory space, driven by a guest in C: registers, and one split queue at a time. */

#include "numbers.h"

#define VIRTIO_FIRST        0xd1000000      /* the first device; the next stand 0x1000 behind each other */
#define VIRTIO_FIRST_LINE   5               /* its interrupt */

#define MAGIC               0x000           /* "virt" */
#define VERSION             0x004
#define DEVICE_ID           0x008
#define OFFERED             0x010           /* 32 features of the page that was selected */
#define OFFERED_PAGE        0x014
#define ACCEPTED            0x020
#define ACCEPTED_PAGE       0x024
#define QUEUE               0x030           /* selects */
#define MOST_ENTRIES        0x034
#define ENTRIES             0x038
#define READY               0x044
#define RING                0x050           /* tells the device of something in the queue whose index is written */
#define PENDING             0x060
#define ACKNOWLEDGE         0x064
#define STATUS              0x070
#define DESCRIPTORS         0x080
#define AVAILABLE           0x090
#define USED                0x0a0
#define CONFIG              0x100

#define FOUND               1
#define DRIVEN              2
#define DRIVER_READY        4
#define FEATURES_AGREED     8
#define NEEDS_RESET         0x40

#define MORE                1               /* flags of a descriptor */
#define DEVICE_WRITES       2
#define NO_INTERRUPT        1               /* flag of an available ring */

#define QUEUE_SIZE          8

struct descriptor { u64 address; u32 size; u16 flags, next; };
struct available { u16 flags, index, ring[QUEUE_SIZE], event; };
struct used { u16 flags, index; struct { u32 head, written; } ring[QUEUE_SIZE]; u16 event; };
struct queue {
    struct descriptor descriptors[QUEUE_SIZE] __attribute__((aligned(16)));
    volatile struct available available __attribute__((aligned(2)));
    volatile struct used used __attribute__((aligned(4)));
};

static inline u32 get(u64 device, u32 offset)
{
    return *(volatile u32 *)(device + offset);
}

static inline void set(u64 device, u32 offset, u32 value)
{
    *(volatile u32 *)(device + offset) = value;
}

static inline void set_place(u64 device, u32 offset, const volatile void *place)
{
    set(device, offset, (u32)(u64)place);
    set(device, offset + 4, (u32)((u64)place >> 32));
}

/* Resets the device and agrees on `features` of page 0 and on version 1; whether the device agrees too. */
static inline int begin(u64 device, u32 features)
{
    set(device, STATUS, 0);
    set(device, STATUS, FOUND);
    set(device, STATUS, FOUND | DRIVEN);
    set(device, ACCEPTED_PAGE, 0);
    set(device, ACCEPTED, features);
    set(device, ACCEPTED_PAGE, 1);
    set(device, ACCEPTED, 1);
    set(device, STATUS, FOUND | DRIVEN | FEATURES_AGREED);
    return (get(device, STATUS) & FEATURES_AGREED) != 0;
}

static inline void set_up(u64 device, u32 index, struct queue *queue)
{
    set(device, QUEUE, index);
    set(device, ENTRIES, QUEUE_SIZE);
    set_place(device, DESCRIPTORS, queue->descriptors);
    set_place(device, AVAILABLE, &queue->available);
    set_place(device, USED, &queue->used);
    set(device, READY, 1);
}

static inline void ready(u64 device)
{
    set(device, STATUS, FOUND | DRIVEN | FEATURES_AGREED | DRIVER_READY);
}

/* Makes the chain that begins at descriptor `head` available, and rings. */
static inline void offer(u64 device, u32 index, struct queue *queue, u16 head)
{
    queue->available.ring[queue->available.index % QUEUE_SIZE] = head;
    __asm__ volatile("" : : : "memory");
    queue->available.index++;
    __asm__ volatile("" : : : "memory");
    set(device, RING, index);
}
