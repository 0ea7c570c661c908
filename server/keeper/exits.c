#include "keeper/exits.h"

#include "base/log.h"
#include "keeper/life.h"
#include "keeper/reason.h"
#include "keeper/router.h"
#include "keeper/supervisor.h"

#include <peeper/value.h>

// A reason goes to everybody who is tied to the one that ended.
#define REASON_BYTES_MAX (16u << 10)

static struct slice presentable(struct slice reason) {
    if (reason.bytes > REASON_BYTES_MAX) return reason_too_large();
    struct peeper_value value = {reason.data, reason.bytes};
    return peeper_value_check(value) ? reason : reason_malformed();
}

// Whoever started an actor learns from the answer that it did not come up, and from nothing else.
static void forget_start(struct shard *shard, struct actor *actor) {
    struct list *link = actor->extra->ties->ties[TIE_TARGET].next;
    while (actor->extra->ties != NULL && link != &actor->extra->ties->ties[TIE_TARGET]) {
        struct tie *tie = LIST_ENTRY(link, struct tie, at[TIE_TARGET]);
        // They were made first, so nothing is behind the first of another kind.
        if (!tie->from_start) return;
        link = link->next;
        tie_remove(&shard->ties, tie);
    }
}

void exits_actor_over(struct shard *shard, struct actor *actor, struct slice reason) {
    if (actor->extra->ties == NULL) return;
    if (actor->life == ACTOR_STARTING) forget_start(shard, actor);
    if (actor->extra->ties == NULL) return;
    tie_over(&shard->ties, actor->extra->ties, actor_name(actor), presentable(reason));
}

void exits_client_over(struct shard *shard, struct caller client) {
    struct ties *end = tie_find_client(&shard->ties, client);
    if (end != NULL) tie_over(&shard->ties, end, (struct slice){0}, reason_noconnection());
}

// --- what an actor is told ---

static void write_reason(struct peeper_writer *writer, struct slice reason) {
    if (reason.bytes == 0) {
        peeper_write_null(writer);
    } else {
        peeper_write_value(writer, (struct peeper_value){reason.data, reason.bytes});
    }
}

static void write_message(struct peeper_writer *writer, const struct tie *tie,
                          const struct ties *over, struct slice reason) {
    peeper_write_list(writer);
    peeper_write_string(writer, tie->kind == TIE_MONITOR ? "DOWN" : "EXIT");
    if (tie->kind == TIE_MONITOR) peeper_write_int(writer, (int64_t)tie->key);
    if (tie->kind == TIE_MONITOR && tie->by_name) {
        peeper_write_string_n(writer, (const char *)over->name.data, over->name.bytes);
    } else {
        peeper_write_int(writer, (int64_t)over->id);
    }
    write_reason(writer, reason);
    peeper_write_end(writer);
}

static void send_message(struct shard *shard, struct actor *actor, const struct tie *tie,
                         const struct ties *over) {
    struct peeper_writer writer = {0};
    write_message(&writer, tie, over, over->reason);
    if (!peeper_writer_done(&writer)) {
        // Inside the message it would nest too deep.
        peeper_writer_reset(&writer);
        write_message(&writer, tie, over, reason_malformed());
    }
    struct peeper_value value = peeper_writer_value(&writer);
    enum status         status = STATUS_NO_MEMORY;
    if (peeper_writer_done(&writer))
        status = router_notify(shard, actor, slice_of(value.data, value.bytes));
    if (status != STATUS_OK) {
        LOG_ERROR("exit.untold", "slot=%u status=%s", actor->slot, status_name(status));
    }
    peeper_writer_fini(&writer);
}

void exits_refused(struct shard *shard, struct actor *actor, enum tie_kind kind, uint64_t ref,
                   struct slice name, uint64_t id) {
    struct tie  tie = {.kind = kind, .key = ref, .by_name = id == 0};
    struct ties over = {.id = id, .name = name, .reason = reason_overloaded()};
    send_message(shard, actor, &tie, &over);
}

// The parent's end is a stop that nobody waits for; where even that cannot be delivered, the child
// is not left behind.
static void stop_child(struct shard *shard, struct actor *actor, struct slice reason) {
    if (life_stop_idle(shard, actor, reason)) return;
    enum status status =
        router_deliver(shard, actor, TURN_TERMINATE, CALLER_NOBODY, 0, reason, false);
    if (status != STATUS_OK) (void)life_struck(shard, actor, reason);
}

static void strike(struct shard *shard, struct actor *actor, const struct tie *tie,
                   const struct ties *over, bool by_parent) {
    bool normal =
        peeper_value_is((struct peeper_value){over->reason.data, over->reason.bytes}, "normal");
    if (actor->supervisor != NULL) {
        // It runs no code: of strangers it takes no notice, as in OTP.
        if (by_parent) supervisor_stop_soon(shard, actor->supervisor, over->reason);
    } else if (actor->no_trap_exit) {
        if (!normal) (void)life_struck(shard, actor, over->reason);
    } else if (by_parent) {
        stop_child(shard, actor, over->reason);
    } else {
        send_message(shard, actor, tie, over);
    }
}

// --- the work list ---

static void tell_client(struct shard *shard, struct caller client, const struct tie *tie,
                        const struct ties *over) {
    bool        monitor = tie->kind == TIE_MONITOR;
    struct push push = {
        .kind = monitor ? PUSH_DOWN : PUSH_EXIT,
        .ref = monitor ? tie->key : 0,
        .id = over->id,
        .name = monitor && !tie->by_name ? (struct slice){0} : over->name,
        .reason = over->reason,
    };
    shard->port.push(shard->port.context, client, &push);
}

static void tell(struct shard *shard, const struct tie *tie, const struct ties *over,
                 enum tie_side side, struct actor *actor, struct caller client) {
    if (tie->kind == TIE_MONITOR && side == TIE_MAKER) return; // nobody is left who watches
    if (actor == NULL) {
        tell_client(shard, client, tie, over);
    } else if (tie->kind == TIE_MONITOR) {
        send_message(shard, actor, tie, over);
    } else {
        strike(shard, actor, tie, over, tie->from_start && side == TIE_MAKER);
    }
}

static void announce(struct shard *shard, struct ties *over, uint32_t *left) {
    enum tie_side side;
    for (struct tie *tie; (tie = tie_first(over, &side)) != NULL; --*left) {
        if (*left == 0) {
            list_push_front(&shard->ties.over, &over->over);
            return;
        }
        const struct ties *other = tie->end[side == TIE_MAKER ? TIE_TARGET : TIE_MAKER];
        struct tie         told = *tie;
        struct actor      *actor = other->actor;
        struct caller      client = other->client;
        bool               alive = !other->is_over;
        // First it goes: what follows may end the other one.
        tie_remove(&shard->ties, tie);
        if (alive) tell(shard, &told, over, side, actor, client);
    }
    tie_release(&shard->ties, over);
}

void exits_announce(struct shard *shard, uint32_t told_max) {
    uint32_t left = told_max;
    while (left > 0) {
        struct list *link = list_pop(&shard->ties.over);
        if (link == NULL) return;
        announce(shard, LIST_ENTRY(link, struct ties, over), &left);
    }
}
