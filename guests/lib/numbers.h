/* Integers of a fixed size, and words compared, for guests in C. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

static inline int same(const char *one, const char *other)
{
    while (*one && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

/* What follows the first word: a loader puts the path of the image, or of the module, ahead of the words for it. */
static inline const char *after_first_word(const char *text)
{
    while (*text && *text != ' ')
        text++;
    return *text ? text + 1 : text;
}
