// table_pages: the routes about an actor's tables, for pages.
#pragma once

#include "admin/pages.h"

// A page of a table's rows, or of the dictionary's where `rest` has no tail.   Thread: any.
const char *page_prepare_rows(struct view *view, struct rest rest, page_query *query,
                              void *context);
void page_render_rows(const struct view *view, const struct mirror *mirror, struct body *ret_body);

void page_render_tables(const struct view *view, const struct mirror *mirror,
                        struct body *ret_body);
