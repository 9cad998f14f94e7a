/*
 * The sieve of Eratosthenes in C: how many primes lie below 100000.
 *
 * Only the digits on the serial port trap. Everything else is the CPU's own work, so the VMM's table of exits stays
 * short however long this takes.
 */
#include "console.h"

#define LIMIT 100000

static unsigned char composite[LIMIT];

int main(void)
{
    unsigned primes = 0;

    for (unsigned number = 2; number < LIMIT; number++) {
        if (composite[number])
            continue;
        primes++;
        for (unsigned multiple = 2 * number; multiple < LIMIT; multiple += number)
            composite[multiple] = 1;
    }
    put_number(primes);
    put_text(" primes below 100000\n");
    return 0;
}
