/* Host pages below guest memory: which are a mapping's own, and how a mapping lies copy-on-write over a file. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HOST_PAGE 4096UL
#define PAGEMAP_CHUNK 2048
#define PAGEMAP_HAS (3ULL << 62) /* in memory, or in swap */
#define PAGEMAP_FILE (1ULL << 61) /* a file's page, or shared */

static int write_all(int fd, const uint8_t *from, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t done = pwrite(fd, from, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done ? -errno : -EIO;
        from += done, offset += (uint64_t)done, size -= (size_t)done;
    }
    return 0;
}

int64_t host_write_own_pages(void *at, size_t size, int fd, uint64_t offset)
{
    static const char *const table = "/proc/self/pagemap"; /* Documentation/admin-guide/mm/pagemap.rst */
    uint64_t entries[PAGEMAP_CHUNK];
    size_t pages = size / HOST_PAGE, first = (uintptr_t)at / HOST_PAGE, run = 0, written = 0;
    int map = open(table, O_RDONLY | O_CLOEXEC), error = 0;
    if (map < 0)
        return -errno;
    for (size_t done = 0; done < pages && !error;) {
        size_t wanted = pages - done < PAGEMAP_CHUNK ? pages - done : PAGEMAP_CHUNK;
        ssize_t got = pread(map, entries, wanted * sizeof *entries, (off_t)((first + done) * sizeof *entries));
        if (got < (ssize_t)sizeof *entries) {
            error = got < 0 ? -errno : -EIO;
            break;
        }
        wanted = (size_t)got / sizeof *entries;
        for (size_t i = 0; i <= wanted && !error; i++) {
            if (i < wanted && entries[i] & PAGEMAP_HAS && !(entries[i] & PAGEMAP_FILE)) {
                run++;
                continue;
            }
            if (!run)
                continue;
            size_t start = done + i - run;
            error = write_all(fd, (uint8_t *)at + start * HOST_PAGE, run * HOST_PAGE, offset + start * HOST_PAGE);
            written += run;
            run = 0;
        }
        done += wanted;
    }
    close(map);
    return error ? error : (int64_t)written;
}

int host_map_over(void *at, size_t size, int fd, uint64_t offset)
{
    void *mapping =
        mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, (off_t)offset);
    return mapping == MAP_FAILED ? -errno : 0;
}

uint64_t host_put_back(uint8_t *to, const uint8_t *from, const uint64_t *dirty, uint64_t pages)
{
    uint64_t copied = 0;
    for (uint64_t word = 0; word < (pages + 63) / 64; word++)
        for (uint64_t bits = dirty[word]; bits; bits &= bits - 1) {
            uint64_t page = word * 64 + (uint64_t)__builtin_ctzll(bits);
            memcpy(to + page * HOST_PAGE, from + page * HOST_PAGE, HOST_PAGE);
            copied++;
        }
    return copied;
}
