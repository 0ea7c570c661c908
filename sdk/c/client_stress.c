// Many threads on one client with a thread of its own, while it is closed under them: every request
// that was accepted is answered once. A plain program, because Criterion does not start under
// ThreadSanitizer.
#include "test_peer.h"

#include "base/check.h"

#include <stdatomic.h>
#include <stdio.h>

#define THREADS 4
#define ROUNDS 30
#define CALLS_PER_ROUND 2000

struct caller {
    struct peeper_client *client;
    pthread_t             thread;
    size_t                accepted;
    atomic_size_t         answered;
    atomic_size_t         good;
};

static void answer_calls(struct peer *peer) {
    const Peeper__V1__ClientFrame *frame;
    peer_welcome(peer, 1u << 20);
    while ((frame = peer_read(peer)) != NULL) peer_reply_int(peer, frame->id, 1);
}

static void on_answer(void *user, const struct peeper_answer *answer) {
    struct caller *caller = user;
    atomic_fetch_add(&caller->answered, 1);
    if (answer->error.status == PEEPER_STATUS_OK) atomic_fetch_add(&caller->good, 1);
}

static void *call_until_closed(void *context) {
    struct caller      *caller = context;
    struct peeper_value null = {0};
    for (;;) {
        enum peeper_status status = peeper_client_call(caller->client, peeper_by_name("a"), null, 0,
                                                       peeper_then(on_answer, caller));
        if (status == PEEPER_STATUS_UNREACHABLE) return NULL;
        CHECK(status == PEEPER_STATUS_OK || status == PEEPER_STATUS_FULL);
        caller->accepted += status == PEEPER_STATUS_OK;
        // The one that has seen enough ends it for all.
        if (caller->accepted == CALLS_PER_ROUND) peeper_client_close(caller->client);
    }
}

int main(void) {
    struct peer peer;
    size_t      answered = 0, good = 0;
    peer_start(&peer, ROUNDS, answer_calls);
    for (int round = 0; round < ROUNDS; round++) {
        struct caller         callers[THREADS] = {0};
        struct peeper_client *client;
        CHECK(peeper_client_open(peer.address, NULL, NULL, NULL, &client) == PEEPER_STATUS_OK);
        CHECK(peeper_client_wait(client) == PEEPER_STATUS_OK);
        for (int i = 0; i < THREADS; i++) {
            callers[i].client = client;
            CHECK(pthread_create(&callers[i].thread, NULL, call_until_closed, &callers[i]) == 0);
        }
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(callers[i].thread, NULL) == 0);
        peeper_client_destroy(client);
        for (int i = 0; i < THREADS; i++) {
            CHECK(callers[i].answered == callers[i].accepted);
            answered += callers[i].answered;
            good += callers[i].good;
        }
    }
    peer_stop(&peer);
    printf("client_stress: %d rounds, %zu answered, %zu of them well\n", ROUNDS, answered, good);
    return 0;
}
