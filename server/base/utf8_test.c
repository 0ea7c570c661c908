#include "base/utf8.h"

#include <criterion/criterion.h>

TestSuite(utf8, .timeout = 20);

// The encoding by its definition, without looking at what is allowed. At most 4 bytes.
static size_t encode(uint32_t point, uint8_t *room) {
    if (point < 0x80) {
        room[0] = (uint8_t)point;
        return 1;
    }
    size_t  bytes = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = bytes - 1; i > 0; i--) {
        room[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    room[0] = (uint8_t)(leads[bytes] | point);
    return bytes;
}

Test(utf8, accepts_every_code_point_but_surrogates_and_refuses_it_cut_short) {
    for (uint32_t point = 0; point < 0x120000; point++) {
        uint8_t text[4];
        size_t  bytes = encode(point, text);
        bool    surrogate = point >= 0xd800 && point <= 0xdfff;
        bool    allowed = point <= 0x10ffff && !surrogate;
        cr_assert(utf8_check(text, bytes) == allowed, "U+%04X", point);
        for (size_t cut = 1; cut < bytes; cut++) {
            cr_assert(!utf8_check(text, cut), "U+%04X cut to %zu", point, cut);
        }
    }
}

Test(utf8, refuses_overlong_forms_and_stray_bytes) {
    static const char *const BAD[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",
        "\xe0\x9f\xbf", "\xf0\x80\x80", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80", "\xff",
        "\xc3\x28",     "\xe2\x28\xa1", "\xe2\x82\x28",     "\xf0\x90\x28\xbc", "\xc3\xa9\xa9",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        cr_assert(!utf8_check(BAD[i], strlen(BAD[i])), "row %zu", i);
    }
}

Test(utf8, finds_a_bad_byte_at_any_place_of_a_long_text) {
    char text[64];
    for (size_t bytes = 1; bytes <= sizeof text; bytes++) {
        memset(text, 'a', sizeof text);
        cr_assert(utf8_check(text, bytes));
        for (size_t i = 0; i < bytes; i++) {
            text[i] = '\xff';
            cr_assert(!utf8_check(text, bytes), "byte %zu of %zu", i, bytes);
            text[i] = 'a';
        }
    }
}

Test(utf8, zero_bytes_and_nul_are_text) {
    cr_assert(utf8_check(NULL, 0));
    cr_assert(utf8_check("a\0b", 3));
}
