// table: rows of cells in columns that are as wide as their widest cell, for people.
#pragma once

#include <stdio.h>

// Makes the columns wide enough for these cells. Widths begin at zero.   Thread: one only.
void table_widen(int *widths, const char *const *cells, int columns);

// Writes one line, without blanks at its end. Columns from `first_right` on stand to the right.
// Thread: one only.
void table_write(FILE *out, const int *widths, const char *const *cells, int columns,
                 int first_right);

// Columns of a terminal: two for wide characters, none for combining ones.   Thread: one only.
int table_width_of(const char *text);
