/*
 * Recording the tracepoints of one thread by perf: the events, their ring, and the thread that empties it.
 *
 * All events of a vCPU write to one ring, so that their order is theirs. Source: perf_event_open(2), <linux/perf_event.h>.
 */

#include "whole_hidden.h"

#define SMALLEST_RING (32 * 4096UL)

/* Tells threads apart for ever: the kernel's numbers come again. */
static uint64_t thread_mark(void)
{
    static uint64_t last;
    static __thread uint64_t mine;
    if (!mine)
        mine = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
    return mine;
}

struct hidden *hidden_new(const struct hidden_event *events)
{
    struct whole_hidden *whole = calloc(1, sizeof *whole);
    if (!whole)
        return NULL;
    memcpy(whole->open.events, events, sizeof whole->open.events);
    pthread_mutex_init(&whole->lock, NULL);
    for (int i = 0; i < HIDDEN_EVENTS; i++)
        whole->fds[i] = -1;
    whole->end = -1;
    whole->tells_losses = 1;
    return &whole->open;
}

#ifndef PERF_FORMAT_LOST
#define PERF_FORMAT_LOST (1U << 4) /* Linux 6.0 */
#endif

/* Counts losses itself where the kernel can: a LOST record comes with the next one that fits, which may never be. */
static int open_event(struct whole_hidden *whole, uint64_t id, uint64_t watermark)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof attr,
        .config = id,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
        .disabled = 1,
        .watermark = 1,
        .wakeup_watermark = (uint32_t)watermark,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
    };
    attr.read_format = whole->tells_losses ? PERF_FORMAT_LOST : 0;
    int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0 && errno == EINVAL && whole->tells_losses) {
        whole->tells_losses = 0;
        return open_event(whole, id, watermark);
    }
    return fd < 0 ? -errno : fd;
}

/* Of the events that are open now. */
static uint64_t losses(const struct whole_hidden *whole)
{
    uint64_t values[2], sum = 0;
    for (int i = 0; i < HIDDEN_EVENTS; i++)
        if (whole->tells_losses && whole->fds[i] >= 0 && read(whole->fds[i], values, sizeof values) == sizeof values)
            sum += values[1];
    return sum;
}

static void close_events(struct whole_hidden *whole)
{
    whole->open.lost += losses(whole);
    if (whole->ring)
        munmap(whole->ring, 4096 + whole->ring_size);
    whole->ring = NULL;
    for (int i = 0; i < HIDDEN_EVENTS; i++) {
        if (whole->fds[i] >= 0)
            close(whole->fds[i]);
        whole->fds[i] = -1;
    }
}

void hidden_free(struct hidden *open)
{
    struct whole_hidden *whole = (struct whole_hidden *)open;
    if (!whole)
        return;
    close_events(whole);
    if (whole->end >= 0)
        close(whole->end);
    pthread_mutex_destroy(&whole->lock);
    free(whole);
}

/* Every event of the thread with its records in the ring of the first; smaller rings where a large one is refused. */
static int open_events(struct whole_hidden *whole, uint64_t size)
{
    for (int i = 0; i < HIDDEN_EVENTS; i++) {
        if (!whole->open.events[i].id)
            continue;
        if ((whole->fds[i] = open_event(whole, whole->open.events[i].id, size / 4)) < 0)
            return whole->fds[i];
        if (i != HIDDEN_EXIT && ioctl(whole->fds[i], PERF_EVENT_IOC_SET_OUTPUT, whole->fds[HIDDEN_EXIT]))
            return -errno;
        if (i != HIDDEN_EXIT)
            continue;
        void *ring = MAP_FAILED;
        for (; ring == MAP_FAILED && size >= SMALLEST_RING; size /= 2) {
            ring = mmap(NULL, 4096 + size, PROT_READ | PROT_WRITE, MAP_SHARED, whole->fds[i], 0);
            whole->ring_size = size;
        }
        if (ring == MAP_FAILED)
            return -errno;
        whole->ring = ring;
        size = whole->ring_size;
    }
    return 0;
}

