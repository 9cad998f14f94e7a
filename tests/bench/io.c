/*
 * Reads or writes a disk past all caches, as the first program of a benchmark guest would: io PATH read|write
 * random|sequential BLOCK COUNT DEPTH. DEPTH processes share the COUNT. Prints the nanoseconds that it took.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <linux/fs.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int work(char **words, int seed)
{
    int is_write = !strcmp(words[2], "write"), is_random = !strcmp(words[3], "random");
    long block = atol(words[4]), count = atol(words[5]) / atol(words[6]);
    int fd = open(words[1], O_DIRECT | (is_write ? O_WRONLY : O_RDONLY));
    unsigned long long size, state = 88172645463325252ULL + seed;
    void *buffer;

    if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) || posix_memalign(&buffer, 4096, block))
        return 1;
    memset(buffer, 0x5a, block);
    for (long at = 0; at < count; at++) {
        unsigned long long slot = at + seed * count;

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if (is_random)
            slot = state;
        slot = slot % (size / block) * block;
        if ((is_write ? pwrite(fd, buffer, block, slot) : pread(fd, buffer, block, slot)) != block)
            return 1;
    }
    return 0;
}

int main(int count, char **words)
{
    long long start = now();
    int failed = 0, status;

    if (count != 7)
        return 2;
    for (int at = 0; at < atoi(words[6]); at++)
        if (!fork())
            _exit(work(words, at));
    while (wait(&status) > 0)
        failed |= status;
    printf("%lld\n", now() - start);
    return failed ? 1 : 0;
}
