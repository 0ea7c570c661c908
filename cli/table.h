// table: rows of cells in columns that are as wide as their widest cell, for people.
#pragma once

#include <stdio.h>

// Makes the columns wide enough for these cells. Widths begin at zero.   Thread: any.
void table_widen(int *widths, const char *const *cells, int columns);

// Writes one line, without blanks at its end. Columns from `first_right` on stand to the right.
// Thread: owner of `out`.
void table_write(FILE *out, const int *widths, const char *const *cells, int columns,
                 int first_right);

// Code points, which is right for all but wide and combining characters.   Thread: any.
int table_width_of(const char *text);
