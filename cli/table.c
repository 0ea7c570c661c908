#include "table.h"

int table_width_of(const char *text) {
    int width = 0;
    for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
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
