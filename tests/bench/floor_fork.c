/*
 * The floor under forks and resets: the ioctls that vmm makes for them, in C.
 *
 *   floor_fork fork N      a child of a 128 MiB master, to its first exit, N times: nanoseconds each, closing apart
 *   floor_fork alive N     N children, made and run to their first exit, all alive: nanoseconds each
 *   floor_fork reset N P   input in, run to the end point, P dirtied pages and all registers put back: nanoseconds each
 *
 * The guest, 32-bit without paging: it writes to P pages, then to port 0xf4, and again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MEMORY (128UL << 20)
#define ENTRY 0x100000UL
#define INPUT 0x110000UL
#define FIRST_DIRTY 0x200000UL
#define MSRS 256

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
    int vm, vcpu;
    struct kvm_run *run;
    uint8_t *memory;
};

static int system_fd, template_fd;
static size_t run_size;
static struct kvm_cpuid2 *cpuid;
static struct {
    struct kvm_sync_regs sync;
    struct kvm_xsave xsave;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugregs;
    struct kvm_msrs *msrs;
} master;

static void make(struct vm *m, uint32_t flags)
{
    check((m->vm = ioctl(system_fd, KVM_CREATE_VM, 0)) >= 0, "KVM_CREATE_VM");
    check(!ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000), "KVM_SET_TSS_ADDR");
    m->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, template_fd, 0);
    check(m->memory != MAP_FAILED, "mmap");
    struct kvm_userspace_memory_region region = {
        .flags = flags, .memory_size = MEMORY, .userspace_addr = (uint64_t)(uintptr_t)m->memory};
    check(!ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    check((m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0)) >= 0, "KVM_CREATE_VCPU");
    m->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
    check(m->run != MAP_FAILED, "mmap kvm_run");
    check(!ioctl(m->vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    m->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
}

static void destroy(struct vm *m)
{
    munmap(m->run, run_size);
    close(m->vcpu);
    close(m->vm);
    munmap(m->memory, MEMORY);
}

static void put(struct vm *m)
{
    check(!ioctl(m->vcpu, KVM_SET_XCRS, &master.xcrs), "KVM_SET_XCRS");
    check(!ioctl(m->vcpu, KVM_SET_XSAVE, &master.xsave), "KVM_SET_XSAVE");
    check(ioctl(m->vcpu, KVM_SET_MSRS, master.msrs) == (int)master.msrs->nmsrs, "KVM_SET_MSRS");
    check(!ioctl(m->vcpu, KVM_SET_DEBUGREGS, &master.debugregs), "KVM_SET_DEBUGREGS");
    m->run->s.regs = master.sync;
    m->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
}

/* A guest's TSC and kvmclock go on from where the master's stood. */
static void put_clocks(struct vm *m)
{
    uint64_t offset = 0;
    struct kvm_device_attr attr = {
        .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uint64_t)(uintptr_t)&offset};
    struct kvm_clock_data clock = {.clock = 1000000};
    check(!ioctl(m->vcpu, KVM_SET_DEVICE_ATTR, &attr), "KVM_SET_DEVICE_ATTR");
    check(!ioctl(m->vm, KVM_SET_CLOCK, &clock), "KVM_SET_CLOCK");
}

/* The port access that the end point is: KVM would complete it to registers that are others by then. */
static void finish(struct vm *m)
{
    m->run->immediate_exit = 1;
    (void)ioctl(m->vcpu, KVM_RUN, 0);
    m->run->immediate_exit = 0;
}

static void to_end_point(struct vm *m)
{
    check(!ioctl(m->vcpu, KVM_RUN, 0), "KVM_RUN");
    check(m->run->exit_reason == KVM_EXIT_IO, "exit reason");
}

static void get(struct vm *m)
{
    uint32_t wanted[1 + MSRS] = {MSRS};
    struct kvm_msr_list *list = (struct kvm_msr_list *)wanted;
    check(!ioctl(system_fd, KVM_GET_MSR_INDEX_LIST, list), "KVM_GET_MSR_INDEX_LIST");
    master.msrs = calloc(1, sizeof *master.msrs + MSRS * sizeof master.msrs->entries[0]);
    for (uint32_t i = 0; i < list->nmsrs; i++) {
        struct {
            struct kvm_msrs head;
            struct kvm_msr_entry entry;
        } one = {.head.nmsrs = 1, .entry.index = list->indices[i]};
        if (ioctl(m->vcpu, KVM_GET_MSRS, &one) == 1 && ioctl(m->vcpu, KVM_SET_MSRS, &one) == 1)
            master.msrs->entries[master.msrs->nmsrs++] = one.entry;
    }
    check(!ioctl(m->vcpu, KVM_GET_XCRS, &master.xcrs), "KVM_GET_XCRS");
    check(!ioctl(m->vcpu, KVM_GET_XSAVE, &master.xsave), "KVM_GET_XSAVE");
    check(!ioctl(m->vcpu, KVM_GET_DEBUGREGS, &master.debugregs), "KVM_GET_DEBUGREGS");
    master.sync = m->run->s.regs;
}

