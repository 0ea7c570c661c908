#include "table.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(table, counts_letters_and_not_bytes, .timeout = 5) {
    cr_assert(table_width_of("") == 0);
    cr_assert(table_width_of("abc") == 3);
    cr_assert(table_width_of("äö└") == 3);
}

Test(table, counts_the_columns_of_wide_and_combining_characters, .timeout = 5) {
    cr_assert(table_width_of("日本語") == 6);
    cr_assert(table_width_of("e\u0301") == 1);
    cr_assert(table_width_of("a🙂b") == 4);
    cr_assert(table_width_of("a\xff"
                             "b\xe6") == 4);
}

Test(table, pads_to_the_widest_cell_but_leaves_no_blanks_at_the_end_of_a_line, .timeout = 5) {
    static const char *const ROWS[][3] = {{"ä", "1", "text"}, {"abc", "100", "t"}};
    int                      widths[3] = {0};
    char                    *written = NULL;
    size_t                   bytes;
    FILE                    *out = open_memstream(&written, &bytes);
    for (int i = 0; i < 2; i++) table_widen(widths, ROWS[i], 3);
    for (int i = 0; i < 2; i++) table_write(out, widths, ROWS[i], 3, 3);
    for (int i = 0; i < 2; i++) table_write(out, widths, ROWS[i], 2, 1);
    fclose(out);
    cr_assert_str_eq(written, "ä    1    text\n"
                              "abc  100  t\n"
                              "ä      1\n"
                              "abc  100\n");
    free(written);
}
