/* The walker: passes over Data Elements and gathers the bytes of the MAC (PS3.3 C.12.1.1.3.1.1).
 *
 * It takes what is ordinary, and stops in front of everything else: it rejects nothing and reports no error. The
 * caller then continues in Python, which decides. Neither the input nor its lengths are trusted. All state is in the
 * arguments, so that any number of threads may walk at the same time. */
#ifndef DCMSEAL_WALKER_H
#define DCMSEAL_WALKER_H

#include <stdbool.h>
#include <stdint.h>

/* How the input is encoded (PS3.5 Annex A). */
enum walk_encoding { EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG, WALK_ENCODINGS };

/* Why a walk stopped. */
enum walk_stop {
    STOP_AT_END,    /* everything is done */
    STOP_TRUNCATED, /* the buffer ends inside an ordinary element or item */
    STOP_UNUSUAL    /* what follows is not ordinary, or there is no room for it */
};

/* What a walk found in sequences. */
enum {
    NOTE_UNUSUAL = 1,  /* readers may disagree about the structure */
    NOTE_AMBIGUOUS = 2, /* the VR of an element depended on the context */
    NOTE_DELIMITERS = 4 /* a value may contain the bytes of a delimiter, in an item of undefined length */
};

/* How to choose VRs in implicit VR, and the context at the start (see dcmseal.mac.vr_context). */
enum { RULE_INHERIT = 1, RULE_SIGNED_DESCRIPTORS = 2, RULE_BYTES_FOR_8_BITS = 4 };
enum { CONTEXT_SIGNED = 1, CONTEXT_EIGHT_BITS = 2, CONTEXT_WIDE_WAVEFORM = 4 };

/* How the VR of an attribute is chosen in implicit VR. */
enum {
    VR_FIXED,
    VR_US_OR_SS,
    VR_US_OR_SS_IF_ASKED, /* by RULE_SIGNED_DESCRIPTORS; US otherwise */
    VR_OB_OR_OW,
    VR_OTHER, /* several, of which OW is used */
    VR_CONTEXT /* fixed, and the VRs of others depend on the value */
};

/* Dictionary of implicit VR: a hash table of entries, tag << 32 | VR << 16 | how it is chosen; 0 is a free slot. The
 * tag of an attribute of a repeating group 50xx or 60xx is 5000 or 6000 (PS3.5 7.6). */
enum { DICTIONARY_BITS = 14, DICTIONARY_SLOTS = 1 << DICTIONARY_BITS };

/* Add an entry; false if the dictionary is full. */
bool walk_add_entry(uint64_t *dictionary, uint64_t entry);

/* The end of an item or a sequence of undefined length: greater than any position. */
#define WALK_NEVER ((int64_t)1 << 62)

struct walk {
    const uint8_t *data;
    int64_t size;
    enum walk_encoding encoding;
    const uint64_t *dictionary; /* for implicit VR only */
    bool check_padding;         /* stop in front of values with more than minimal padding */
    unsigned rules;
    unsigned context;
    uint8_t *out; /* receives the MAC byte stream */
    int64_t room;
    int64_t end; /* of the sequence or the elements, which may be beyond the buffer, or WALK_NEVER */

    int64_t position; /* where to start; afterwards, where to continue */
    int64_t written;  /* bytes of the MAC for what is before position */
    int64_t open_items; /* the number of items of undefined length before position */
    unsigned notes;
};

/* Gather the items of a sequence and its delimiter. Only complete items of this sequence count as done. */
enum walk_stop walk_items(struct walk *w);

/* Gather signable elements with values of defined length. */
enum walk_stop walk_elements(struct walk *w);

/* Find the elements of a level, up to a number of them, that are plain and whose length is beyond doubt; returns how
 * many were found. */
int64_t walk_level(struct walk *w, uint32_t *tags, int64_t *starts, int64_t count);

/* Find the first tag of an item or of a Sequence Delimitation Item in little endian; -1 if there is none. */
int64_t walk_find_mark(const uint8_t *data, int64_t start, int64_t end);

#endif
