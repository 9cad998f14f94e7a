/*
 * The floor of every benchmark: the same ioctls with nothing around them. One mode a run, one number of nanoseconds out.
 *
 *   floor exits N    a port write from ring 0 in real mode, N times: nanoseconds per exit
 *   floor pair N     the same on two vCPUs of one VM at once, each N times: nanoseconds per exit of either
 *   floor create N   make a VM, run it to its first exit, close everything, N times: nanoseconds each; like vmm it asks
 *                    for the host's CPUID once a process
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMORY (16UL << 20)
#define ENTRY 0x1000
#define COUNTED_PORT 0x510
#define END_PORT 0xf4

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static void check(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(2);
    }
}

struct vm {
    int system, vm, vcpu;
    size_t run_size;
    struct kvm_run *run;
    uint8_t *memory;
};

static struct kvm_cpuid2 *cpuid;

static void make(struct vm *m, const uint8_t *code, size_t size)
{
    check((m->system = open("/dev/kvm", O_RDWR | O_CLOEXEC)) >= 0, "/dev/kvm");
    check(ioctl(m->system, KVM_GET_API_VERSION, 0) == 12, "KVM_GET_API_VERSION");
    m->run_size = (size_t)ioctl(m->system, KVM_GET_VCPU_MMAP_SIZE, 0);
    check((m->vm = ioctl(m->system, KVM_CREATE_VM, 0)) >= 0, "KVM_CREATE_VM");
    check(!ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
    (void)ioctl(m->vm, KVM_GET_TSC_KHZ, 0);
    m->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(m->memory != MAP_FAILED, "mmap");
    memcpy(m->memory + ENTRY, code, size);
    struct kvm_userspace_memory_region region = {
        .memory_size = MEMORY, .userspace_addr = (uint64_t)(uintptr_t)m->memory};
    check(!ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    (void)ioctl(m->vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
    if (cpuid->nent == 0) {
        cpuid->nent = 128;
        check(!ioctl(m->system, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
    }
    check((m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0)) >= 0, "KVM_CREATE_VCPU");
    m->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
    check(m->run != MAP_FAILED, "mmap kvm_run");
    check(!ioctl(m->vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");

    struct kvm_sregs *sregs = &m->run->s.regs.sregs;
    check(!ioctl(m->vcpu, KVM_GET_SREGS, sregs), "KVM_GET_SREGS");
    sregs->cs.base = sregs->cs.selector = 0;
    memset(&m->run->s.regs.regs, 0, sizeof m->run->s.regs.regs);
    m->run->s.regs.regs.rip = ENTRY;
    m->run->s.regs.regs.rflags = 2;
    m->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

static void destroy(struct vm *m)
{
    munmap(m->run, m->run_size);
    close(m->vcpu);
    close(m->vm);
    close(m->system);
    munmap(m->memory, MEMORY);
}

/* Answers port accesses until the guest writes to END_PORT. */
static void run(struct vm *m)
{
    for (;;) {
        check(!ioctl(m->vcpu, KVM_RUN, 0), "KVM_RUN");
        check(m->run->exit_reason == KVM_EXIT_IO, "exit reason");
        if (m->run->io.port == END_PORT)
            return;
    }
}

static size_t guest(uint8_t *code, uint32_t count)
{
    const uint8_t body[] = {
        0x66, 0xb9, (uint8_t)count, (uint8_t)(count >> 8), (uint8_t)(count >> 16), (uint8_t)(count >> 24), /* mov ecx, count */
        0xba, COUNTED_PORT & 0xff, COUNTED_PORT >> 8,                                                      /* mov dx, port */
        0xee,                                                                                              /* out dx, al */
        0x66, 0x49,                                                                                        /* dec ecx */
        0x75, 0xfb,                                                                                        /* jnz to the out */
        0xe6, END_PORT,                                                                                    /* out end, al */
    };
    memcpy(code, body, sizeof body);
    return sizeof body;
}

/* A second vCPU beside m's, in the same VM and with the same registers. */
static void make_second(struct vm *second, const struct vm *m)
{
    *second = *m;
    check((second->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 1)) >= 0, "KVM_CREATE_VCPU");
    second->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, second->vcpu, 0);
    check(second->run != MAP_FAILED, "mmap kvm_run");
    check(!ioctl(second->vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    second->run->s.regs = m->run->s.regs;
    second->run->kvm_dirty_regs = m->run->kvm_dirty_regs;
}

static void *run_thread(void *m)
{
    run(m);
    return NULL;
}

static double pair(uint32_t count)
{
    uint8_t code[64];
    struct vm m, second;
    pthread_t thread;
    make(&m, code, guest(code, count));
    make_second(&second, &m);
    uint64_t from = now();
    check(!pthread_create(&thread, NULL, run_thread, &second), "pthread_create");
    run(&m);
    pthread_join(thread, NULL);
    double spent = (double)(now() - from) / count / 2;
    munmap(second.run, second.run_size);
    close(second.vcpu);
    destroy(&m);
    return spent;
}

int main(int argc, char **argv)
{
    uint8_t code[64];
    struct vm m;
    if (argc != 3)
        return 2;
    uint32_t count = (uint32_t)atoi(argv[2]);
    cpuid = calloc(1, sizeof *cpuid + 128 * sizeof cpuid->entries[0]);
    if (!strcmp(argv[1], "pair")) {
        printf("%.1f\n", pair(count));
    } else if (!strcmp(argv[1], "exits")) {
        make(&m, code, guest(code, count));
        uint64_t from = now();
        run(&m);
        printf("%.1f\n", (double)(now() - from) / count);
        destroy(&m);
    } else {
        size_t size = guest(code, 1);
        uint64_t from = now();
        for (uint32_t i = 0; i < count; i++) {
            make(&m, code, size);
            check(!ioctl(m.vcpu, KVM_RUN, 0), "KVM_RUN");
            destroy(&m);
        }
        printf("%.1f\n", (double)(now() - from) / count);
    }
    return 0;
}
