#include "keeper/hooks.h"

#include "base/check.h"
#include "base/log.h"
#include "base/value_text.h"
#include "keeper/commit.h"
#include "keeper/isolation.h"
#include "keeper/requests.h"
#include "keeper/shard.h"
#include "keeper/streams.h"
#include "keeper/timers.h"

#include <stdlib.h>
#include <string.h>

#define LOSSES_MAX 2u // hosts lost for no known reason while an event was running
#define NAME_TEXT_BYTES 300
#define REASON_TEXT_BYTES 200

// One call of a callback.
struct hook_event {
    struct list    link;
    enum turn_kind kind;
    bool           has_state;
    uint64_t       incarnation;   // that it is about
    size_t         payload_bytes; // the state before, or the reason
    size_t         state_bytes;
    uint8_t        data[]; // payload, state
};

// What waits of one unit. There is always something in it.
struct hook_queue {
    struct list       link;      // in one of the crew's
    struct listening *listening; // NULL: the unit is over
    struct crew      *crew;
    struct list       events; // oldest first; owned
    uint32_t          count;
    size_t            bytes;
    uint64_t          unit;
    uint64_t          turn; // of the head, while it is in a ring; else 0
    uint32_t          slot;
    uint16_t          behaviour;
    uint16_t          hooks;  // that the unit's code has
    uint8_t           losses; // of the head, see LOSSES_MAX
    uint8_t           name_bytes;
    uint8_t           name[];
};

void hooks_init(struct hooks *hooks) {
    *hooks = (struct hooks){0};
    list_init(&hooks->crews);
}

static struct crew *crew_at(struct list *link) {
    return LIST_ENTRY(link, struct crew, link);
}

static struct hook_queue *queue_at(struct list *link) {
    return LIST_ENTRY(link, struct hook_queue, link);
}

static struct hook_event *head_of(const struct hook_queue *queue) {
    return LIST_ENTRY(queue->events.next, struct hook_event, link);
}

static size_t event_bytes(const struct hook_event *event) {
    return sizeof *event + event->payload_bytes + event->state_bytes;
}

bool hooks_running(const struct hooks *hooks) {
    for (struct list *link = hooks->crews.next; link != &hooks->crews; link = link->next) {
        if (!list_empty(&crew_at(link)->sent)) return true;
    }
    return false;
}

// --- crews ---

static struct crew *crew_create(struct hooks *hooks, struct code_set *code) {
    struct crew *crew = calloc(1, sizeof *crew);
    if (crew == NULL) return NULL;
    crew->code = code_set_hold(code);
    list_init(&crew->ready);
    list_init(&crew->sent);
    list_init(&crew->penalties);
    list_push(&hooks->crews, &crew->link);
    return crew;
}

// The crew of this code, with a pool; NULL if there is no room for either.
static struct crew *crew_for(struct shard *shard, struct code_set *code) {
    struct list *crews = &shard->hooks.crews;
    struct crew *crew = NULL;
    for (struct list *link = crews->next; link != crews && crew == NULL; link = link->next) {
        if (crew_at(link)->code == code) crew = crew_at(link);
    }
    if (crew == NULL) crew = crew_create(&shard->hooks, code);
    if (crew == NULL || crew->pool != NULL) return crew;
    return isolation_listeners(shard, code, &crew->pool) ? crew : NULL;
}

// Lets go what it does not need any more.
static void crew_tidy(struct shard *shard, struct crew *crew) {
    if (crew->queues > 0) return;
    if (crew->pool != NULL) isolation_rest(shard, crew->pool);
    crew->pool = NULL;
    if (!list_empty(&crew->penalties)) return;
    list_remove(&crew->link);
    code_set_release(crew->code);
    free(crew);
}

static struct penalty *penalty_of(const struct crew *crew, uint16_t behaviour) {
    const struct list *penalties = &crew->penalties;
    for (struct list *link = penalties->next; link != penalties; link = link->next) {
        struct penalty *penalty = LIST_ENTRY(link, struct penalty, link);
        if (penalty->behaviour == behaviour) return penalty;
    }
    return NULL;
}

// --- queues ---

