#include "address.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void expect(const char *text, const char *host, const char *port) {
    struct address address;
    cr_assert(address_parse(text, &address) == PEEPER_STATUS_OK, "%s", text);
    cr_assert_str_eq(address.host, host);
    cr_assert_str_eq(address.port, port);
}

Test(address, splits_host_and_port, .timeout = 5) {
    expect("127.0.0.1:7420", "127.0.0.1", "7420");
    expect("localhost:1", "localhost", "1");
    expect("example.org:65535", "example.org", "65535");
    expect("[::1]:80", "::1", "80");
}

Test(address, takes_the_default_port_where_none_is_given, .timeout = 5) {
    expect("localhost", "localhost", "7420");
    expect("[fe80::1]", "fe80::1", "7420");
}

Test(address, refuses_what_is_no_address, .timeout = 5) {
    static const char *const WRONG[] = {
        "",    ":80",  "host:", "host:0",  "host:65536", "host:8a",  "host:-1",
        "::1", "[::1", "[]:80", "[::1]80", "host:80:90", "host: 80", "h:00080000"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct address address;
        cr_expect(address_parse(WRONG[i], &address) == PEEPER_STATUS_INVALID, "%s", WRONG[i]);
    }
}

Test(address, refuses_a_host_that_is_too_long, .timeout = 5) {
    struct address address;
    char           text[ADDRESS_HOST_BYTES + 8];
    memset(text, 'h', sizeof(text));
    text[ADDRESS_HOST_BYTES] = '\0';
    cr_assert(address_parse(text, &address) == PEEPER_STATUS_INVALID);
    text[ADDRESS_HOST_BYTES - 1] = '\0';
    cr_assert(address_parse(text, &address) == PEEPER_STATUS_OK);
}
