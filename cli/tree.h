// tree: a supervision tree as text and as JSON. It asks nobody; whoever calls it has the rows.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#define TREE_DEPTH_MAX 32 // one bit for each level

enum tree_row_kind {
    TREE_ACTOR,
    TREE_SUPERVISOR,
    TREE_HIDDEN, // stands for `count` children that are not shown
};

// One child, or the top of the tree. Rows come parent first, then all below it, then its next
// sibling.
struct tree_row {
    enum tree_row_kind kind;
    unsigned           depth; // 0 to TREE_DEPTH_MAX - 1; at most one more than the row before
    const char        *id;    // in the supervisor; "" where there is none
    const char        *name;
    const char        *code; // behaviour, or strategy of a supervisor; "supervisor" where that is
                             // not known
    const char *status;
    const char *restart; // "" where it has no supervisor
    uint64_t    incarnation;
    uint64_t    restarts;
    uint32_t    mailbox;
    uint64_t    count; // of a supervisor: all its children
    uint32_t    below; // private to tree_draw()
};

// Draws the rows with lines and columns, under a line of titles.   Thread: owner of `out`.
void tree_draw(FILE *out, struct tree_row *rows, size_t count);

// The same as nested objects; the children of a supervisor are "children", those that are not shown
// are counted in "hidden".
// Owns:  the caller gets a list of what has depth 0.
// Fails: NULL (memory, or a text that is not UTF-8).   Thread: any.
json_t *tree_to_json(const struct tree_row *rows, size_t count);
