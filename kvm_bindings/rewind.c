/* See rewind.h. */
#include "rewind.h"

static int finish_access(const struct rewind *rewind)
{
    struct kvm_run *run = rewind->run;
    if (run->exit_reason != KVM_EXIT_IO && run->exit_reason != KVM_EXIT_MMIO)
        return 0; /* nothing else leaves an instruction half done that the registers would not undo */
    int error;
    do { /* an access in pieces comes out again for each, and gets what is there: all of it is undone */
        __atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        error = ioctl(rewind->vcpu_fd, KVM_RUN, 0) ? errno : 0;
    } while (!error && (run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO));
    __atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    return error == EINTR || error == EAGAIN ? 0 : -error;
}

int rewind_now(struct rewind *rewind)
{
    int error = finish_access(rewind), answer;
    if (error)
        return error;
    for (uint64_t at = 0; at < rewind->region_count; at++) {
        const struct rewind_region *region = &rewind->regions[at];
        uint64_t *dirty = region->log->dirty_bitmap;
        if (ioctl(rewind->vm_fd, KVM_GET_DIRTY_LOG, region->log))
            return -errno;
        for (uint64_t page = region->first_always; page < region->first_always + region->always; page++)
            dirty[page / 64] |= 1ULL << page % 64;
        rewind->copied += host_put_back(region->to, region->from, dirty, region->pages);
    }
    for (int done = 0; (done += kvm_ioctl_each(rewind->vcpu_fd, rewind->calls + done, rewind->call_count - done, &answer)) <
                       rewind->call_count;
         done++)
        if (rewind->calls[done].request != KVM_SET_MSRS)
            return answer < 0 ? answer : -EIO;
    struct kvm_run *run = rewind->run;
    if (rewind->by_entry) {
        run->s.regs = *rewind->registers;
        run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
    } else
        run->kvm_dirty_regs = 0;
    run->cr8 = rewind->registers->sregs.cr8;
    run->ready_for_interrupt_injection = 0; /* it was said of other registers */
    return 0;
}
