#include "base/value_text.h"

#include <criterion/criterion.h>

#include <string.h>

static struct peeper_value value_of(const struct peeper_writer *writer) {
    cr_assert(peeper_writer_done(writer));
    return peeper_writer_value(writer);
}

Test(value_text, shows_each_kind, .timeout = 5) {
    struct peeper_writer writer = {0};
    char                 room[200];
    peeper_write_list(&writer);
    peeper_write_null(&writer);
    peeper_write_bool(&writer, true);
    peeper_write_bool(&writer, false);
    peeper_write_int(&writer, -7);
    peeper_write_double(&writer, 1.5);
    peeper_write_string(&writer, "text");
    peeper_write_bytes(&writer, "abc", 3);
    peeper_write_map(&writer);
    peeper_write_key(&writer, "a");
    peeper_write_int(&writer, 1);
    peeper_write_key(&writer, "b");
    peeper_write_list(&writer);
    peeper_write_end(&writer);
    peeper_write_end(&writer);
    peeper_write_end(&writer);
    size_t bytes = value_text(room, sizeof room, value_of(&writer));
    cr_assert_str_eq(room,
                     "[null, true, false, -7, 1.5, \"text\", <3 bytes>, {\"a\": 1, \"b\": []}]");
    cr_assert(bytes == strlen(room));
    peeper_writer_fini(&writer);
}

Test(value_text, cuts_what_is_too_long_and_says_so, .timeout = 5) {
    struct peeper_writer writer = {0};
    char                 room[20];
    peeper_write_list(&writer);
    for (int i = 0; i < 1000; i++) peeper_write_int(&writer, i);
    peeper_write_end(&writer);
    cr_assert(value_text(room, sizeof room, value_of(&writer)) == sizeof room - 1);
    cr_assert_str_eq(room, "[0, 1, 2, 3, 4, 5..");
    peeper_writer_fini(&writer);
}

Test(value_text, fills_the_smallest_room, .timeout = 5) {
    struct peeper_writer writer = {0};
    char                 room[5] = {'x', 'x', 'x', 'x', 'x'};
    peeper_write_string(&writer, "text");
    cr_assert(value_text(room, 4, value_of(&writer)) == 3);
    cr_assert_str_eq(room, "\"..");
    cr_assert(room[4] == 'x');
    peeper_writer_fini(&writer);
}

Test(value_text, shows_nothing_below_ten_levels, .timeout = 5) {
    struct peeper_writer writer = {0};
    char                 room[200];
    for (int i = 0; i < 60; i++) peeper_write_list(&writer);
    for (int i = 0; i < 60; i++) peeper_write_end(&writer);
    value_text(room, sizeof room, value_of(&writer));
    cr_assert_str_eq(room, "[[[[[[[[[[[..]]]]]]]]]]]");
    peeper_writer_fini(&writer);
}

Test(value_text, ends_also_where_the_bytes_are_no_value, .timeout = 5) {
    uint8_t bytes[64];
    char    room[64];
    for (int first = 0; first < 256; first++) {
        memset(bytes, first, sizeof bytes);
        value_text(room, sizeof room, (struct peeper_value){bytes, sizeof bytes});
        cr_assert(strnlen(room, sizeof room) < sizeof room);
    }
}
