#include "keeper/table_view.h"

#include "base/check.h"
#include "base/tables.h"
#include "base/utf8.h"
#include "base/value_compare.h"
#include "keeper/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status refuse(struct view *view, enum status status, const char *detail) {
    snprintf(view->detail, sizeof view->detail, "%s", detail);
    return status;
}

// --- the question ---

static struct peeper_value value_of(struct slice bytes) {
    return (struct peeper_value){bytes.data, bytes.bytes};
}

static const char *fault_of(struct slice table, struct slice prefix, struct slice after) {
    if (table.bytes > TABLE_NAME_BYTES_MAX) return "table: over 255 bytes";
    if (prefix.bytes > TABLE_KEY_BYTES_MAX) return "prefix: over 64 KiB";
    if (!utf8_check(prefix.data, prefix.bytes)) return "prefix: not UTF-8";
    if (after.bytes > TABLE_KEY_BYTES_MAX) return "from: over 64 KiB";
    if (!peeper_value_check(value_of(after))) return "from: not a well-formed Value";
    return NULL;
}

enum status table_view_ask(struct view *view, struct slice table, struct slice prefix,
                           struct slice after, const char **ret_fault) {
    const char *fault = fault_of(table, prefix, after);
    if (fault != NULL) {
        *ret_fault = fault;
        return STATUS_INVALID;
    }
    struct table_page *page = &view->page;
    page->table_bytes = (uint32_t)table.bytes;
    if (table.bytes > 0) memcpy(page->table, table.data, table.bytes);
    // The prefix is kept as the key that it would be, which is where an ordered table is entered.
    if (prefix.bytes > 0) {
        struct peeper_writer writer = {0};
        peeper_write_string_n(&writer, (const char *)prefix.data, prefix.bytes);
        page->prefix = (struct buf){writer.data, writer.bytes, writer.capacity};
        if (!peeper_writer_done(&writer)) return STATUS_NO_MEMORY;
    }
    return after.bytes == 0 ? STATUS_OK : buf_append(&page->after, after.data, after.bytes);
}

// --- a page of rows, on the mirror thread ---

struct walk {
    const struct table *table;
    const char         *prefix; // a key begins with this
    size_t              prefix_bytes;
    uint32_t            limit;
    uint32_t            count;
    size_t              bytes;
    const struct row   *last; // looked at; NULL: there is no more
    const struct row   *found[VIEW_LIST_MAX];
};

static bool ordered(const struct walk *walk) {
    return (walk->table->flags & TABLE_ORDERED) != 0;
}

static bool matches(const struct walk *walk, const struct row *row) {
    const char *text;
    size_t      bytes;
    if (walk->prefix_bytes == 0) return true;
    return peeper_value_string(value_of(row_key(row)), &text, &bytes) &&
           bytes >= walk->prefix_bytes && memcmp(text, walk->prefix, walk->prefix_bytes) == 0;
}

// Where rows with the prefix begin in an ordered table.
static const struct row *seek_prefix(const struct walk *walk, struct slice prefix) {
    const struct row *row = table_from(walk->table, prefix);
    const struct row *before = row == NULL ? table_last(walk->table) : row_before(row);
    // One that is the prefix in another encoding may come first.
    for (; before != NULL && matches(walk, before); before = row_before(before)) row = before;
    return row;
}

static const struct row *begin_ordered(const struct walk *walk, const struct table_page *page) {
    struct slice prefix = slice_of(page->prefix.data, page->prefix.bytes);
    struct slice after = slice_of(page->after.data, page->after.bytes);
    if (after.bytes == 0 ||
        (prefix.bytes > 0 && value_compare(value_of(after), value_of(prefix)) < 0)) {
        return prefix.bytes == 0 ? table_first(walk->table) : seek_prefix(walk, prefix);
    }
    const struct row *row = table_from(walk->table, after);
    if (row == NULL || value_compare(value_of(row_key(row)), value_of(after)) != 0) return row;
    return row_after(row);
}

static enum status begin_hashed(const struct walk *walk, struct view *view,
                                const struct row **ret_row) {
    const struct buf *after = &view->page.after;
    if (after->bytes == 0) {
        *ret_row = table_first(walk->table);
        return STATUS_OK;
    }
    const struct row *row = table_get(walk->table, slice_of(after->data, after->bytes));
    if (row == NULL) {
        return refuse(view, STATUS_NOT_FOUND,
                      "from: the row of this key is gone, and the table is not ordered; begin "
                      "again with the first page");
    }
    *ret_row = row_after(row);
    return STATUS_OK;
}

static void gather(struct walk *walk, const struct row *row) {
    uint32_t looked_at = 0;
    for (; row != NULL; row = row_after(row)) {
        bool fits = matches(walk, row);
        // In an ordered table all that match stand together.
        if (!fits && ordered(walk)) break;
        if (walk->count == walk->limit || looked_at++ == TABLE_VIEW_SCAN_MAX) return;
        if (fits) {
            size_t bytes = row_key(row).bytes + row_value(row).bytes;
            if (walk->count > 0 && walk->bytes + bytes > TABLE_VIEW_PAGE_BYTES) return;
            walk->bytes += bytes;
            walk->found[walk->count++] = row;
        }
        walk->last = row;
    }
    walk->last = NULL;
}

