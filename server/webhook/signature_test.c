#include "webhook/signature.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(signature, .timeout = 10);

static struct slice text(const char *words) {
    return slice_of(words, strlen(words));
}

// Made with: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
Test(signature, is_what_openssl_makes_of_time_dot_body) {
    char room[SIGNATURE_BYTES];
    cr_assert(signature_make(text("0123456789abcdef"), 1700000000, text("{\"a\":1}"), room) ==
              STATUS_OK);
    cr_assert_str_eq(room, "t=1700000000,v1="
                           "9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23");
}

Test(signature, changes_with_the_secret_the_time_and_the_body) {
    char first[SIGNATURE_BYTES], other[SIGNATURE_BYTES];
    cr_assert(signature_make(text("one secret"), 1, text("body"), first) == STATUS_OK);
    cr_assert(signature_make(text("two secret"), 1, text("body"), other) == STATUS_OK);
    cr_assert_str_neq(first, other);
    cr_assert(signature_make(text("one secret"), 1, text("Body"), other) == STATUS_OK);
    cr_assert_str_neq(first, other);
    cr_assert(signature_make(text("one secret"), 2, text("body"), other) == STATUS_OK);
    cr_assert_str_neq(first + strlen("t=1"), other + strlen("t=2"));
}

Test(signature, fits_its_room_at_the_largest_time) {
    char room[SIGNATURE_BYTES];
    cr_assert(signature_make(text("0123456789abcdef"), UINT64_MAX, text(""), room) == STATUS_OK);
    cr_assert(strlen(room) == strlen("t=18446744073709551615,v1=") + 64);
}
