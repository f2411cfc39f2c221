/* Coverage-guided fuzzing of the walker, for libFuzzer: make fuzz-native.
 *
 * The first bytes of an input choose what to do, the rest is walked. Buffers have exactly the size that the walker
 * knows, so that AddressSanitizer reports each byte too many. */
#include <stdlib.h>
#include <string.h>

#include "walker.h"

enum { CHOICES = 4, MAX_ELEMENTS = 64 };

#define ENTRY(tag, first, second, choice) \
    ((uint64_t)(tag) << 32 | (uint64_t)(first) << 24 | (uint64_t)(second) << 16 | (choice))

static const uint64_t ENTRIES[] = {
    ENTRY(0x00080018, 'U', 'I', VR_FIXED),   ENTRY(0x00100010, 'P', 'N', VR_FIXED),
    ENTRY(0x00081140, 'S', 'Q', VR_FIXED),   ENTRY(0x0040A730, 'S', 'Q', VR_FIXED),
    ENTRY(0x00280103, 'U', 'S', VR_CONTEXT), ENTRY(0x00280100, 'U', 'S', VR_CONTEXT),
    ENTRY(0x54001004, 'U', 'S', VR_CONTEXT), ENTRY(0x00280106, 'U', 'S', VR_US_OR_SS),
    ENTRY(0x00281101, 'U', 'S', VR_US_OR_SS_IF_ASKED), ENTRY(0x60003000, 'O', 'W', VR_OB_OR_OW),
    ENTRY(0x54001010, 'O', 'W', VR_OB_OR_OW), ENTRY(0x00283006, 'O', 'W', VR_OTHER),
    ENTRY(0x7FE00010, 'O', 'W', VR_OB_OR_OW), ENTRY(0x0040A160, 'U', 'T', VR_FIXED),
};

static void require(bool condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    static uint64_t dictionary[DICTIONARY_SLOTS];
    if (!dictionary[0])
        for (size_t i = 0; i < sizeof ENTRIES / sizeof *ENTRIES; i++) require(walk_add_entry(dictionary, ENTRIES[i]));
    if (size < CHOICES) return 0;
    size_t rest = size - CHOICES;
    /* a quarter of the inputs has not enough room */
    size_t room = input[3] & 3 ? 3 * rest / 2 + 64 : input[3];
    uint8_t *data = malloc(rest ? rest : 1), *out = malloc(room ? room : 1);
    require(data && out);
    memcpy(data, input + CHOICES, rest);
    struct walk w = {
        .data = data,
        .size = (int64_t)rest,
        .encoding = (enum walk_encoding)(input[0] % WALK_ENCODINGS),
        .dictionary = dictionary,
        .check_padding = input[1] & 1,
        .rules = input[1] >> 1 & 7,
        .context = input[1] >> 4 & 7,
        .out = out,
        .room = (int64_t)room,
        .end = input[2] & 1 ? WALK_NEVER : (int64_t)(rest + (input[2] >> 1) - 32),
    };
    int function = input[0] / WALK_ENCODINGS % 4;
    if (function == 0) {
        walk_items(&w);
        require(w.position <= w.size);
    } else if (function == 1) {
        walk_elements(&w);
        require(w.position <= w.size);
    } else if (function == 2) {
        int64_t start = input[1] < rest ? input[1] : 0, mark = walk_find_mark(data, start, w.size);
        require(mark == -1 || (mark >= start && mark <= w.size - 4));
    } else {
        uint32_t tags[MAX_ELEMENTS];
        int64_t starts[MAX_ELEMENTS];
        int64_t count = walk_level(&w, tags, starts, MAX_ELEMENTS);
        require(count >= 0 && count <= MAX_ELEMENTS && w.written == 0);
        for (int64_t i = 1; i < count; i++) require(starts[i - 1] < starts[i] && starts[i] < w.size);
    }
    require(w.position >= 0 && w.written >= 0 && w.written <= w.room && w.open_items >= 0);
    free(data);
    free(out);
    return 0;
}