static struct hook_queue *queue_create(struct shard *shard, struct listening *listening,
                                       struct slice name) {
    struct crew       *crew = crew_for(shard, listening->code);
    struct hook_queue *queue = crew == NULL ? NULL : malloc(sizeof *queue + name.bytes);
    if (queue == NULL) return NULL;
    *queue = (struct hook_queue){
        .listening = listening,
        .crew = crew,
        .unit = listening->unit,
        .slot = listening->slot,
        .behaviour = listening->behaviour,
        .hooks = listening->hooks,
        .name_bytes = (uint8_t)name.bytes,
    };
    if (name.bytes > 0) memcpy(queue->name, name.data, name.bytes);
    list_init(&queue->events);
    listening->queue = queue;
    crew->queues++;
    list_push(&crew->ready, &queue->link);
    return queue;
}

static void queue_free(struct hook_queue *queue) {
    CHECK(list_empty(&queue->events));
    if (queue->listening != NULL) queue->listening->queue = NULL;
    list_remove(&queue->link);
    queue->crew->queues--;
    free(queue);
}

static void pop_head(struct hooks *hooks, struct hook_queue *queue) {
    struct hook_event *event = head_of(queue);
    size_t             bytes = event_bytes(event);
    list_remove(&event->link);
    queue->count--;
    queue->bytes -= bytes;
    hooks->bytes -= bytes;
    queue->turn = 0;
    queue->losses = 0;
    free(event);
}

static void drop_head(struct shard *shard, struct hook_queue *queue) {
    pop_head(&shard->hooks, queue);
    stream_count_drop(shard, queue->slot, queue->unit);
}

static void drop_all(struct shard *shard, struct hook_queue *queue) {
    while (!list_empty(&queue->events)) drop_head(shard, queue);
    queue_free(queue);
}

// Puts a queue of which nothing is on its way where it belongs now.
static void place(struct shard *shard, struct hook_queue *queue) {
    if (list_empty(&queue->events)) {
        queue_free(queue);
        return;
    }
    struct code_set *code = queue->listening == NULL ? queue->crew->code : queue->listening->code;
    struct crew     *crew = crew_for(shard, code);
    if (crew == NULL) {
        drop_all(shard, queue);
        return;
    }
    queue->crew->queues--;
    queue->crew = crew;
    crew->queues++;
    list_remove(&queue->link);
    list_push(&crew->ready, &queue->link);
}

void hooks_moved(struct shard *shard, struct listening *listening) {
    struct hook_queue *queue = listening->queue;
    if (queue == NULL) return;
    queue->hooks = listening->hooks;
    // What is on its way ends where it is.
    if (queue->turn == 0) place(shard, queue);
}

void hooks_over(struct listening *listening) {
    if (listening->queue == NULL) return;
    listening->queue->listening = NULL;
    listening->queue = NULL;
}

// --- in ---

static bool fits(const struct hooks *hooks, const struct hook_queue *queue, size_t bytes) {
    if (hooks->bytes > 0 && hooks->bytes + bytes > HOOKS_BYTES_MAX) return false;
    if (queue == NULL) return true;
    return queue->count < HOOK_EVENTS_MAX && queue->bytes + bytes <= HOOK_BYTES_MAX;
}

// The one that a change or a stop was of may be long gone by now. A unit that ends may do so
// between two of them, with an id that nobody has had; nothing comes after it, so that it was the
// newest.
static uint64_t incarnation_of(const struct listening    *listening,
                               const struct change_event *change) {
    return change->item.kind == CHANGE_END ? listening->incarnation : change->incarnation;
}

// Fails: false, no room.
static bool enter(struct shard *shard, struct listening *listening,
                  const struct change_event *change) {
    bool         changed = change->item.kind == CHANGE_STATE;
    struct slice payload = !changed          ? change->reason
                           : change->has_old ? change->old
                                             : (struct slice){0};
    struct slice state = change->has_state ? change->state : (struct slice){0};
    size_t       bytes = sizeof(struct hook_event) + payload.bytes + state.bytes;
    if (!fits(&shard->hooks, listening->queue, bytes)) return false;

    struct hook_event *event = malloc(bytes);
    if (event == NULL) return false;
    if (listening->queue == NULL && queue_create(shard, listening, change->name) == NULL) {
        free(event);
        return false;
    }
    *event = (struct hook_event){
        .kind = changed ? TURN_CHANGED : TURN_ENDED,
        .has_state = change->has_state,
        .incarnation = incarnation_of(listening, change),
        .payload_bytes = payload.bytes,
        .state_bytes = state.bytes,
    };
    if (payload.bytes > 0) memcpy(event->data, payload.data, payload.bytes);
    if (state.bytes > 0) memcpy(event->data + payload.bytes, state.data, state.bytes);
    struct hook_queue *queue = listening->queue;
    list_push(&queue->events, &event->link);
    queue->count++;
    queue->bytes += bytes;
    shard->hooks.bytes += bytes;
    return true;
}

