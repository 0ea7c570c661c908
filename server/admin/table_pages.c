#include "admin/table_pages.h"

#include "keeper/table_view.h"
#include "wire/json.h"

#include <peeper/value.h>

#include <string.h>

static struct slice text_of(const char *text) {
    return text == NULL ? (struct slice){0} : slice_of(text, strlen(text));
}

// `from` is JSON, as `next` of the page before was told.
static const char *ask(struct view *view, const char *table, const char *prefix, const char *from) {
    struct peeper_writer writer = {0};
    const char          *fault = NULL;
    if (from != NULL) json_argument_to_value(&writer, from);
    struct peeper_value after = peeper_writer_value(&writer);
    enum status         status = STATUS_INVALID;
    if (writer.failed) {
        fault = "from: not a key in JSON";
    } else {
        status = table_view_ask(view, text_of(table), text_of(prefix),
                                slice_of(after.data, after.bytes), &fault);
    }
    peeper_writer_fini(&writer);
    if (status != STATUS_OK && fault == NULL) fault = status_text(status);
    return fault;
}

const char *page_prepare_rows(struct view *view, struct rest rest, page_query *query,
                              void *context) {
    const char *limit = query(context, "limit");
    uint64_t    value = 0;
    if (rest.tail != NULL && rest.tail[0] == '\0')
        return "table: empty; the dictionary is at .../dictionary";
    const char *fault = page_actor(view, rest, query, context);
    if (fault != NULL) return fault;
    if (limit != NULL && (!page_number(limit, VIEW_LIST_MAX, &value) || value == 0))
        return "limit: not from 1 to 1000";
    view->limit = (uint32_t)value;
    return ask(view, rest.tail, query(context, "prefix"), query(context, "from"));
}

void page_render_rows(const struct view *view, const struct mirror *mirror, struct body *ret_body) {
    (void)mirror;
    json_t *rows = json_array();
    for (uint32_t i = 0; i < view->count; i++) {
        json_array_append_new(rows, json_from_row(&view->page.rows[i]));
    }
    page_json(json_pack("{s:o, s:o}", "rows", rows, "next", json_from_key(view->page.next)), 200,
              PAGE_JSON_TYPE, ret_body);
}

void page_render_tables(const struct view *view, const struct mirror *mirror,
                        struct body *ret_body) {
    (void)mirror;
    json_t *tables = json_array();
    for (uint32_t i = 0; i < view->count; i++) {
        json_array_append_new(tables, json_from_table(&view->page.tables[i]));
    }
    page_json(json_pack("{s:o}", "tables", tables), 200, PAGE_JSON_TYPE, ret_body);
}
