/*
 * port NUMBER VALUE: writes one byte to an I/O port, for kernels without /dev/port. No C library: gcc -static -nostdlib.
 */

static long call(long number, long first, long second, long third)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
    return result;
}

static unsigned number_of(const char *digits)
{
    unsigned value = 0;
    while (*digits >= '0' && *digits <= '9')
        value = 10 * value + (unsigned)(*digits++ - '0');
    return value;
}

__attribute__((used)) void begin(long *stack)
{
    enum { SYS_exit = 60, SYS_ioperm = 173 };
    char **words = (char **)(stack + 1);
    int failed = stack[0] != 3;
    if (!failed) {
        unsigned port = number_of(words[1]);
        failed = call(SYS_ioperm, port, 1, 1) != 0;
        if (!failed)
            __asm__ volatile("outb %b0, %w1" : : "a"(number_of(words[2])), "d"(port));
    }
    call(SYS_exit, failed, 0, 0);
    __builtin_unreachable();
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tcall begin\n");