void hooks_push(struct shard *shard, struct listening *listening,
                const struct change_event *change) {
    if (shard->stopping) return;
    if (!enter(shard, listening, change)) stream_count_drop(shard, change->slot, change->unit);
}

// --- out ---

// The one with the least to do; NULL if all have enough.
static struct worker *free_worker(const struct crew *crew) {
    struct host   *host = crew->pool->active;
    struct worker *best = NULL;
    for (uint32_t i = 0; host != NULL && i < host->worker_count; i++) {
        struct worker *worker = &host->workers[i];
        if (worker_closed(worker) || worker->inflight >= HOOK_TURNS_MAX) continue;
        if (best == NULL || worker->inflight < best->inflight) best = worker;
    }
    return best;
}

// Fails: STATUS_AGAIN (later), others (never).
static enum status append(struct shard *shard, struct hook_queue *queue, struct worker *worker) {
    const struct hook_event *event = head_of(queue);
    uint16_t                 index = queue->crew->pool->active->index_of[queue->behaviour];
    if (index == 0) return STATUS_UNKNOWN_BEHAVIOUR;
    struct tenant tenant = {
        .slot = queue->slot,
        .incarnation = event->incarnation,
        .name = slice_of(queue->name, queue->name_bytes),
    };
    struct turn turn = {
        .kind = event->kind,
        .flags = event->has_state ? TURN_HAS_STATE : 0,
        .aside = true,
        .behaviour = (uint16_t)(index - 1),
        .number = shard->turn_next,
        .begun_ms = shard->now_ms,
        .payload = slice_of(event->data, event->payload_bytes),
        .state = slice_of(event->data + event->payload_bytes, event->state_bytes),
    };
    return worker_append_aside(worker, &tenant, &turn);
}

static bool heard(const struct hook_queue *queue) {
    uint16_t hook = head_of(queue)->kind == TURN_CHANGED ? CALLBACK_CHANGED : CALLBACK_ENDED;
    return (queue->hooks & hook) != 0;
}

// False if there is no room for it now.
static bool send(struct shard *shard, struct hook_queue *queue, struct worker *worker) {
    enum status status = heard(queue) ? append(shard, queue, worker) : STATUS_NOT_FOUND;
    if (status == STATUS_AGAIN) return false;
    if (status != STATUS_OK) {
        drop_head(shard, queue);
        place(shard, queue);
        return true;
    }
    shard->metrics.hooks++;
    queue->turn = shard->turn_next++;
    list_remove(&queue->link);
    list_push(&queue->crew->sent, &queue->link);
    return true;
}

static void note_age(const struct shard *shard, struct crew *crew) {
    if (crew->code == shard->code) {
        crew->old_ms = 0;
    } else if (crew->old_ms == 0) {
        crew->old_ms = shard->now_ms;
    }
}

// Of a unit that lives it is the unit that keeps the old code, and is asked to let it go.
static bool outlived(const struct shard *shard, const struct hook_queue *queue) {
    uint64_t old_ms = queue->crew->old_ms;
    return queue->listening == NULL && old_ms != 0 && shard->now_ms >= old_ms + OLD_CODE_MS;
}

static void work(struct shard *shard, struct crew *crew) {
    note_age(shard, crew);
    while (!list_empty(&crew->ready)) {
        struct hook_queue *queue = queue_at(crew->ready.next);
        if (outlived(shard, queue)) {
            drop_all(shard, queue);
            continue;
        }
        struct penalty *penalty = penalty_of(crew, queue->behaviour);
        if (penalty != NULL && penalty->serving) {
            list_remove(&queue->link);
            list_push(&penalty->held, &queue->link);
            continue;
        }
        struct worker *worker = free_worker(crew);
        if (worker == NULL || !send(shard, queue, worker)) return;
    }
}

static void let_go(struct hooks *hooks, struct list *queues) {
    while (!list_empty(queues)) {
        struct hook_queue *queue = queue_at(queues->next);
        while (!list_empty(&queue->events)) pop_head(hooks, queue);
        queue_free(queue);
    }
}

