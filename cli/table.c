#include "table.h"

#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>

static bool is_plain(const char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80) return false;
    }
    return true;
}

// In the present locale, whose characters are UTF-8. What is no character counts as one.
static int width_in_utf8(const char *text, size_t bytes) {
    mbstate_t state = {0};
    int       width = 0;
    while (bytes > 0) {
        wchar_t character;
        size_t  taken = mbrtowc(&character, text, bytes, &state);
        bool    whole = taken > 0 && taken <= bytes;
        int     columns = whole ? wcwidth(character) : 1;
        if (!whole) {
            taken = 1;
            state = (mbstate_t){0};
        }
        width += columns < 0 ? 1 : columns;
        text += taken;
        bytes -= taken;
    }
    return width;
}

int table_width_of(const char *text) {
    // Names are UTF-8 whatever the environment says, and columns shall not depend on it either.
    static locale_t utf8;
    if (is_plain(text)) return (int)strlen(text);
    if (utf8 == (locale_t)0) utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (utf8 == (locale_t)0) {
        int letters = 0;
        for (; *text != '\0'; text++) letters += ((unsigned char)*text & 0xC0) != 0x80;
        return letters;
    }
    locale_t before = uselocale(utf8);
    int      width = width_in_utf8(text, strlen(text));
    uselocale(before);
    return width;
}

void table_widen(int *widths, const char *const *cells, int columns) {
    for (int i = 0; i < columns; i++) {
        int width = table_width_of(cells[i]);
        if (width > widths[i]) widths[i] = width;
    }
}

void table_write(FILE *out, const int *widths, const char *const *cells, int columns,
                 int first_right) {
    int blanks = 0; // not written before it is known that something follows
    for (int i = 0; i < columns; i++) {
        int space = widths[i] - table_width_of(cells[i]);
        if (i > 0) blanks += 2;
        if (i >= first_right) blanks += space;
        if (cells[i][0] != '\0') {
            fprintf(out, "%*s%s", blanks, "", cells[i]);
            blanks = 0;
        }
        if (i < first_right) blanks += space;
    }
    fputc('\n', out);
}
