/*
 * vsock PORT: connects to a port of the host's; vsock -l PORT: takes one connection from there. What is read from the
 * standard input goes there, what comes from there to the standard output, until that ends. vsock -e PORT: takes one
 * connection, and sends back what comes. Exit status 1 where there is no connection. No C library: gcc -static
 * -nostdlib. Source: vsock(7).
 */

enum { SYS_read, SYS_write, SYS_poll = 7, SYS_socket = 41, SYS_connect, SYS_accept, SYS_shutdown = 48, SYS_bind, SYS_listen,
       SYS_exit = 60 };
enum { AF_VSOCK = 40, SOCK_STREAM = 1, SHUT_WR = 1, POLLIN = 1, POLLHUP = 16 };
#define HOST 2U
#define ANY 0xffffffffU

struct place { unsigned short family, reserved; unsigned port, cid; unsigned char flags, zero[3]; };
struct wanted { int fd; short events, found; };

static long call(long number, long first, long second, long third)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
    return result;
}

static void end(int status)
{
    call(SYS_exit, status, 0, 0);
    __builtin_unreachable();
}

static unsigned number_of(const char *digits)
{
    unsigned value = 0;
    while (*digits >= '0' && *digits <= '9')
        value = 10 * value + (unsigned)(*digits++ - '0');
    return value;
}

static long checked(long result)
{
    if (result < 0)
        end(1);
    return result;
}

static char room[1 << 16];

/* Moves what there is; 0 at the end. */
static long move(int from, int to)
{
    long size = call(SYS_read, from, (long)room, sizeof room);
    for (long done = 0; done < size;)
        done += checked(call(SYS_write, to, (long)(room + done), size - done));
    return size > 0;
}

__attribute__((used)) void begin(long *stack)
{
    char **words = (char **)(stack + 1);
    int listens = stack[0] == 3;
    if (stack[0] < 2)
        end(2);
    struct place place = { .family = AF_VSOCK, .port = number_of(words[stack[0] - 1]), .cid = listens ? ANY : HOST };
    int there = (int)checked(call(SYS_socket, AF_VSOCK, SOCK_STREAM, 0));
    if (listens) {
        checked(call(SYS_bind, there, (long)&place, sizeof place));
        checked(call(SYS_listen, there, 1, 0));
        there = (int)checked(call(SYS_accept, there, 0, 0));
    } else {
        checked(call(SYS_connect, there, (long)&place, sizeof place));
    }
    while (listens && words[1][1] == 'e')
        if (!move(there, there))
            end(0);
    struct wanted wanted[2] = { { there, POLLIN, 0 }, { 0, POLLIN, 0 } };
    for (;;) {
        checked(call(SYS_poll, (long)wanted, 2, -1));
        if (wanted[1].found && !move(0, there)) {
            call(SYS_shutdown, there, SHUT_WR, 0);
            wanted[1].fd = -1;
        }
        if (wanted[0].found && !move(there, 1))
            end(0);
    }
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tcall begin\n");