static struct slice copy_to(uint8_t **at, struct slice bytes) {
    struct slice copy = slice_of(*at, bytes.bytes);
    if (bytes.bytes > 0) memcpy(*at, bytes.data, bytes.bytes);
    *at += bytes.bytes;
    return copy;
}

static enum status copy_rows(const struct walk *walk, struct view *view) {
    struct table_page *page = &view->page;
    struct slice       next = walk->last == NULL ? (struct slice){0} : row_key(walk->last);
    page->rows = calloc(walk->count + 1, sizeof *page->rows);
    page->text = malloc(walk->bytes + next.bytes + 1);
    if (page->rows == NULL || page->text == NULL) return STATUS_NO_MEMORY;
    uint8_t *at = page->text;
    for (uint32_t i = 0; i < walk->count; i++) {
        page->rows[i].key = copy_to(&at, row_key(walk->found[i]));
        page->rows[i].value = copy_to(&at, row_value(walk->found[i]));
    }
    page->next = copy_to(&at, next);
    view->count = walk->count;
    return STATUS_OK;
}

static enum status look_at_rows(struct view *view, const struct tables *tables) {
    struct table_page *page = &view->page;
    struct slice       name = slice_of(page->table, page->table_bytes);
    struct walk        walk = {.limit = view->limit == 0 ? VIEW_LIST_DEFAULT : view->limit};
    walk.table = tables == NULL ? NULL : tables_find(tables, name);
    if (walk.limit > VIEW_LIST_MAX) walk.limit = VIEW_LIST_MAX;
    // A dictionary that nothing was put in is an empty one.
    if (walk.table == NULL && name.bytes == 0) return copy_rows(&walk, view);
    if (walk.table == NULL)
        return refuse(view, STATUS_NOT_FOUND, "table: the actor has none of this name");
    if (walk.table->flags & TABLE_PRIVATE)
        return refuse(view, STATUS_INVALID, "table: it is private to its actor");
    if (page->prefix.bytes > 0) {
        struct peeper_value prefix = {page->prefix.data, page->prefix.bytes};
        CHECK(peeper_value_string(prefix, &walk.prefix, &walk.prefix_bytes));
    }
    const struct row *row;
    if (ordered(&walk)) {
        row = begin_ordered(&walk, page);
    } else {
        enum status status = begin_hashed(&walk, view, &row);
        if (status != STATUS_OK) return status;
    }
    gather(&walk, row);
    return copy_rows(&walk, view);
}

// --- the list of tables, on the mirror thread ---

static enum status list_tables(struct view *view, const struct tables *tables) {
    struct table_page *page = &view->page;
    uint32_t           count = tables == NULL ? 0 : tables->count;
    size_t             bytes = 0;
    for (uint32_t i = 0; i < count; i++) bytes += tables->all[i]->name_bytes;
    page->tables = calloc(count + 1, sizeof *page->tables);
    page->text = malloc(bytes + 1);
    if (page->tables == NULL || page->text == NULL) return STATUS_NO_MEMORY;
    uint8_t *at = page->text;
    for (uint32_t i = 0; i < count; i++) {
        const struct table *table = tables->all[i];
        page->tables[i] = (struct table_info){
            .name = copy_to(&at, table_name(table)),
            .ordered = (table->flags & TABLE_ORDERED) != 0,
            .is_private = (table->flags & TABLE_PRIVATE) != 0,
            .heir = (table->flags & TABLE_HEIR) != 0,
            .rows = table_count(table),
            .bytes = table->bytes,
        };
    }
    view->count = count;
    return STATUS_OK;
}

// --- there and back ---

static void deliver(struct shard_message *message, struct shard *shard) {
    struct view        *view = LIST_ENTRY(message, struct view, message);
    const struct actor *actor = actor_at(&shard->actors, view->visit.slot);
    shard->loads--;
    router_feed(shard);
    // Of one that is gone the mirror knows nothing, which is not the same as an actor without.
    if (actor == NULL || actor->unit != view->visit.unit) view->status = STATUS_NOPROC;
    view->on_done(view);
}

// Mirror thread.
static void visit(struct mirror_visit *visit, enum status status, const struct tables *tables) {
    struct view *view = LIST_ENTRY(visit, struct view, visit);
    if (status == STATUS_NOT_FOUND) status = STATUS_OK; // it has none
    if (status == STATUS_OK) {
        status = view->kind == VIEW_TABLES ? list_tables(view, tables) : look_at_rows(view, tables);
    } else {
        refuse(view, status,
               status == STATUS_TOO_LARGE
                   ? "the tables of this actor were over the limit; they are lost"
                   : "the server had no memory for the tables of this actor; they are lost");
    }
    view->status = status;
    view->message.deliver = deliver;
    CHECK(mailbox_push(&view->shard->inbox, &view->message.link) != STATUS_FULL);
}

void table_view_run(struct shard *shard, const struct actor *actor, struct view *view) {
    view->visit =
        (struct mirror_visit){.slot = actor->slot, .unit = actor->unit, .on_visit = visit};
    if (shard->loads >= SHARD_LOADS_MAX || mirror_visit(shard->mirror, &view->visit) != STATUS_OK) {
        view->status = STATUS_OVERLOADED;
        view->on_done(view);
        return;
    }
    shard->loads++;
}

void table_view_fini(struct view *view) {
    buf_fini(&view->page.prefix);
    buf_fini(&view->page.after);
    free(view->page.tables);
    free(view->page.rows);
    free(view->page.text);
    view->page = (struct table_page){0};
}
