/*
 * Calls nested three deep, with a frame pointer in every function: who called whom can be read from the stack at each
 * exit, as `vmm profile --stacks` does.
 *
 * Every port access traps: draw() sends a letter, tick() reads the clock chip. Two functions call draw(), and one of
 * them calls itself.
 */
#pragma GCC optimize("no-omit-frame-pointer", "no-optimize-sibling-calls")

#include "console.h"

#define ALONE __attribute__((noinline, noclone))
#define FRAME() __asm__ volatile("" : : "r"(__builtin_frame_address(0))) /* gcc omits it in leaves even so */

ALONE static void draw(char letter)
{
    FRAME();
    put_char(letter);
}

ALONE static int tick(void)
{
    unsigned char seconds;

    FRAME();
    __asm__ volatile("outb %b0, $0x70" : : "a"(0));
    __asm__ volatile("inb $0x71, %0" : "=a"(seconds));
    return seconds;
}

ALONE static void line(void)
{
    for (int at = 0; at < 5; at++)
        draw('-');
    draw('\n');
}

ALONE static void tower(int height)
{
    draw('^');
    if (height > 1)
        tower(height - 1);
    tick();
}

int main(void)
{
    line();
    tower(3);
    line();
    return 0;
}
