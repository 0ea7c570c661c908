#include "tree.h"

#include "table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define COLUMNS 5
#define FIRST_RIGHT 3
#define LABEL_BYTES 1024 // an id and a name of 255 bytes, and the lines of 32 levels

static const char *const TITLES[COLUMNS] = {"NAME", "BEHAVIOUR", "STATUS", "RESTARTS", "MAILBOX"};

// --- Text ----------------------------------------------------------------------------------------

// What the lines in front of a row need to know: bit d is set where another row of depth d comes
// further down under the same parent.
static void look_below(struct tree_row *rows, size_t count) {
    uint32_t below = 0;
    for (size_t i = count; i-- > 0;) {
        uint32_t own = UINT32_C(1) << rows[i].depth;
        rows[i].below = below;
        // What is deeper belongs to this row and is of no interest to those above it.
        below = (below & (own - 1)) | own;
    }
}

static size_t put(char *label, size_t bytes, const char *text) {
    int more = snprintf(label + bytes, LABEL_BYTES - bytes, "%s", text);
    bytes += (size_t)more;
    return bytes < LABEL_BYTES ? bytes : LABEL_BYTES - 1;
}

static size_t put_lines(char *label, const struct tree_row *row) {
    size_t bytes = 0;
    for (unsigned level = 1; level < row->depth; level++) {
        bytes = put(label, bytes, (row->below & UINT32_C(1) << level) != 0 ? "│  " : "   ");
    }
    if (row->depth == 0) return bytes;
    return put(label, bytes, (row->below & UINT32_C(1) << row->depth) != 0 ? "├─ " : "└─ ");
}

// Mostly there is either an id or a name, or they are the same.
static void put_label(char *label, size_t bytes, const struct tree_row *row) {
    char other[300] = "-";
    bool has_id = row->id[0] != '\0', has_name = row->name[0] != '\0';
    if (row->kind == TREE_HIDDEN) {
        snprintf(other, sizeof(other), "… %" PRIu64 " more", row->count);
    } else if (row->incarnation != 0) {
        snprintf(other, sizeof(other), "@%" PRIu64, row->incarnation);
    }
    if (has_id) bytes = put(label, bytes, row->id);
    if (has_id && has_name && strcmp(row->id, row->name) != 0) {
        snprintf(other, sizeof(other), " (%s)", row->name);
        put(label, bytes, other);
    } else if (!has_id) {
        put(label, bytes, has_name ? row->name : other);
    }
}

struct cells {
    char        label[LABEL_BYTES];
    char        restarts[32];
    char        mailbox[16];
    const char *text[COLUMNS];
};

static void fill_cells(struct cells *cells, const struct tree_row *row) {
    *cells = (struct cells){.text = {cells->label, "", "", cells->restarts, cells->mailbox}};
    put_label(cells->label, put_lines(cells->label, row), row);
    if (row->kind == TREE_HIDDEN) return;
    cells->text[1] = row->code;
    cells->text[2] = row->status;
    snprintf(cells->restarts, sizeof(cells->restarts), "%" PRIu64, row->restarts);
    // A supervisor takes no messages.
    if (row->kind == TREE_ACTOR) {
        snprintf(cells->mailbox, sizeof(cells->mailbox), "%" PRIu32, row->mailbox);
    }
}

void tree_draw(FILE *out, struct tree_row *rows, size_t count) {
    int          widths[COLUMNS] = {0};
    struct cells cells;
    look_below(rows, count);
    table_widen(widths, TITLES, COLUMNS);
    for (size_t i = 0; i < count; i++) {
        fill_cells(&cells, &rows[i]);
        table_widen(widths, cells.text, COLUMNS);
    }
    table_write(out, widths, TITLES, COLUMNS, FIRST_RIGHT);
    for (size_t i = 0; i < count; i++) {
        fill_cells(&cells, &rows[i]);
        table_write(out, widths, cells.text, COLUMNS, FIRST_RIGHT);
    }
}

// --- JSON ----------------------------------------------------------------------------------------

static json_t *actor_to_json(const struct tree_row *row) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "id", row->id, "name", row->name,
                     "behaviour", row->code, "status", row->status, "restart", row->restart,
                     "incarnation", (json_int_t)row->incarnation, "restarts",
                     (json_int_t)row->restarts, "mailbox", (json_int_t)row->mailbox);
}

// `*ret_children` is borrowed from the supervisor.
static json_t *supervisor_to_json(const struct tree_row *row, json_t **ret_children) {
    const char *strategy = strcmp(row->code, "supervisor") == 0 ? NULL : row->code;
    *ret_children = json_array();
    return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:I, s:I, s:o}", "id", row->id, "name", row->name,
                     "strategy", strategy, "status", row->status, "restart", row->restart,
                     "incarnation", (json_int_t)row->incarnation, "restarts",
                     (json_int_t)row->restarts, "children", *ret_children);
}

json_t *tree_to_json(const struct tree_row *rows, size_t count) {
    // The list that a row of each depth goes into, and the supervisor that this list belongs to.
    json_t *lists[TREE_DEPTH_MAX + 1] = {json_array()};
    json_t *owners[TREE_DEPTH_MAX + 1] = {NULL};
    for (size_t i = 0; i < count; i++) {
        const struct tree_row *row = &rows[i];
        json_t                *list = lists[row->depth], *made, *children = NULL;
        int                    result;
        if (row->kind == TREE_HIDDEN && owners[row->depth] != NULL) {
            made = json_integer((json_int_t)row->count);
            result = json_object_set_new(owners[row->depth], "hidden", made);
        } else {
            made = row->kind == TREE_SUPERVISOR ? supervisor_to_json(row, &children)
                   : row->kind == TREE_ACTOR    ? actor_to_json(row)
                                             : json_pack("{s:I}", "hidden", (json_int_t)row->count);
            result = json_array_append_new(list, made);
        }
        if (result != 0) {
            json_decref(lists[0]);
            return NULL;
        }
        lists[row->depth + 1] = children;
        owners[row->depth + 1] = made;
    }
    return lists[0];
}
