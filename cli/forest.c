#include "commands.h"

#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_LIMIT 1000
#define LIMIT_DEFAULT 100
#define ROWS_MAX 100000

// The rows of a tree while they are fetched. The texts of row i are one piece of memory.
struct forest {
    struct peeper_sync *peeper;
    struct tree_row    *rows;  // owned
    char              **texts; // owned, and what they point to
    size_t              count;
    size_t              capacity;
    uint32_t            limit; // of each supervisor
    unsigned            depth_max;
};

static void forest_fini(struct forest *forest) {
    for (size_t i = 0; i < forest->count; i++) free(forest->texts[i]);
    free(forest->texts);
    free(forest->rows);
}

static enum exit_code no_memory(void) {
    fputs("NO_MEMORY: peeper is out of memory\n", stderr);
    return EXIT_CODE_REFUSED;
}

static bool grow(struct forest *forest) {
    size_t           capacity = forest->capacity == 0 ? 64 : forest->capacity * 2;
    struct tree_row *rows = realloc(forest->rows, capacity * sizeof(*rows));
    if (rows == NULL) return false;
    forest->rows = rows;
    char **texts = realloc(forest->texts, capacity * sizeof(*texts));
    if (texts == NULL) return false;
    forest->texts = texts;
    forest->capacity = capacity;
    return true;
}

static const char *copy(char **at, const char *text) {
    size_t bytes = strlen(text) + 1;
    char  *begin = memcpy(*at, text, bytes);
    *at += bytes;
    return begin;
}

// Adds a row with copies of its texts.
static enum exit_code add(struct forest *forest, const struct tree_row *row) {
    if (forest->count >= ROWS_MAX) {
        fprintf(stderr,
                "peeper: the tree has more than %d rows; --depth and --limit make it "
                "smaller\n",
                ROWS_MAX);
        return EXIT_CODE_REFUSED;
    }
    if (forest->count == forest->capacity && !grow(forest)) return no_memory();
    size_t bytes = strlen(row->id) + strlen(row->name) + strlen(row->code) + strlen(row->status) +
                   strlen(row->restart) + 5;
    char *at = malloc(bytes);
    if (at == NULL) return no_memory();
    struct tree_row *own = &forest->rows[forest->count];
    forest->texts[forest->count++] = at;
    *own = *row;
    own->id = copy(&at, row->id);
    own->name = copy(&at, row->name);
    own->code = copy(&at, row->code);
    own->status = copy(&at, row->status);
    own->restart = copy(&at, row->restart);
    return EXIT_CODE_OK;
}

static enum exit_code add_hidden(struct forest *forest, unsigned depth, uint64_t count) {
    struct tree_row row = {.kind = TREE_HIDDEN, .depth = depth, .count = count};
    row.id = row.name = row.code = row.status = row.restart = "";
    return add(forest, &row);
}

static struct tree_row row_of(const struct peeper_child *child, unsigned depth) {
    return (struct tree_row){.kind = child->supervisor ? TREE_SUPERVISOR : TREE_ACTOR,
                             .depth = depth,
                             .id = child->id,
                             .name = child->name,
                             .code = child->supervisor ? child->strategy : child->behaviour,
                             .status = child->status,
                             .restart = child->restart,
                             .incarnation = child->incarnation,
                             .restarts = child->restarts,
                             .mailbox = child->mailbox,
                             .count = child->children};
}

// --- One supervisor ------------------------------------------------------------------------------

// Adds what of one page is shown. Supervisors at the top are never hidden behind actors that have
// none.
static enum exit_code add_page(struct forest *forest, const struct peeper_children *page,
                               unsigned depth, bool at_root, uint64_t *shown, uint64_t *hidden) {
    for (size_t i = 0; i < page->count; i++) {
        const struct peeper_child *child = &page->children[i];
        bool                       always = at_root && child->supervisor;
        if (!always && *shown >= forest->limit) {
            *hidden += 1;
            continue;
        }
        struct tree_row row = row_of(child, depth);
        enum exit_code  code = add(forest, &row);
        if (code != EXIT_CODE_OK) return code;
        if (!always) *shown += 1;
    }
    return EXIT_CODE_OK;
}

