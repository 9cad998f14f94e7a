/*
 * Prints what CPUID says: the vendor, the model, and the features of leaf 1.
 *
 * CPUID traps into KVM, which answers from the table that the VMM gave it: no exit reaches the VMM. What is printed
 * is thus the VMM's choice and not the host's CPU.
 */
#include "console.h"

struct answer { unsigned eax, ebx, ecx, edx; };

static struct answer cpuid(unsigned leaf)
{
    struct answer answer;

    __asm__ volatile("cpuid"
                     : "=a"(answer.eax), "=b"(answer.ebx), "=c"(answer.ecx), "=d"(answer.edx)
                     : "a"(leaf), "c"(0));
    return answer;
}

struct feature { unsigned char bit; const char *name; };

static const struct feature in_edx[] = {
    {0, "fpu"}, {3, "pse"}, {4, "tsc"}, {5, "msr"}, {6, "pae"}, {8, "cx8"}, {9, "apic"}, {11, "sep"}, {13, "pge"},
    {15, "cmov"}, {16, "pat"}, {23, "mmx"}, {24, "fxsr"}, {25, "sse"}, {26, "sse2"},
};
static const struct feature in_ecx[] = {
    {0, "sse3"}, {1, "pclmulqdq"}, {9, "ssse3"}, {12, "fma"}, {13, "cx16"}, {19, "sse4.1"}, {20, "sse4.2"},
    {21, "x2apic"}, {22, "movbe"}, {23, "popcnt"}, {25, "aes"}, {26, "xsave"}, {28, "avx"}, {30, "rdrand"},
    {31, "hypervisor"},
};

static void put_register(unsigned value)
{
    for (int byte = 0; byte < 4; byte++)
        put_char((char)(value >> 8 * byte));
}

static void put_features(unsigned value, const struct feature *features, unsigned count)
{
    for (unsigned index = 0; index < count; index++)
        if (value >> features[index].bit & 1) {
            put_char(' ');
            put_text(features[index].name);
        }
}

int main(void)
{
    struct answer vendor = cpuid(0), model = cpuid(1);
    unsigned family = model.eax >> 8 & 15, number = model.eax >> 4 & 15;

    if (family == 6 || family == 15)
        number |= model.eax >> 12 & 0xf0;
    if (family == 15)
        family += model.eax >> 20 & 0xff;

    put_text("vendor ");
    put_register(vendor.ebx);
    put_register(vendor.edx);
    put_register(vendor.ecx);
    put_text("\nfamily ");
    put_number(family);
    put_text(" model ");
    put_number(number);
    put_text(" stepping ");
    put_number(model.eax & 15);
    put_text("\nfeatures");
    put_features(model.edx, in_edx, sizeof in_edx / sizeof *in_edx);
    put_features(model.ecx, in_ecx, sizeof in_ecx / sizeof *in_ecx);
    put_char('\n');
    return 0;
}
