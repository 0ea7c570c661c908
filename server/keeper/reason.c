#include "keeper/reason.h"

#include <peeper/value.h>

#include <string.h>

// Field 5 of peeper.v1.Value, a string.
struct text {
    uint8_t tag;
    uint8_t bytes;
    char    text[16];
};

#define REASON(name, words)                                                      \
    struct slice reason_##name(void) {                                           \
        static const struct text REASON_TEXT = {0x2a, sizeof(words) - 1, words}; \
        return slice_of(&REASON_TEXT, (size_t)REASON_TEXT.bytes + 2);            \
    }

REASON(normal, "normal")
REASON(shutdown, "shutdown")
REASON(killed, "killed")
REASON(noproc, "noproc")
REASON(noconnection, "noconnection")
REASON(too_large, "over 16 KiB")
REASON(no_memory, "no_memory")
REASON(overloaded, "overloaded")
REASON(malformed, "malformed")

struct slice reason_text(uint8_t room[], const char *text) {
    size_t bytes = strnlen(text, REASON_TEXT_BYTES - 2);
    room[0] = 0x2a;
    room[1] = (uint8_t)bytes;
    memcpy(room + 2, text, bytes);
    return slice_of(room, bytes + 2);
}

bool reason_orderly(struct slice reason) {
    struct peeper_value value = {reason.data, reason.bytes};
    struct peeper_value first;
    if (peeper_value_is(value, "normal") || peeper_value_is(value, "shutdown")) return true;
    return peeper_value_count(value) == 2 && peeper_value_at(value, 0, &first) &&
           peeper_value_is(first, "shutdown");
}
