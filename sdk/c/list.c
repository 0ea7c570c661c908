#include <peeper/list.h>

#include "sync.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ACTORS 1000 // the most that the server tells at once

struct peeper_actors {
    struct peeper_sync *sync; // borrowed
    struct opened       page;
    size_t              index; // of the next one in the page
    uint64_t            next;  // cursor of the next page
    bool                last;
    char                prefix[]; // terminated
};

enum peeper_status peeper_actors_create(struct peeper_sync *sync, const char *prefix,
                                        struct peeper_actors **ret_actors) {
    size_t                bytes = (prefix != NULL ? strlen(prefix) : 0) + 1;
    struct peeper_actors *actors = calloc(1, sizeof(*actors) + bytes);
    if (actors == NULL) return PEEPER_STATUS_NO_MEMORY;
    enum peeper_status status = opened_init(&actors->page);
    if (status != PEEPER_STATUS_OK) {
        free(actors);
        return status;
    }
    actors->sync = sync;
    if (prefix != NULL) memcpy(actors->prefix, prefix, bytes);
    *ret_actors = actors;
    return PEEPER_STATUS_OK;
}

static enum peeper_status turn_page(struct peeper_actors *actors) {
    struct peeper_page    page = {actors->prefix, actors->next, PAGE_ACTORS};
    struct peeper_listing listing;
    enum peeper_status    status = peeper_sync_list(actors->sync, &page, &listing);
    if (status != PEEPER_STATUS_OK) return status;
    // The next function of the client would take it back.
    opened_take(&actors->page, &actors->sync->answer.kept);
    status = actors->page.incoming.answer.error.status;
    if (status != PEEPER_STATUS_OK) return status;
    actors->index = 0;
    actors->next = actors->page.incoming.answer.listing.next;
    actors->last = actors->next == 0;
    return PEEPER_STATUS_OK;
}

enum peeper_status peeper_actors_next(struct peeper_actors       *actors,
                                      const struct peeper_actor **ret_actor) {
    const struct peeper_listing *listing = &actors->page.incoming.answer.listing;
    while (actors->index >= listing->count && !actors->last) {
        enum peeper_status status = turn_page(actors);
        if (status != PEEPER_STATUS_OK) return status;
    }
    bool more = actors->index < listing->count;
    *ret_actor = more ? &listing->actors[actors->index++] : NULL;
    return PEEPER_STATUS_OK;
}

void peeper_actors_destroy(struct peeper_actors *actors) {
    if (actors == NULL) return;
    opened_fini(&actors->page);
    free(actors);
}