// Adds the children of one supervisor, the newest first, without what is below them. One that has
// gone meanwhile has none. `total` is how many there are, 0 if that is not known.
static enum exit_code fetch(struct forest *forest, struct peeper_target target, unsigned depth,
                            uint64_t total, bool at_root, uint64_t *hidden) {
    struct peeper_children_page page = {.limit = PAGE_LIMIT};
    struct peeper_children      children;
    uint64_t                    shown = 0;
    if (total > 0 && forest->limit < PAGE_LIMIT) page.limit = forest->limit;
    *hidden = 0;
    do {
        enum peeper_status status =
            peeper_sync_which_children(forest->peeper, target, &page, &children);
        if (status == PEEPER_STATUS_NOPROC && depth > 1) return EXIT_CODE_OK;
        if (status != PEEPER_STATUS_OK) {
            return output_error(peeper_sync_error(forest->peeper), &target);
        }
        enum exit_code code = add_page(forest, &children, depth, at_root, &shown, hidden);
        if (code != EXIT_CODE_OK) return code;
        page.cursor = children.next;
        if (total > 0 && shown >= forest->limit) {
            *hidden = total > shown ? total - shown : 0;
            break;
        }
    } while (page.cursor != 0);
    return EXIT_CODE_OK;
}

// --- The tree ------------------------------------------------------------------------------------

static enum exit_code add_children(struct forest *forest, struct peeper_target target,
                                   unsigned depth, uint64_t total);

// What stands below one supervisor that is the last row now.
static enum exit_code add_below(struct forest *forest, const struct tree_row *row) {
    if (row->kind != TREE_SUPERVISOR || row->count == 0) return EXIT_CODE_OK;
    unsigned depth = row->depth + 1;
    if (depth > forest->depth_max || row->incarnation == 0) {
        return add_hidden(forest, depth, row->count);
    }
    return add_children(forest, peeper_by_id(row->incarnation), depth, row->count);
}

// Fetches the children into rows of their own and adds them in the order in which they were
// started, each with what is below it.
static enum exit_code add_children(struct forest *forest, struct peeper_target target,
                                   unsigned depth, uint64_t total) {
    struct forest  own = {.peeper = forest->peeper, .limit = forest->limit};
    uint64_t       hidden;
    enum exit_code code = fetch(&own, target, depth, total, false, &hidden);
    if (code == EXIT_CODE_OK && hidden > 0) code = add_hidden(forest, depth, hidden);
    for (size_t i = own.count; i-- > 0 && code == EXIT_CODE_OK;) {
        code = add(forest, &own.rows[i]);
        if (code == EXIT_CODE_OK) code = add_below(forest, &own.rows[i]);
    }
    forest_fini(&own);
    return code;
}

// Those without a supervisor have no order of their own: they stand as the server tells them.
static enum exit_code add_roots(struct forest *forest, struct peeper_target target) {
    struct forest  own = {.peeper = forest->peeper, .limit = forest->limit};
    uint64_t       hidden;
    enum exit_code code = fetch(&own, target, 0, 0, true, &hidden);
    for (size_t i = 0; i < own.count && code == EXIT_CODE_OK; i++) {
        code = add(forest, &own.rows[i]);
        if (code == EXIT_CODE_OK) code = add_below(forest, &own.rows[i]);
    }
    if (code == EXIT_CODE_OK && hidden > 0) code = add_hidden(forest, 0, hidden);
    forest_fini(&own);
    return code;
}

// The supervisor that the drawing begins with.
static enum exit_code add_top(struct forest *forest, struct peeper_target target) {
    struct peeper_actor top;
    enum peeper_status  status = peeper_sync_inspect(forest->peeper, target, &top);
    if (status != PEEPER_STATUS_OK) {
        return output_error(peeper_sync_error(forest->peeper), &target);
    }
    struct tree_row row = {.kind = TREE_SUPERVISOR,
                           .id = "",
                           .name = top.name,
                           .code = top.strategy[0] != '\0' ? top.strategy : top.behaviour,
                           .status = top.status,
                           .restart = "",
                           .incarnation = top.incarnation,
                           .restarts = top.restarts};
    return add(forest, &row);
}

static enum exit_code print(struct forest *forest, bool json) {
    if (!json) {
        tree_draw(stdout, forest->rows, forest->count);
        return EXIT_CODE_OK;
    }
    json_t *tree = tree_to_json(forest->rows, forest->count);
    return output_json(tree);
}

enum exit_code command_tree(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct forest forest = {
        .peeper = peeper, .limit = LIMIT_DEFAULT, .depth_max = TREE_DEPTH_MAX - 2};
    struct peeper_target target = invocation->target;
    bool                 at_root = target.id == 0 && target.name[0] == '\0';
    enum exit_code       code = EXIT_CODE_OK;
    if (invocation->limit != UINT32_MAX) forest.limit = invocation->limit;
    // The deepest level is for the rows that stand for what is not shown.
    if (invocation->depth < forest.depth_max) forest.depth_max = invocation->depth;
    unsigned first = at_root ? 0 : 1;
    forest.depth_max += first - 1;

    if (!at_root) code = add_top(&forest, target);
    if (code == EXIT_CODE_OK) {
        code = at_root ? add_roots(&forest, target) : add_children(&forest, target, first, 0);
    }
    if (code == EXIT_CODE_OK) code = print(&forest, invocation->json);
    forest_fini(&forest);
    return code;
}
