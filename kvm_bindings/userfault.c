/* Guest memory whose missing pages user space brings. Source: userfaultfd(2), ioctl_userfaultfd(2). */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00) /* Linux 6.1 */
#endif

int host_userfault_open(void)
{
    /* Not UFFD_USER_MODE_ONLY: it is KVM, in the kernel, that touches guest memory. */
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == EPERM || errno == ENOSYS)) {
        int error = errno, device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
        if (device < 0)
            return -error;
        fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
        close(device);
    }
    if (fd < 0)
        return -errno;
    struct uffdio_api api = {.api = UFFD_API};
    if (ioctl(fd, UFFDIO_API, &api)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int host_userfault_watch(int fd, void *at, size_t size)
{
    struct uffdio_register wanted = {.range = {(uintptr_t)at, size}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    return ioctl(fd, UFFDIO_REGISTER, &wanted) ? -errno : 0;
}

int host_userfault_forget(int fd, void *at, size_t size)
{
    struct uffdio_range range = {(uintptr_t)at, size};
    return ioctl(fd, UFFDIO_UNREGISTER, &range) ? -errno : 0;
}

uint64_t host_userfault_next(int fd)
{
    struct uffd_msg message;
    while (read(fd, &message, sizeof message) == sizeof message)
        if (message.event == UFFD_EVENT_PAGEFAULT)
            return message.arg.pagefault.address & ~(HOST_PAGE - 1);
    return 0;
}

/* One call of COPY or ZEROPAGE does what it can; pages that are there already are passed over. */
static int go_past(int64_t done, size_t *at)
{
    if (done > 0) {
        *at += (size_t)done;
        return 0;
    }
    if (errno == EEXIST)
        *at += HOST_PAGE;
    else if (errno != EAGAIN)
        return -errno;
    return 0;
}

int host_userfault_copy(int fd, void *to, const void *from, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct uffdio_copy copy = {.dst = (uintptr_t)to + at, .src = (uintptr_t)from + at, .len = size - at};
        int error = ioctl(fd, UFFDIO_COPY, &copy) ? go_past(copy.copy, &at) : go_past((int64_t)copy.len, &at);
        if (error)
            return error;
    }
    return 0;
}

int host_userfault_zero(int fd, void *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct uffdio_zeropage zero = {.range = {(uintptr_t)to + at, size - at}};
        int error = ioctl(fd, UFFDIO_ZEROPAGE, &zero) ? go_past(zero.zeropage, &at) : go_past((int64_t)(size - at), &at);
        if (error)
            return error;
    }
    return 0;
}

int host_userfault_wake(int fd, void *at, size_t size)
{
    struct uffdio_range range = {(uintptr_t)at, size};
    return ioctl(fd, UFFDIO_WAKE, &range) ? -errno : 0;
}

int host_forbid(void *at, size_t size)
{
    return mprotect(at, size, PROT_NONE) ? -errno : 0;
}
