/* Text to the first serial port, for guests in C. Nothing waits for the transmitter: a VMM takes a byte at once. */

#include "ports.h"

static inline void put_char(char character)
{
    __asm__ volatile("outb %0, %1" : : "a"(character), "Nd"((unsigned short)COM1));
}

static inline void put_text(const char *text)
{
    while (*text)
        put_char(*text++);
}

static inline void put_number(unsigned number)
{
    if (number >= 10)
        put_number(number / 10);
    put_char((char)('0' + number % 10));
}
