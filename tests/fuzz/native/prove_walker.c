/* What Frama-C Eva analyses: one function of the walker, on a small buffer of any content. */
#include <__fc_builtin.h>

#include "walker.h"

enum { SIZE = 24, MAX_ELEMENTS = 4 };

static uint8_t data[SIZE], out[SIZE + SIZE / 2 + 64];
static uint64_t dictionary[DICTIONARY_SLOTS];

int main(void) {
    Frama_C_make_unknown((char *)data, sizeof data);
    Frama_C_make_unknown((char *)dictionary, sizeof dictionary);
    struct walk w = {
        .data = data,
        .size = SIZE,
        .encoding = ENCODING,
        .dictionary = dictionary,
        .check_padding = Frama_C_interval(0, 1),
        .rules = (unsigned)Frama_C_interval(0, 7),
        .context = (unsigned)Frama_C_interval(0, 7),
        .out = out,
        .room = sizeof out,
        .end = Frama_C_interval(0, 1) ? SIZE : WALK_NEVER,
    };
#ifdef LEVEL
    uint32_t tags[MAX_ELEMENTS];
    int64_t starts[MAX_ELEMENTS];
    walk_level(&w, tags, starts, MAX_ELEMENTS);
#else
    FUNCTION(&w);
#endif
    return 0;
}
