#include "walker.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define UNDEFINED_LENGTH 0xFFFFFFFFu
#define ITEM 0xFFFEE000u
#define ITEM_DELIMITER 0xFFFEE00Du
#define SEQUENCE_DELIMITER 0xFFFEE0DDu
#define PIXEL_REPRESENTATION 0x00280103u
#define BITS_ALLOCATED 0x00280100u
#define WAVEFORM_BITS_ALLOCATED 0x54001004u

enum { MAX_DEPTH = 192 };  /* deeper sequences are left to Python, which has the limit */
enum { SMALL_COPY = 16 };  /* a copy of this constant size is faster than an exact one */
enum { LONG_HEADER = 12, SHORT_HEADER = 8 };

/* Value Representations (PS3.5 6.2, 7.1.2): UN, like anything that PS3.5 does not define, is UNKNOWN. */

enum vr_kind { UNKNOWN, SHORT, SHORT_TEXT, SHORT_UID, LONG, LONG_TEXT, SEQUENCE };

struct vr {
    uint8_t kind;       /* how the length is encoded (PS3.5 Tables 7.1-1 and 7.1-2), and how padding looks */
    uint8_t word;       /* size of the words whose byte order depends on the encoding (PS3.5 7.3) */
    uint8_t value_size; /* size of one value, if the VR fixes it (PS3.5 Table 6.2-1), or else 1 */
    bool is_latest;     /* older readers read another length */
};

#define VR(name) ((unsigned)(name)[0] << 8 | (unsigned)(name)[1])
#define AT(first, second) [((first) - 'A') * 26 + (second) - 'A']
#define TEXT {SHORT_TEXT, 1, 1, false}
#define LONGER_TEXT {LONG_TEXT, 1, 1, false}
#define NUMBER(word, size) {SHORT, word, size, false}
#define WORDS(word) {LONG, word, 1, false}
#define LATEST(size) {LONG, 8, size, true}

static const struct vr VRS[26 * 26] = {
    AT('A', 'E') = TEXT, AT('A', 'S') = TEXT, AT('C', 'S') = TEXT, AT('D', 'A') = TEXT, AT('D', 'S') = TEXT,
    AT('D', 'T') = TEXT, AT('I', 'S') = TEXT, AT('L', 'O') = TEXT, AT('L', 'T') = TEXT, AT('P', 'N') = TEXT,
    AT('S', 'H') = TEXT, AT('S', 'T') = TEXT, AT('T', 'M') = TEXT, AT('U', 'I') = {SHORT_UID, 1, 1, false},
    AT('U', 'C') = LONGER_TEXT, AT('U', 'R') = LONGER_TEXT, AT('U', 'T') = LONGER_TEXT,
    AT('U', 'S') = NUMBER(2, 2), AT('S', 'S') = NUMBER(2, 2), AT('A', 'T') = NUMBER(2, 4), AT('U', 'L') = NUMBER(4, 4),
    AT('S', 'L') = NUMBER(4, 4), AT('F', 'L') = NUMBER(4, 4), AT('F', 'D') = NUMBER(8, 8),
    AT('O', 'B') = WORDS(1), AT('O', 'W') = WORDS(2), AT('O', 'F') = WORDS(4), AT('O', 'L') = WORDS(4),
    AT('O', 'D') = WORDS(8), AT('O', 'V') = LATEST(1), AT('S', 'V') = LATEST(8), AT('U', 'V') = LATEST(8),
    AT('S', 'Q') = {SEQUENCE, 1, 1, false},
};
static const struct vr UNKNOWN_VR = {UNKNOWN, 1, 1, false};

INLINE const struct vr *find_vr(unsigned code) {
    unsigned first = (code >> 8) - 'A', second = (code & 0xFF) - 'A';
    return first < 26 && second < 26 ? &VRS[first * 26 + second] : &UNKNOWN_VR;
}

INLINE bool is_short(const struct vr *vr) { return vr->kind == SHORT || vr->kind == SHORT_TEXT || vr->kind == SHORT_UID; }

/* Numbers (PS3.5 7.3). */

