// value_compare: a total order over encoded Values.
//
// null < bool < numbers < string < bytes < list < map. Ints and doubles are compared by what they
// are worth, exactly, then the int comes first; NaN is after all other numbers. Strings and bytes
// go byte by byte, lists element by element, maps entry by entry (key, then value); what is a
// beginning of the other comes first. Two that are alike in all that differ in their encoding go by
// their bytes, so only equal encodings are equal.
//
// Any bytes may be compared, also such that are no Value: it is an order for them as well, though
// not one that says anything. Nesting beyond PEEPER_VALUE_DEPTH_MAX is compared as bytes.
#pragma once

#include <peeper/value.h>

// Below 0, 0 or above 0, as `left` comes before, is, or comes after `right`.   Thread: any.
int value_compare(struct peeper_value left, struct peeper_value right);
