// utf8: tells whether bytes are UTF-8 as RFC 3629 defines it: no surrogates, no overlong forms, at
// most U+10FFFF.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Bytes of the sequence that begins at `at`, of which `left` (>= 1) may be read; 0 if it is not
// UTF-8.
static inline size_t utf8_sequence(const uint8_t *at, size_t left) {
    uint8_t lead = at[0];
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    size_t bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (left < bytes) return 0;

    // The second byte is where overlong forms, surrogates and numbers over U+10FFFF show.
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
    }
    return bytes;
}

// True if all of `text` is UTF-8; zero bytes are. NUL is a character like others.   Thread: any.
static inline bool utf8_check(const void *text, size_t bytes) {
    const uint8_t *at = (const uint8_t *)text;
    while (bytes > 0) {
        // Nearly all text is ASCII: eight bytes at a time while it lasts.
        uint64_t eight;
        if (bytes >= sizeof eight) {
            memcpy(&eight, at, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                at += sizeof eight;
                bytes -= sizeof eight;
                continue;
            }
        }
        size_t used = utf8_sequence(at, bytes);
        if (used == 0) return false;
        at += used;
        bytes -= used;
    }
    return true;
}
