// pages: the routes of the HTTP face, as a table, and how each answer is rendered. No sockets, no
// threads.
#pragma once

#include "base/status.h"
#include "keeper/mirror.h"
#include "keeper/view.h"

#include <jansson.h>

#define PAGE_JSON_TYPE "application/json"

struct body {
    unsigned    code;  // HTTP status
    const char *type;  // static text
    const char *allow; // static text; NULL: no such header
    char       *text;  // malloc'd, owned by whoever sends it; NULL when memory ran out
};

// Looks a query parameter up; NULL if it was not given.
typedef const char *page_query(void *context, const char *name);

// What follows a path, decoded. Not terminated where a suffix was taken off.
struct rest {
    const char *text;
    size_t      bytes;
    const char *tail; // what * stood for in the suffix, terminated; NULL: it has none
};

struct page {
    const char    *path;
    bool           prefix; // more follows the path
    const char    *suffix; // and that ends so, which is not part of the rest; NULL: any
    enum view_kind kind;
    // Fills the question. `rest` is what follows the path, decoded. Answers what is wrong with it,
    // or NULL.
    const char *(*prepare)(struct view *view, struct rest rest, page_query *query, void *context);
    void (*render)(const struct view *view, const struct mirror *mirror, struct body *ret_body);
};

// The row for `path`, and the rest of it; NULL if there is none.   Thread: any.
const struct page *page_find(const char *path, struct rest *ret_rest);

// A problem document (RFC 9457).   Thread: any.
void page_problem(enum status status, unsigned code, const char *detail, struct body *ret_body);

// --- for the pages themselves ---

// Renders `json`, which is taken over; NULL means that memory ran out.
void page_json(json_t *json, unsigned code, const char *type, struct body *ret_body);

// Reads a number up to `high`; false where it is none.
bool page_number(const char *text, uint64_t high, uint64_t *ret_number);

// Asks about the actor that `rest` names, or with @ its incarnation.
const char *page_actor(struct view *view, struct rest rest, page_query *query, void *context);