static void penalty_free(struct shard *shard, struct penalty *penalty) {
    CHECK(list_empty(&penalty->held));
    heap_cancel(&shard->timers, &penalty->timer);
    list_remove(&penalty->link);
    free(penalty);
}

static void let_all_go(struct shard *shard, struct crew *crew) {
    let_go(&shard->hooks, &crew->ready);
    let_go(&shard->hooks, &crew->sent);
    while (!list_empty(&crew->penalties)) {
        struct penalty *penalty = LIST_ENTRY(crew->penalties.next, struct penalty, link);
        let_go(&shard->hooks, &penalty->held);
        penalty_free(shard, penalty);
    }
}

void hooks_work(struct shard *shard) {
    struct list *crews = &shard->hooks.crews;
    for (struct list *link = crews->next, *next; link != crews; link = next) {
        next = link->next;
        if (shard->stopping) {
            let_all_go(shard, crew_at(link));
        } else {
            work(shard, crew_at(link));
        }
        crew_tidy(shard, crew_at(link));
    }
}

// The hosts and their pools are gone.
void hooks_fini(struct shard *shard) {
    while (!list_empty(&shard->hooks.crews)) {
        struct crew *crew = crew_at(shard->hooks.crews.next);
        let_all_go(shard, crew);
        crew->pool = NULL;
        crew_tidy(shard, crew);
    }
}

// --- answers ---

static struct hook_queue *find_sent(const struct hooks *hooks, uint64_t turn) {
    for (struct list *link = hooks->crews.next; link != &hooks->crews; link = link->next) {
        const struct list *sent = &crew_at(link)->sent;
        for (struct list *at = sent->next; at != sent; at = at->next) {
            if (queue_at(at)->turn == turn) return queue_at(at);
        }
    }
    return NULL;
}

static bool legal_code(uint8_t code) {
    return (code >= COMMIT_CODE_RAISE && code <= COMMIT_CODE_MEMORY) ||
           code == COMMIT_CODE_DEADLINE;
}

static bool legal(const struct commit *commit) {
    const struct commit_record *record = &commit->record;
    struct item                 item;
    uint32_t                    at = 0;
    bool                        crash = record->kind == COMMIT_CRASH;
    if (!crash && record->kind != COMMIT_DONE) return false;
    if ((record->flags & ~COMMIT_BULK) != 0) return false;
    if (crash && !legal_code(record->code)) return false;
    while (commit_item(commit, &at, &item)) {
        bool report = item.kind == ITEM_REASON || item.kind == ITEM_TEXT || item.kind == ITEM_TRACE;
        bool message = item.kind == ITEM_SEND || item.kind == ITEM_CAST;
        if (crash ? !report : !message) return false;
    }
    return true;
}

static const char *name_text(const struct hook_queue *queue, char room[static NAME_TEXT_BYTES]) {
    return log_quote(room, NAME_TEXT_BYTES, queue->name, queue->name_bytes);
}

static const char *callback_text(const struct hook_queue *queue) {
    return head_of(queue)->kind == TURN_CHANGED ? "on_state_changed" : "on_terminate";
}

static void note_crash(struct shard *shard, const struct hook_queue *queue,
                       const struct commit *commit) {
    char name[NAME_TEXT_BYTES], reason[REASON_TEXT_BYTES], text[REASON_TEXT_BYTES];
    value_text(reason, sizeof reason,
               (struct peeper_value){commit->reason.data, commit->reason.bytes});
    shard->metrics.hook_crashes++;
    LOG_WARN("listener.crashed", "name=%s unit=%llu behaviour=%s callback=%s reason=%s text=%s",
             name_text(queue, name), (unsigned long long)queue->unit,
             shard->behaviours.rows[queue->behaviour].name, callback_text(queue), reason,
             log_quote(text, sizeof text, commit->text.data, (uint32_t)commit->text.bytes));
}

static void run_effects(struct shard *shard, const struct commit *commit) {
    struct item item;
    uint32_t    at = 0;
    while (commit_item(commit, &at, &item)) {
        enum turn_kind kind = item.kind == ITEM_SEND ? TURN_INFO : TURN_CAST;
        request_effect_message(shard, kind, item.name, item.body);
    }
}

