#include "keeper/feed.h"

#include "base/check.h"
#include "base/tables_delta.h"
#include "keeper/life.h"
#include "keeper/router.h"

#include <stdlib.h>

struct feed {
    struct shard_message message;
    struct mirror_visit  visit;
    struct shard        *shard;       // borrowed
    uint32_t             epoch;       // of the actor; another one: the feed is stale
    uint32_t             host_serial; // of the host that gets the rows
    uint8_t             *state;       // owned
    size_t               state_bytes;
    // filled on the mirror thread
    enum status          status;
    struct tables_cursor cursor;
    struct buf           rows; // owned; the chunk that is to go out
    uint32_t             sent; // chunks that have gone out
};

static void feed_free(struct feed *feed) {
    buf_fini(&feed->rows);
    free(feed->state);
    free(feed);
}

void feed_drop(struct actor *actor) {
    if (actor->extra->feed == NULL) return;
    feed_free(actor->extra->feed);
    actor_extra(actor)->feed = NULL;
}

// The actor is as it was before; it may try again when it is pumped.
static void give_up(struct actor *actor, struct feed *feed) {
    actor->home = HOME_COLD;
    feed_free(feed);
}

// --- reading a chunk ---

static void feed_go_on(struct shard *shard, struct actor *actor, struct feed *feed);

static void feed_deliver(struct shard_message *message, struct shard *shard) {
    struct feed  *feed = LIST_ENTRY(message, struct feed, message);
    struct actor *actor = actor_at(&shard->actors, feed->visit.slot);
    shard->loads--;
    bool wanted = actor != NULL && actor->unit == feed->visit.unit && actor->home == HOME_LOADING &&
                  actor->epoch == feed->epoch;
    if (wanted) {
        feed_go_on(shard, actor, feed);
    } else {
        feed_free(feed);
    }
    router_feed(shard);
}

// Mirror thread.
static void read_chunk(struct mirror_visit *visit, enum status status,
                       const struct tables *tables) {
    struct feed *feed = LIST_ENTRY(visit, struct feed, visit);
    // A restart may have kept none.
    if (status == STATUS_NOT_FOUND) feed->cursor.done = true;
    if (status == STATUS_OK)
        status = tables_export(tables, &feed->cursor, FEED_CHUNK_BYTES, &feed->rows);
    feed->status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    // SHARD_LOADS_MAX is below the inbox's capacity less what others may send.
    CHECK(mailbox_push(&feed->shard->inbox, &feed->message.link) != STATUS_FULL);
}

static void ask_chunk(struct shard *shard, struct actor *actor, struct feed *feed) {
    if (shard->loads >= SHARD_LOADS_MAX || mirror_visit(shard->mirror, &feed->visit) != STATUS_OK) {
        give_up(actor, feed);
        router_starve(shard, actor);
        return;
    }
    shard->loads++;
}

// --- sending it ---

static void park(struct shard *shard, struct actor *actor, struct feed *feed,
                 struct worker *worker) {
    struct actor_extra *extra = actor_extra(actor);
    if (extra == NULL) {
        give_up(actor, feed);
        router_starve(shard, actor);
        return;
    }
    extra->feed = feed;
    router_wait_for(worker, actor);
}

static enum status send_chunk(struct shard *shard, struct actor *actor, struct worker *worker,
                              struct feed *feed) {
    if (feed->rows.bytes == 0) return STATUS_OK;
    const struct host *host = shard_pool(shard, actor)->active;
    struct turn        turn = {
               .kind = TURN_ROWS,
               .aside = true,
               .behaviour = (uint16_t)(host->index_of[actor->behaviour] - 1),
               .number = shard->turn_next,
               .begun_ms = shard->now_ms,
               .payload = slice_of(feed->rows.data, feed->rows.bytes),
               .rows = feed->sent,
    };
    enum status status = worker_append(worker, actor, &turn);
    if (status != STATUS_OK) return status;
    shard->turn_next++;
    feed->sent++;
    feed->rows.bytes = 0;
    return STATUS_OK;
}

static void settle(struct shard *shard, struct actor *actor, struct worker *worker,
                   struct feed *feed) {
    enum status status =
        router_settle_fed(shard, actor, slice_of(feed->state, feed->state_bytes), feed->sent);
    if (status == STATUS_AGAIN) {
        park(shard, actor, feed, worker);
        return;
    }
    feed_free(feed);
    if (actor->home == HOME_HOT) router_pump(shard, actor);
}

// A chunk is there, or there may be room for it now.
static void feed_go_on(struct shard *shard, struct actor *actor, struct feed *feed) {
    struct host   *host = shard_pool(shard, actor)->active;
    struct worker *worker = host == NULL ? NULL : &host->workers[actor->worker];
    if (host == NULL || host->serial != feed->host_serial || worker_closed(worker) ||
        feed->status == STATUS_AGAIN) {
        give_up(actor, feed);
        router_pump(shard, actor);
        return;
    }
    enum status status = feed->status;
    if (status == STATUS_OK) status = send_chunk(shard, actor, worker, feed);
    if (status == STATUS_AGAIN) {
        park(shard, actor, feed, worker);
    } else if (status != STATUS_OK) {
        give_up(actor, feed);
        life_unrunnable(shard, actor, status);
    } else if (!feed->cursor.done) {
        ask_chunk(shard, actor, feed);
    } else {
        settle(shard, actor, worker, feed);
    }
}

void feed_resume(struct shard *shard, struct actor *actor) {
    struct feed *feed = actor->extra->feed;
    if (feed == NULL) return; // a chunk is being read
    actor_extra(actor)->feed = NULL;
    feed_go_on(shard, actor, feed);
}

void feed_begin(struct shard *shard, struct actor *actor, uint8_t *state, size_t state_bytes) {
    struct feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL) {
        free(state);
        router_starve(shard, actor);
        return;
    }
    feed->state = state;
    feed->state_bytes = state_bytes;
    if (!router_place(shard, actor)) {
        feed_free(feed);
        return;
    }
    actor->home = HOME_LOADING;
    feed->message.deliver = feed_deliver;
    feed->shard = shard;
    feed->epoch = actor->epoch;
    feed->host_serial = actor->host_serial;
    feed->visit =
        (struct mirror_visit){.slot = actor->slot, .unit = actor->unit, .on_visit = read_chunk};
    ask_chunk(shard, actor, feed);
}