static void flat32(struct vm *m)
{
    struct kvm_regs *regs = &m->run->s.regs.regs;
    struct kvm_sregs *sregs = &m->run->s.regs.sregs;
    check(!ioctl(m->vcpu, KVM_GET_SREGS, sregs), "KVM_GET_SREGS");
    struct kvm_segment data = {.limit = 0xffffffff, .selector = 0x10, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1};
    sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
    data.type = 11;
    data.selector = 8;
    sregs->cs = data;
    sregs->cr0 |= 1;
    memset(regs, 0, sizeof *regs);
    regs->rip = ENTRY;
    regs->rflags = 2;
    m->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

static void make_master(struct vm *m, uint32_t pages)
{
    uint8_t code[] = {
        0xe6, 0xf4,                                 /* again: out 0xf4, al */
        0xb9, 0, 0, 0, 0,                           /* mov ecx, pages */
        0xbf, 0, 0, FIRST_DIRTY >> 16, 0,           /* mov edi, FIRST_DIRTY */
        0xe3, 0x0b,                                 /* jecxz again */
        0x88, 0x07,                                 /* next: mov [edi], al */
        0x81, 0xc7, 0x00, 0x10, 0, 0,               /* add edi, 4096 */
        0x49, 0x75, 0xf5,                           /* dec ecx; jnz next */
        0xeb, 0xe5,                                 /* jmp again */
    };
    memcpy(code + 3, &pages, sizeof pages);
    check((template_fd = memfd_create("template", MFD_CLOEXEC)) >= 0, "memfd_create");
    check(!ftruncate(template_fd, MEMORY), "ftruncate");
    check(pwrite(template_fd, code, sizeof code, ENTRY) == sizeof code, "pwrite");
    make(m, 0);
    flat32(m);
    to_end_point(m);
    finish(m);
    get(m);
}

int main(int argc, char **argv)
{
    struct vm first;
    struct rlimit files;
    if (argc < 3)
        return 2;
    uint32_t count = (uint32_t)atoi(argv[2]), pages = argc > 3 ? (uint32_t)atoi(argv[3]) : 0;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    check((system_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC)) >= 0, "/dev/kvm");
    run_size = (size_t)ioctl(system_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    cpuid = calloc(1, sizeof *cpuid + 128 * sizeof cpuid->entries[0]);
    cpuid->nent = 128;
    check(!ioctl(system_fd, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
    make_master(&first, pages);
    uint64_t spent = 0;
    if (!strcmp(argv[1], "reset")) {
        struct vm child;
        uint64_t *dirty = calloc(MEMORY / 4096 / 64, 8);
        struct kvm_dirty_log log = {.dirty_bitmap = dirty};
        uint8_t input[64] = {0};
        uint8_t *clean = mmap(NULL, MEMORY, PROT_READ, MAP_SHARED, template_fd, 0);
        make(&child, KVM_MEM_LOG_DIRTY_PAGES);
        put(&child);
        uint64_t from = now();
        for (uint32_t i = 0; i < count; i++) {
            memcpy(child.memory + INPUT, input, sizeof input);
            to_end_point(&child);
            finish(&child);
            check(!ioctl(child.vm, KVM_GET_DIRTY_LOG, &log), "KVM_GET_DIRTY_LOG");
            dirty[INPUT / 4096 / 64] |= 1ULL << INPUT / 4096 % 64;
            for (uint32_t word = 0; word < MEMORY / 4096 / 64; word++)
                for (uint64_t bits = dirty[word]; bits; bits &= bits - 1) {
                    size_t at = (word * 64UL + (unsigned)__builtin_ctzll(bits)) * 4096;
                    memcpy(child.memory + at, clean + at, 4096);
                }
            put(&child);
        }
        spent = now() - from;
    } else {
        int keeps = !strcmp(argv[1], "alive");
        for (uint32_t i = 0; i < count; i++) {
            struct vm child;
            uint64_t from = now();
            make(&child, 0);
            put_clocks(&child);
            put(&child);
            to_end_point(&child);
            spent += now() - from;
            if (!keeps)
                destroy(&child);
        }
    }
    printf("%.1f\n", (double)spent / count);
    return 0;
}