int hidden_open(struct hidden *open, uint64_t size)
{
    struct whole_hidden *whole = (struct whole_hidden *)open;
    if (!open->events[HIDDEN_EXIT].id || size & (size - 1))
        return -EINVAL;
    if (whole->ring && whole->thread == thread_mark())
        return 0;
    close_events(whole);
    int error = open_events(whole, size);
    if (!error && whole->end < 0 && (whole->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        error = -errno;
    if (error) {
        close_events(whole);
        return error;
    }
    open->ring_size = whole->ring_size;
    whole->thread = thread_mark();
    return 0;
}

static void control_events(struct whole_hidden *whole, unsigned long request)
{
    for (int i = 0; i < HIDDEN_EVENTS; i++)
        if (whole->fds[i] >= 0)
            ioctl(whole->fds[i], request, 0);
}

void hidden_begin(struct hidden *open)
{
    struct whole_hidden *whole = (struct whole_hidden *)open;
    uint64_t before;
    while (read(whole->end, &before, sizeof before) > 0)
        ;
    whole->entered = whole->left = 0;
    control_events(whole, PERF_EVENT_IOC_ENABLE);
}

/* Bytes of the ring from `at` on, which may begin again at its start. */
static void copy_out(const struct whole_hidden *whole, uint64_t at, void *into, uint64_t size)
{
    const uint8_t *bytes = (const uint8_t *)whole->ring + 4096;
    uint64_t from = at & (whole->ring_size - 1), first = whole->ring_size - from;
    memcpy(into, bytes + from, first < size ? first : size);
    if (first < size)
        memcpy((uint8_t *)into + first, bytes, size - first);
}

static void count_ring(struct whole_hidden *whole)
{
    struct {
        struct perf_event_header header;
        uint64_t first;         /* the time of a sample, the id of a loss */
        union {
            uint64_t lost;
            struct {
                uint32_t size;
                uint8_t bytes[484];
            } raw;
        };
    } record;
    if (!whole->ring)
        return;
    uint64_t head = __atomic_load_n(&whole->ring->data_head, __ATOMIC_ACQUIRE), tail = whole->ring->data_tail;
    while (tail < head) {
        copy_out(whole, tail, &record.header, sizeof record.header);
        uint64_t size = record.header.size;
        if (size < sizeof record.header)
            break; /* cannot be */
        copy_out(whole, tail, &record, size < sizeof record ? size : sizeof record);
        if (record.header.type == PERF_RECORD_SAMPLE) {
            uint64_t room = sizeof record.raw.bytes;
            uint32_t raw = record.raw.size < room ? record.raw.size : (uint32_t)room;
            hidden_count(&whole->open, record.raw.bytes, raw, record.first);
        } else if (record.header.type == PERF_RECORD_LOST) {
            whole->open.lost += whole->tells_losses ? 0 : record.lost;
            whole->entered = whole->left = 0; /* times that reach over the gap are nobody's */
        }
        tail += size;
    }
    __atomic_store_n(&whole->ring->data_tail, tail, __ATOMIC_RELEASE);
}

int hidden_serve(struct hidden *open)
{
    struct whole_hidden *whole = (struct whole_hidden *)open;
    struct pollfd wanted[2] = {{.fd = whole->fds[HIDDEN_EXIT], .events = POLLIN}, {.fd = whole->end, .events = POLLIN}};
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        if (poll(wanted, 2, -1) < 0 && errno != EINTR)
            return -errno;
        if (wanted[1].revents)
            return 0;
        pthread_mutex_lock(&whole->lock);
        count_ring(whole);
        pthread_mutex_unlock(&whole->lock);
    }
}

void hidden_end(struct hidden *open)
{
    struct whole_hidden *whole = (struct whole_hidden *)open;
    uint64_t one = 1;
    control_events(whole, PERF_EVENT_IOC_DISABLE);
    pthread_mutex_lock(&whole->lock);
    count_ring(whole);
    pthread_mutex_unlock(&whole->lock);
    while (write(whole->end, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void hidden_read(struct hidden *open, struct hidden *into)
{
    struct whole_hidden *whole = (struct whole_hidden *)open;
    pthread_mutex_lock(&whole->lock);
    count_ring(whole);
    memcpy(into, open, sizeof *into);
    into->lost += losses(whole);
    pthread_mutex_unlock(&whole->lock);
}