enum status hooks_answered(struct shard *shard, const struct turn_record *turn,
                           const struct commit *commit) {
    if (!legal(commit)) return STATUS_PROTOCOL;
    struct hook_queue *queue = find_sent(&shard->hooks, turn->turn);
    if (queue == NULL) return STATUS_OK; // let go
    if (commit->record.kind == COMMIT_CRASH) {
        note_crash(shard, queue, commit);
    } else {
        run_effects(shard, commit);
    }
    pop_head(&shard->hooks, queue);
    place(shard, queue);
    return STATUS_OK;
}

// --- a host is lost ---

static struct penalty *penalty_make(struct crew *crew, uint16_t behaviour) {
    struct penalty *penalty = penalty_of(crew, behaviour);
    if (penalty != NULL) return penalty;
    penalty = calloc(1, sizeof *penalty);
    if (penalty == NULL) return NULL;
    penalty->crew = crew;
    penalty->behaviour = behaviour;
    penalty->timer.kind = TIMER_PENALTY;
    list_init(&penalty->held);
    list_push(&crew->penalties, &penalty->link);
    return penalty;
}

static uint64_t next_delay_ms(struct penalty *penalty) {
    uint64_t delay_ms = PENALTY_MS_MIN << penalty->step;
    if (delay_ms >= PENALTY_MS_MAX) return PENALTY_MS_MAX;
    penalty->step++;
    return delay_ms;
}

// One that serves already has lost another host before it was known to. Without memory for a
// penalty it goes on at once.
static uint64_t punish(struct shard *shard, struct crew *crew, uint16_t behaviour) {
    struct penalty *penalty = penalty_make(crew, behaviour);
    if (penalty == NULL || penalty->serving) return 0;
    uint64_t delay_ms = next_delay_ms(penalty);
    if (heap_arm(&shard->timers, &penalty->timer, shard->now_ms + delay_ms) != STATUS_OK) {
        // Nothing would ever end it.
        penalty_free(shard, penalty);
        return 0;
    }
    penalty->serving = true;
    return delay_ms;
}

void hooks_penalty_due(struct shard *shard, struct penalty *penalty) {
    bool served = penalty->serving;
    penalty->serving = false;
    list_splice(&penalty->crew->ready, &penalty->held);
    // From here on it has to be quiet.
    uint64_t until_ms = shard->now_ms + PENALTY_MS_MAX;
    if (served && heap_arm(&shard->timers, &penalty->timer, until_ms) == STATUS_OK) return;
    penalty_free(shard, penalty);
}

static const char *const END_TEXTS[] = {
    [HOST_END_EXITED] = "exited",     [HOST_END_SIGNAL] = "signal",
    [HOST_END_DEADLINE] = "deadline", [HOST_END_MEMORY] = "memory",
    [HOST_END_NONSENSE] = "nonsense", [HOST_END_RETIRED] = "retired",
};

static void convict(struct shard *shard, struct hook_queue *queue, enum host_end end) {
    char     name[NAME_TEXT_BYTES];
    uint64_t delay_ms = punish(shard, queue->crew, queue->behaviour);
    shard->metrics.hook_crashes++;
    LOG_WARN("listener.killed_host",
             "name=%s unit=%llu behaviour=%s callback=%s end=%s delay_ms=%llu",
             name_text(queue, name), (unsigned long long)queue->unit,
             shard->behaviours.rows[queue->behaviour].name, callback_text(queue), END_TEXTS[end],
             (unsigned long long)delay_ms);
    drop_head(shard, queue);
}

static void lose(struct shard *shard, uint64_t turn, bool suspect, bool guilty, enum host_end end) {
    struct hook_queue *queue = find_sent(&shard->hooks, turn);
    if (queue == NULL) return;
    queue->turn = 0;
    queue->losses = (uint8_t)(queue->losses + suspect);
    if (guilty || queue->losses >= LOSSES_MAX) convict(shard, queue, end);
    place(shard, queue);
}

void hooks_host_lost(struct shard *shard, const struct host *host, enum host_end end,
                     const struct worker *culprit) {
    if (host->pool->kind != POOL_OF_LISTENERS) return;
    for (struct host_turn turn = {0}; host_next_turn(host, &turn);) {
        lose(shard, turn.record->turn, turn.running && culprit == NULL,
             turn.running && turn.worker == culprit, end);
    }
}
