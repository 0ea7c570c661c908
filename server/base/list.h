// list: an intrusive, doubly linked, circular list. It owns nothing; the elements embed their link.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_ENTRY(link, type, field) ((type *)((char *)(link)-offsetof(type, field)))

static inline void list_init(struct list *list) {
    list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list) {
    return list->next == list;
}

// Links `link` in front of `before`; with the head that is the end of the list.
static inline void list_insert(struct list *before, struct list *link) {
    link->next = before;
    link->prev = before->prev;
    before->prev->next = link;
    before->prev = link;
}

static inline void list_push(struct list *list, struct list *link) {
    list_insert(list, link);
}

static inline void list_push_front(struct list *list, struct list *link) {
    list_insert(list->next, link);
}

// Unlinks; the link is then a list of its own, so that removing it twice is harmless.
static inline void list_remove(struct list *link) {
    link->next->prev = link->prev;
    link->prev->next = link->next;
    list_init(link);
}

// The first link, unlinked; NULL if the list is empty.
static inline struct list *list_pop(struct list *list) {
    if (list_empty(list)) return NULL;
    struct list *link = list->next;
    list_remove(link);
    return link;
}

// Moves all of `from` to the end of `to`; `from` is empty afterwards.
static inline void list_splice(struct list *to, struct list *from) {
    if (list_empty(from)) return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}
