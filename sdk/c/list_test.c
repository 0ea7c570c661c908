#include "test_peer.h"

#include <criterion/criterion.h>
#include <peeper/list.h>
#include <stdio.h>

static void tell_pages(struct peer *peer) {
    const Peeper__V1__ClientFrame *request;
    peer_welcome(peer, 1u << 20);
    while ((request = peer_read(peer)) != NULL) {
        if (request->body_case != PEEPER__V1__CLIENT_FRAME__BODY_LIST) {
            peer_error(peer, request->id, PEEPER__V1__STATUS__STATUS_NOPROC, "nobody");
            continue;
        }
        // Three pages; the second has nobody in it, as may be where all have ended.
        static const size_t     COUNTS[] = {2, 0, 1};
        size_t                  at = request->list->cursor;
        Peeper__V1__ActorInfo   actors[2], *pointers[2];
        Peeper__V1__Listing     listing = PEEPER__V1__LISTING__INIT;
        Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
        char                    names[2][64];
        for (size_t i = 0; i < COUNTS[at]; i++) {
            actors[i] = (Peeper__V1__ActorInfo)PEEPER__V1__ACTOR_INFO__INIT;
            snprintf(names[i], sizeof(names[i]), "%s%zu%zu", request->list->prefix, at, i);
            actors[i].name = names[i];
            pointers[i] = &actors[i];
        }
        peer->seen++;
        listing.actors = pointers;
        listing.n_actors = COUNTS[at];
        listing.next = at < 2 ? at + 1 : 0;
        frame.id = request->id;
        frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_LISTING;
        frame.listing = &listing;
        peer_write(peer, &frame);
    }
}

Test(list, goes_through_all_pages_whatever_is_asked_between, .timeout = 10) {
    static const char *const   NAMES[] = {"cart-00", "cart-01", "cart-20"};
    struct peer                peer;
    struct peeper_sync        *sync;
    struct peeper_actors      *actors;
    const struct peeper_actor *actor;
    uint64_t                   id;
    peer_start(&peer, 1, tell_pages);
    cr_assert(peeper_sync_create(NULL, &sync) == PEEPER_STATUS_OK);
    cr_assert(peeper_sync_connect(sync, peer.address) == PEEPER_STATUS_OK);
    cr_assert(peeper_actors_create(sync, "cart-", &actors) == PEEPER_STATUS_OK);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(peeper_actors_next(actors, &actor) == PEEPER_STATUS_OK);
        cr_assert(peeper_sync_whereis(sync, peeper_by_name("x"), &id) == PEEPER_STATUS_NOPROC);
        cr_assert_str_eq(actor->name, NAMES[i]);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert(peeper_actors_next(actors, &actor) == PEEPER_STATUS_OK && actor == NULL);
    }
    peeper_actors_destroy(actors);
    peeper_sync_destroy(sync);
    peer_stop(&peer);
    cr_assert(peer.seen == 3);
}
