/* System calls with fixed signatures: cffi sends a variadic function such as ioctl through libffi, 550 ns dearer. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* An ioctl whose argument is a number. Gives the ioctl's answer (>= 0), or -errno. */
static int kvm_ioctl_int(int fd, unsigned long request, unsigned long arg)
{
	int answer = ioctl(fd, request, arg);
	return answer < 0 ? -errno : answer;
}

/* An ioctl whose argument points to a struct. Gives the ioctl's answer (>= 0), or -errno. */
static int kvm_ioctl_ptr(int fd, unsigned long request, void *arg)
{
	int answer = ioctl(fd, request, arg);
	return answer < 0 ? -errno : answer;
}

struct kvm_call {
	unsigned long request;
	void *argument;
	int expected;
};

/* Makes the calls in turn: how many gave what was expected; *answer is what the next one gave instead, or -errno. */
static int kvm_ioctl_each(int fd, const struct kvm_call *calls, int count, int *answer)
{
	for (int at = 0; at < count; at++) {
		int got = ioctl(fd, calls[at].request, calls[at].argument);
		if (got != calls[at].expected) {
			*answer = got < 0 ? -errno : got;
			return at;
		}
	}
	return count;
}

/* The next KVM_RUN takes these registers, those of `which` (KVM_SYNC_X86_...), out of the page shared with it. */
static void kvm_put_at_entry(struct kvm_run *run, const struct kvm_sync_regs *registers, unsigned long which)
{
	run->s.regs = *registers;
	run->kvm_dirty_regs = which;
	run->cr8 = registers->sregs.cr8; /* which an entry takes from here, where no local APIC has it */
	run->ready_for_interrupt_injection = 0; /* that was said of other registers */
}

/* A shared, readable and writable mapping of fd at offset; NULL and errno when it fails. */
static void *kvm_map(int fd, size_t size, long offset)
{
	void *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	return mapping == MAP_FAILED ? NULL : mapping;
}

/* Gives back what kvm_map gave. 0, or -errno. */
static int kvm_unmap(void *mapping, size_t size)
{
	return munmap(mapping, size) < 0 ? -errno : 0;
}