INLINE uint16_t read_u16(const uint8_t *p, bool big) {
    return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

INLINE uint32_t read_u32(const uint8_t *p, bool big) {
    uint32_t first = read_u16(p, big), second = read_u16(p + 2, big);
    return big ? first << 16 | second : second << 16 | first;
}

INLINE uint32_t read_tag(const uint8_t *p, bool big) { return (uint32_t)read_u16(p, big) << 16 | read_u16(p + 2, big); }

INLINE void write_u16(uint8_t *p, uint32_t value) {
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

INLINE void write_tag(uint8_t *p, uint32_t tag) {
    write_u16(p, tag >> 16);
    write_u16(p + 2, tag & 0xFFFF);
}

INLINE void write_u32(uint8_t *p, uint32_t value) {
    write_u16(p, value & 0xFFFF);
    write_u16(p + 2, value >> 16);
}

/* Dictionary of implicit VR. */

INLINE unsigned find_slot(uint32_t tag) { return (tag * 0x9E3779B1u) >> (32 - DICTIONARY_BITS); }

bool walk_add_entry(uint64_t *dictionary, uint64_t entry) {
    unsigned slot = find_slot((uint32_t)(entry >> 32));
    for (int i = 0; i < DICTIONARY_SLOTS; i++, slot = (slot + 1) % DICTIONARY_SLOTS)
        if (!dictionary[slot] || dictionary[slot] >> 32 == entry >> 32) {
            dictionary[slot] = entry;
            return true;
        }
    return false;
}

static uint64_t search(const uint64_t *dictionary, uint32_t tag) {
    unsigned slot = find_slot(tag);
    for (int i = 0; i < DICTIONARY_SLOTS && dictionary[slot]; i++, slot = (slot + 1) % DICTIONARY_SLOTS)
        if (dictionary[slot] >> 32 == tag) return dictionary[slot];
    return 0;
}

INLINE uint64_t find_entry(const uint64_t *dictionary, uint32_t tag) {
    uint64_t entry = dictionary[find_slot(tag)];
    unsigned group = tag >> 16, element = tag & 0xFFFF;
    if (entry >> 32 == tag && entry) return entry;
    if (element == 0) return (uint64_t)tag << 32 | VR("UL") << 16; /* Group Length (PS3.5 7.2) */
    if (group & 1) /* private (PS3.5 7.8.1) */
        return element >= 0x10 && element <= 0xFF ? (uint64_t)tag << 32 | VR("LO") << 16 : 0;
    entry = search(dictionary, tag);
    if (!entry && (group >> 8 == 0x50 || group >> 8 == 0x60)) entry = search(dictionary, tag & 0xFF00FFFF);
    return entry;
}

/* Choose the VR of an attribute that has several in the dictionary (PS3.5 Annex A.1), as vr_context.choose_vr does. */
static unsigned choose_vr(uint64_t entry, uint32_t tag, unsigned context, unsigned rules) {
    unsigned choice = entry & 0xFFFF, group = tag >> 16;
    if (choice == VR_US_OR_SS || choice == VR_US_OR_SS_IF_ASKED) {
        bool is_known = tag > PIXEL_REPRESENTATION || rules & RULE_INHERIT;
        bool depends = choice == VR_US_OR_SS || rules & RULE_SIGNED_DESCRIPTORS;
        return context & CONTEXT_SIGNED && is_known && depends ? VR("SS") : VR("US");
    }
    if (choice != VR_OB_OR_OW) return VR("OW");
    if (group == 0x5400) return context & CONTEXT_WIDE_WAVEFORM && tag > WAVEFORM_BITS_ALLOCATED ? VR("OW") : VR("OB");
    bool is_pixels = group == 0x7FE0 || group >> 8 == 0x60;
    return is_pixels && !(rules & RULE_BYTES_FOR_8_BITS && context & CONTEXT_EIGHT_BITS) ? VR("OW") : VR("OB");
}

/* Return the context after Pixel Representation, Bits Allocated or Waveform Bits Allocated. */
static unsigned update_context(unsigned context, uint32_t tag, const uint8_t *value, uint32_t length) {
    unsigned number = length > 1 ? read_u16(value, false) : length ? value[0] : 0;
    unsigned bit = CONTEXT_WIDE_WAVEFORM;
    bool is_set = length && number != 8;
    if (tag == PIXEL_REPRESENTATION) bit = CONTEXT_SIGNED, is_set = number == 1;
    if (tag == BITS_ALLOCATED) bit = CONTEXT_EIGHT_BITS, is_set = number == 8;
    return is_set ? context | bit : context & ~bit;
}

/* Headers of Data Elements (PS3.5 7.1). */

enum found { PLAIN, NESTED, GROUP_LENGTH, ITEM_OR_DELIMITER, TRUNCATED, UNUSUAL };

struct element {
    uint32_t tag;
    uint32_t length;
    unsigned vr_code;
    int header; /* its size in bytes */
    const struct vr *vr;
    uint64_t entry; /* implicit VR: of the dictionary */
};

/* Never signed (PS3.3 C.12.1.1.3.1.1): what signable.exclusion_reason names. */
INLINE bool is_excluded(uint32_t tag) {
    unsigned group = tag >> 16, element = tag & 0xFFFF;
    if (element > 1 && group >= 8 && group < 0x4FFE) return false;
    return element == 0 || group < 8 || tag == 0x00080001 || tag == 0x4FFE0001 || group == 0xFFFA ||
           tag == 0xFFFCFFFC || group == 0xFFFE;
}

INLINE enum found read_element(const struct walk *w, int64_t at, enum walk_encoding encoding, struct element *e) {
    const bool big = encoding == EXPLICIT_BIG;
    if (w->size - at < SHORT_HEADER) return TRUNCATED;
    const uint8_t *p = w->data + at;
    e->tag = read_tag(p, big);
    e->header = SHORT_HEADER;
    if (e->tag >> 16 == 0xFFFE) {
        e->length = read_u32(p + 4, big);
        return ITEM_OR_DELIMITER;
    }
    bool has_length = true;
    if (encoding == IMPLICIT_LITTLE) {
        e->entry = find_entry(w->dictionary, e->tag);
        if (!e->entry) return UNUSUAL;
        e->vr_code = e->entry >> 16 & 0xFFFF;
        e->vr = find_vr(e->vr_code);
        e->length = read_u32(p + 4, false);
        /* in explicit VR, a value this long has VR UN (PS3.5 6.2.2) */
        if (is_short(e->vr) && e->length > 0xFFFE) return UNUSUAL;
    } else {
        e->vr_code = (unsigned)p[4] << 8 | p[5];
        e->vr = find_vr(e->vr_code);
        e->length = read_u16(p + 6, big);
        if (!is_short(e->vr)) {
            if (e->length) return UNUSUAL; /* the reserved bytes, which the MAC has as 0 */
            e->header = LONG_HEADER;
            has_length = w->size - at >= LONG_HEADER;
            if (has_length) e->length = read_u32(p + 8, big);
        }
    }
    if (e->vr->kind == UNKNOWN || e->tag >> 16 == 0xFFFF) return UNUSUAL;
    if (is_excluded(e->tag)) {
        bool is_usual = (e->tag & 0xFFFF) == 0 && e->tag >> 16 >= 8 && e->vr_code == VR("UL") && e->length == 4;
        return is_usual ? GROUP_LENGTH : UNUSUAL;
    }
    if (!has_length) return TRUNCATED;
    if (e->vr->kind == SEQUENCE) return NESTED;
    return e->length == UNDEFINED_LENGTH ? UNUSUAL : PLAIN;
}

/* Whether readers disagree about the length of an element: header.is_length_ambiguous. */
INLINE bool is_length_ambiguous(const struct element *e, enum walk_encoding encoding) {
    if (e->length & (e->vr->value_size - 1u)) return true;
    return encoding == IMPLICIT_LITTLE ? e->length == 13 : e->vr->is_latest;
}

INLINE bool is_padding(uint8_t byte) { return byte == ' ' || byte == 0; }

/* Whether a value has even length and, if it is text, minimal padding (PS3.5 6.2): vr.is_minimally_padded. */
INLINE bool is_minimally_padded(const struct vr *vr, const uint8_t *value, uint32_t length) {
    if (length & 1) return false;
    if (length == 0 || !(vr->kind == SHORT_TEXT || vr->kind == SHORT_UID || vr->kind == LONG_TEXT)) return true;
    uint8_t last = value[length - 1];
    if (is_padding(last) && (last != (vr->kind == SHORT_UID ? 0 : ' ') || is_padding(value[length - 2]))) return false;
    if (vr->kind == SHORT_UID)
        for (uint32_t i = 0; i < length; i++)
            if (value[i] == ' ' || (value[i] >= '\t' && value[i] <= '\r')) return false;
    return true;
}

/* Whether bytes are the tag of an item or of the end of a sequence in little endian. */
INLINE bool is_item_mark(const uint8_t *p) {
    uint32_t tag = read_tag(p, false);
    return tag == ITEM || tag == SEQUENCE_DELIMITER;
}

/* The MAC byte stream, in explicit VR little endian (PS3.3 C.12.1.1.3.1.1). Nothing is written without room. */

struct stream {
    uint8_t *to;
    int64_t room;
};

/* Return where to write so many bytes; NULL if there is no room for them. */
INLINE uint8_t *reserve(struct stream *out, int64_t count) {
    if (count > out->room) return NULL;
    out->to += count;
    out->room -= count;
    return out->to - count;
}

/* Copy bytes, behind which ``readable`` more can be read. */
INLINE bool put(struct stream *out, const uint8_t *from, int64_t count, int64_t readable) {
    bool is_small = count <= SMALL_COPY && out->room >= SMALL_COPY && count + readable >= SMALL_COPY;
    uint8_t *to = reserve(out, count);
    if (!to) return false;
    if (is_small)
        memcpy(to, from, SMALL_COPY);
    else
        memcpy(to, from, (size_t)count);
    return true;
}

/* Copy a value of words with their bytes swapped; an incomplete last word stays as it is (PS3.5 7.3). */
INLINE bool put_swapped(struct stream *out, const uint8_t *from, int64_t count, int word) {
    uint8_t *to = reserve(out, count);
    if (!to) return false;
    int64_t at = 0;
    for (; at + word <= count; at += word)
        for (int i = 0; i < word; i++) to[at + i] = from[at + word - 1 - i];
    for (; at < count; at++) to[at] = from[at];
    return true;
}

/* Items and delimiters have no length in the MAC. */
INLINE bool put_mark(struct stream *out, uint32_t tag) {
    uint8_t *to = reserve(out, 4);
    if (to) write_tag(to, tag);
    return to;
}

INLINE bool put_header(struct stream *out, const struct element *e, unsigned vr_code, const struct vr *vr) {
    int size = is_short(vr) || vr->kind == SEQUENCE ? SHORT_HEADER : LONG_HEADER;
    uint8_t *to = reserve(out, size);
    if (!to) return false;
    write_tag(to, e->tag);
    to[4] = (uint8_t)(vr_code >> 8);
    to[5] = (uint8_t)vr_code;
    write_u16(to + 6, is_short(vr) ? e->length : 0);
    if (size == LONG_HEADER) write_u32(to + 8, e->length);
    return true;
}

/* Put an element whose value is in the buffer. */
INLINE bool put_element(struct walk *w, struct stream *out, const struct element *e, int64_t at, unsigned context,
                        enum walk_encoding encoding) {
    const uint8_t *value = w->data + at + e->header;
    int64_t readable = w->size - at - e->header - e->length;
    unsigned vr_code = e->vr_code;
    const struct vr *vr = e->vr;
    if (encoding == IMPLICIT_LITTLE && (e->entry & 0xFFFF) != VR_FIXED && (e->entry & 0xFFFF) != VR_CONTEXT) {
        vr_code = choose_vr(e->entry, e->tag, context, w->rules);
        vr = find_vr(vr_code);
        w->notes |= NOTE_AMBIGUOUS;
    }
    if (!put_header(out, e, vr_code, vr)) return false;
    if (encoding != EXPLICIT_BIG || vr->word == 1) return put(out, value, e->length, readable);
    if (vr->word == 2) return put_swapped(out, value, e->length, 2);
    if (vr->word == 4) return put_swapped(out, value, e->length, 4);
    return put_swapped(out, value, e->length, 8);
}

INLINE void store(struct walk *w, int64_t position, const struct stream *out, int64_t open_items) {
    w->position = position;
    w->written = out->to - w->out;
    w->open_items = open_items;
}

/* A sequence, and the item that contains it. */
struct level {
    int64_t item_end;
    int64_t sequence_end;
    int64_t last; /* the tag of the last element of the item, or -1 */
    unsigned context;
};

/* One loop for all levels. In explicit VR little endian, the bytes from ``run`` to ``at`` belong to the MAC as they
 * are; in other encodings each element is put by itself, and ``run`` is not used. */
INLINE enum walk_stop gather_items(struct walk *w, enum walk_encoding encoding, bool check_padding) {
    const bool big = encoding == EXPLICIT_BIG, as_is = encoding == EXPLICIT_LITTLE;
    const uint8_t *const data = w->data;
    const int64_t size = w->size;
    struct stream out = {w->out, w->room};
    struct level stack[MAX_DEPTH] = {0};
    int depth = 0;
    int64_t at = w->position, run, sequence_end = w->end, item_end = 0, last = -1, open_items = w->open_items;
    unsigned context = w->context;
    struct element e = {0};

    for (;;) {
        /* between two items (PS3.5 7.5.1) */
        if (depth == 0) store(w, at, &out, open_items);
        bool is_end = at == sequence_end;
        if (!is_end) {
            if (at > sequence_end) return STOP_UNUSUAL;
            if (size - at < SHORT_HEADER) return STOP_TRUNCATED;
            uint32_t tag = read_tag(data + at, big), length = read_u32(data + at + 4, big);
            if (tag == ITEM) {
                at += SHORT_HEADER;
                item_end = length == UNDEFINED_LENGTH ? WALK_NEVER : at + length;
                if (item_end != WALK_NEVER && item_end > sequence_end) return STOP_UNUSUAL;
                if (item_end != WALK_NEVER && item_end > size) return STOP_TRUNCATED;
                open_items += item_end == WALK_NEVER;
                if (!put_mark(&out, ITEM)) return STOP_UNUSUAL;
                context = depth ? stack[depth - 1].context : w->context;
                if (!(w->rules & RULE_INHERIT)) context = 0;
                last = -1;
            } else if (tag == SEQUENCE_DELIMITER && sequence_end == WALK_NEVER) {
                at += SHORT_HEADER;
                if (length) w->notes |= NOTE_UNUSUAL;
                is_end = true;
            } else
                return STOP_UNUSUAL;
        }
        if (is_end) {
            if (!put_mark(&out, SEQUENCE_DELIMITER)) return STOP_UNUSUAL;
            if (depth == 0) {
                store(w, at, &out, open_items);
                return STOP_AT_END;
            }
            depth--;
            item_end = stack[depth].item_end;
            sequence_end = stack[depth].sequence_end;
            last = stack[depth].last;
            context = stack[depth].context;
        }
        run = at;
        /* the elements of an item */
        bool is_nested = false;
        while (at < item_end && !is_nested) {
            enum found found = read_element(w, at, encoding, &e);
            if (found == TRUNCATED) return STOP_TRUNCATED;
            if (found == UNUSUAL) return STOP_UNUSUAL;
            if (found == ITEM_OR_DELIMITER) {
                if (e.tag != ITEM_DELIMITER || item_end != WALK_NEVER) return STOP_UNUSUAL;
                if (e.length) w->notes |= NOTE_UNUSUAL;
                if (as_is && !put(&out, data + run, at - run, size - at)) return STOP_UNUSUAL;
                at += SHORT_HEADER;
                item_end = run = at;
                break;
            }
            /* elements are in ascending order (PS3.5 7.1) and have an even length, about which readers agree */
            bool is_doubtful = found == PLAIN && ((e.length & 1) || is_length_ambiguous(&e, encoding));
            if (is_doubtful || (int64_t)e.tag <= last) w->notes |= NOTE_UNUSUAL;
            last = is_doubtful ? -1 : (int64_t)e.tag;

            int64_t value = at + e.header, stop = value + e.length;
            if (found == NESTED) {
                if (depth == MAX_DEPTH) return STOP_UNUSUAL;
                if (e.length == UNDEFINED_LENGTH) stop = WALK_NEVER;
                if (stop != WALK_NEVER && stop > item_end) return STOP_UNUSUAL;
                if (stop != WALK_NEVER && stop > size) return STOP_TRUNCATED;
                if (as_is && !put(&out, data + run, at + SHORT_HEADER - run, size - at - SHORT_HEADER))
                    return STOP_UNUSUAL;
                if (!as_is && !put_header(&out, &e, e.vr_code, e.vr)) return STOP_UNUSUAL;
                stack[depth++] = (struct level){item_end, sequence_end, last, context};
                sequence_end = stop;
                at = value;
                is_nested = true;
                continue;
            }
            if (stop > size && check_padding && (e.length & 1)) return STOP_UNUSUAL;
            if (stop > item_end) return STOP_UNUSUAL;
            if (stop > size) return STOP_TRUNCATED;
            if (!as_is && e.length > 3 && is_item_mark(data + value)) w->notes |= NOTE_UNUSUAL;
            if (found == GROUP_LENGTH) { /* never signed */
                if (as_is && !put(&out, data + run, at - run, size - at)) return STOP_UNUSUAL;
                run = stop;
            } else {
                if (check_padding && !is_minimally_padded(e.vr, data + value, e.length)) return STOP_UNUSUAL;
                if (!as_is && !put_element(w, &out, &e, at, context, encoding)) return STOP_UNUSUAL;
                if (encoding == IMPLICIT_LITTLE && (e.entry & 0xFFFF) == VR_CONTEXT)
                    context = update_context(context, e.tag, data + value, e.length);
            }
            at = stop;
        }
        if (is_nested) continue;
        if (at != item_end) return STOP_UNUSUAL;
        if (as_is && !put(&out, data + run, at - run, size - at)) return STOP_UNUSUAL;
    }
}

INLINE enum walk_stop gather_elements(struct walk *w, enum walk_encoding encoding) {
    struct stream out = {w->out, w->room};
    struct element e = {0};
    while (w->position < w->end) {
        int64_t at = w->position;
        enum found found = read_element(w, at, encoding, &e);
        if (found == TRUNCATED) return STOP_TRUNCATED;
        if (found != PLAIN) return STOP_UNUSUAL;
        int64_t stop = at + e.header + e.length;
        if (stop > w->size) return STOP_TRUNCATED;
        if (!put_element(w, &out, &e, at, w->context, encoding)) return STOP_UNUSUAL;
        store(w, stop, &out, 0);
    }
    return STOP_AT_END;
}

INLINE int64_t find_elements(struct walk *w, enum walk_encoding encoding, uint32_t *tags, int64_t *starts,
                             int64_t count) {
    struct element e = {0};
    int64_t found = 0;
    while (found < count && w->position < w->end) {
        int64_t at = w->position;
        if (read_element(w, at, encoding, &e) != PLAIN || is_length_ambiguous(&e, encoding)) break;
        tags[found] = e.tag;
        starts[found] = at;
        found++;
        w->position = at + e.header + e.length;
    }
    return found;
}

/* Count what looks like the start of an item of undefined length or like its delimiter, in little endian: dcmjs finds
 * the end of an item in this way. Nothing that looks so can begin in these bytes and end behind them, because an item or
 * a delimiter follows, and 0xFE is the first byte only. */
static int64_t count_delimiters(const uint8_t *data, int64_t size) {
    int64_t count = 0;
    for (int64_t at = 0; size - at >= 4; at++) {
        const uint8_t *p = memchr(data + at, 0xFE, (size_t)(size - at - 3));
        if (!p) break;
        at = p - data;
        uint32_t tag = read_tag(p, false);
        count += tag == ITEM_DELIMITER;
        count += tag == ITEM && size - at >= SHORT_HEADER && read_u32(p + 4, false) == UNDEFINED_LENGTH;
    }
    return count;
}

/* One copy of each loop for each encoding: constants make them fast. */

enum walk_stop walk_items(struct walk *w) {
    int64_t start = w->position;
    enum walk_stop stop;
    if (w->encoding == EXPLICIT_LITTLE)
        stop = w->check_padding ? gather_items(w, EXPLICIT_LITTLE, true) : gather_items(w, EXPLICIT_LITTLE, false);
    else if (w->encoding == IMPLICIT_LITTLE)
        stop = w->check_padding ? gather_items(w, IMPLICIT_LITTLE, true) : gather_items(w, IMPLICIT_LITTLE, false);
    else
        stop = w->check_padding ? gather_items(w, EXPLICIT_BIG, true) : gather_items(w, EXPLICIT_BIG, false);
    if (w->open_items && count_delimiters(w->data + start, w->position - start) != 2 * w->open_items)
        w->notes |= NOTE_DELIMITERS;
    return stop;
}

enum walk_stop walk_elements(struct walk *w) {
    return w->encoding == EXPLICIT_LITTLE   ? gather_elements(w, EXPLICIT_LITTLE)
           : w->encoding == IMPLICIT_LITTLE ? gather_elements(w, IMPLICIT_LITTLE)
                                            : gather_elements(w, EXPLICIT_BIG);
}

int64_t walk_level(struct walk *w, uint32_t *tags, int64_t *starts, int64_t count) {
    return w->encoding == EXPLICIT_LITTLE   ? find_elements(w, EXPLICIT_LITTLE, tags, starts, count)
           : w->encoding == IMPLICIT_LITTLE ? find_elements(w, IMPLICIT_LITTLE, tags, starts, count)
                                            : find_elements(w, EXPLICIT_BIG, tags, starts, count);
}

int64_t walk_find_mark(const uint8_t *data, int64_t start, int64_t end) {
    while (end - start >= 4) {
        const uint8_t *p = memchr(data + start, 0xFE, (size_t)(end - start - 3));
        if (!p) break;
        if (is_item_mark(p)) return p - data;
        start = p - data + 1;
    }
    return -1;
}
