/*
 * Echoes what is typed on COM1 and ends at the first newline, as serial-echo does, without interrupts.
 *
 * Traps: every read of the line status. While nobody types, the guest does nothing else, as fast as the host lets it.
 */
#include "console.h"

#define ALONE __attribute__((noinline, noclone))
#define HAS_BYTE 0x01
#define HAS_ROOM 0x20

static unsigned char read_port(unsigned short port)
{
    unsigned char value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

ALONE static char wait_for_byte(void)
{
    while (!(read_port(COM1_STATUS) & HAS_BYTE))
        ;
    return (char)read_port(COM1);
}

ALONE static void send_byte(char byte)
{
    while (!(read_port(COM1_STATUS) & HAS_ROOM))
        ;
    put_char(byte);
}

int main(void)
{
    char byte;

    do {
        byte = wait_for_byte();
        send_byte(byte);
    } while (byte != '\n');
    return 0;
}
