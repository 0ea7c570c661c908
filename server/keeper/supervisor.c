#include "keeper/supervisor.h"

#include "base/check.h"
#include "base/log.h"
#include "keeper/isolation.h"
#include "keeper/life.h"
#include "keeper/listing.h"
#include "keeper/reason.h"
#include "keeper/sequence.h"
#include "keeper/start.h"
#include "keeper/timers.h"
#include "keeper/waiter.h"

#include <stdlib.h>
#include <string.h>

#define SETTLE_MAX 4096u // news per settling; a loop of failures must leave time for others
#define SETTLE_PAUSE_MS 1u
#define REASON_KEPT_BYTES_MAX (16u << 10)

// --- Children ------------------------------------------------------------------------------------

// After some billions of children the numbers begin anew, in the same order.
static void renumber(struct supervisor *sup) {
    sup->number_next = 0;
    sup->number_first = 0;
    for (struct child *child = supervisor_first(sup); child != NULL; child = child_next(child)) {
        child->number = ++sup->number_next;
    }
}

struct child *supervisor_add(struct shard *shard, struct supervisor *sup, struct child_spec *spec) {
    struct child *child =
        child_create(&shard->children, sup, &sup->children, supervisor_simple(sup) ? NULL : spec);
    if (child == NULL) return NULL;
    if (sup->number_next == UINT32_MAX) renumber(sup);
    child->number = ++sup->number_next;
    sup->child_count++;
    return child;
}

void supervisor_remove(struct shard *shard, struct child *child) {
    struct supervisor *sup = child->parent;
    if (sup->cursor == child) {
        sup->cursor = sup->phase == PHASE_STOPPING ? child_previous(child) : child_next(child);
    }
    if (child->marked) listing_forget(&shard->listing, child);
    sup->child_count--;
    child_destroy(&shard->children, child);
}

struct slice supervisor_stop_reason(const struct supervisor *sup) {
    return sup->brutal ? reason_killed() : reason_shutdown();
}

// --- News ----------------------------------------------------------------------------------------

// Kept until the news are heard; without memory for it they are heard without.
static void keep_reason(struct child *child, struct slice reason) {
    if (reason.bytes > REASON_KEPT_BYTES_MAX) reason = reason_too_large();
    free(child->reason);
    child->reason = reason.bytes == 0 ? NULL : malloc(sizeof(struct kept_reason) + reason.bytes);
    if (child->reason == NULL) return;
    child->reason->bytes = (uint32_t)reason.bytes;
    memcpy(child->reason->value, reason.data, reason.bytes);
}

void supervisor_news(struct shard *shard, struct child *child, enum news news, struct slice reason,
                     bool abnormal) {
    child->was_up = child->news == NEWS_UP && news == NEWS_DOWN;
    if (child->was_up) child->adding = false;
    child->news = (uint8_t)news;
    child->abnormal = abnormal;
    keep_reason(child, news == NEWS_UP ? (struct slice){0} : reason);
    if (list_empty(&child->news_link)) list_push(&shard->news, &child->news_link);
}

void supervisor_forget_news(struct child *child) {
    list_remove(&child->news_link);
    child->news = NEWS_NONE;
    keep_reason(child, (struct slice){0});
}

// --- What the news mean --------------------------------------------------------------------------

// What news tell beside their kind.
struct told {
    struct slice reason;
    bool         abnormal;
    bool         was_up;
};

static struct told hear_of(const struct child *child) {
    const struct kept_reason *kept = child->reason;
    return (struct told){
        .reason = kept == NULL ? (struct slice){0} : slice_of(kept->value, kept->bytes),
        .abnormal = child->abnormal,
        .was_up = child->was_up,
    };
}

// The group that falls with `child`: itself, itself and those after it, or all.
static void restart_by_strategy(struct shard *shard, struct supervisor *sup, struct child *child) {
    switch ((enum strategy)sup->spec->strategy) {
        case ONE_FOR_ALL: sequence_stop(sup, 0, SEQUEL_START); return;
        case REST_FOR_ONE: sequence_stop(sup, child->number, SEQUEL_START); return;
        default: sequence_again(shard, child); return;
    }
}

static struct slice unit_name(const struct child *child) {
    return child->actor == NULL ? (struct slice){0} : actor_name(child->actor);
}

// `straw` was the last one.
static void give_up(struct supervisor *sup, const struct child *straw) {
    char         name[300], child[300];
    struct slice id = straw->spec == NULL ? unit_name(straw) : child_spec_id(straw->spec);
    LOG_ERROR("supervisor.gave_up",
              "name=%s unit=%llu intensity=%u period_ms=%u child=%s child_unit=%llu",
              log_quote(name, sizeof name, actor_name(sup->actor).data, sup->actor->name_bytes),
              (unsigned long long)sup->actor->unit, sup->spec->intensity, sup->spec->period_ms,
              log_quote(child, sizeof child, id.data, (uint32_t)id.bytes),
              straw->actor == NULL ? 0 : (unsigned long long)straw->actor->unit);
    sequence_end(sup, reason_shutdown());
    sup->gave_up = true;
}

// One more restart, because of `child`. False: there were too many, and the supervisor ends.
static bool allowed(struct shard *shard, struct supervisor *sup, const struct child *child) {
    if (window_count(&sup->window, shard->now_ms, sup->spec->period_ms) <= sup->spec->intensity) {
        return true;
    }
    give_up(sup, child);
    return false;
}

bool supervisor_auto_due(const struct supervisor *sup) {
    if (sup->spec->auto_shutdown == AUTO_ANY_SIGNIFICANT) return true;
    return sup->spec->auto_shutdown == AUTO_ALL_SIGNIFICANT && sup->significant == 0;
}

// It ended by itself and stays away. What that means to a supervisor that is coming up is seen when
// it is up, as in OTP: a short task among those that are started first fails no start.
static void let_go(struct shard *shard, struct supervisor *sup, struct child *child,
                   const struct told *told) {
    bool significant = child_spec_of(child)->significant;
    bool keep = child_is_supervisor(child) && child->actor->supervisor->gave_up;
    sequence_end_unit(shard, child, told->reason, keep);
    if (child_temporary(child) || supervisor_simple(sup)) supervisor_remove(shard, child);
    if (!significant) return;
    if (sup->phase == PHASE_STARTING) {
        sup->auto_due = true;
    } else if (supervisor_auto_due(sup)) {
        sequence_end(sup, reason_shutdown());
    }
}

// One that guards itself counts for itself, by what the specs say now. False: it has to wait.
static bool guard(struct shard *shard, const struct supervisor *sup, const struct child *child) {
    struct actor *actor = child->actor;
    actor->on_intensity = child_spec_of(child)->on_intensity & 3u;
    actor->intensity = sup->spec->intensity;
    actor->period_ms = sup->spec->period_ms;
    return life_guard(shard, actor);
}

static void hear_down(struct shard *shard, struct supervisor *sup, struct child *child,
                      const struct told *told) {
    const struct child_spec *spec = child_spec_of(child);
    bool                     again = spec->restart == RESTART_PERMANENT ||
                 (spec->restart == RESTART_TRANSIENT && told->abnormal);
    if (!again) {
        let_go(shard, sup, child, told);
        return;
    }
    if (spec->on_intensity != INTENSITY_STOP && !child_is_supervisor(child)) {
        if (!guard(shard, sup, child)) return;
    } else if (!allowed(shard, sup, child)) {
        return;
    }
    restart_by_strategy(shard, sup, child);
}

static void hear_due(struct shard *shard, struct supervisor *sup, struct child *child,
                     const struct told *told) {
    (void)told;
    restart_by_strategy(shard, sup, child);
}

static void hear_up(struct shard *shard, struct supervisor *sup, struct child *child,
                    const struct told *told) {
    (void)shard;
    (void)sup;
    (void)told;
    child->adding = false;
}

// Its starter has been told. One that was being added goes with its spec.
static void hear_failed(struct shard *shard, struct supervisor *sup, struct child *child,
                        const struct told *told) {
    (void)sup;
    (void)told;
    if (child->adding) supervisor_remove(shard, child);
}

// No unit, and that is no error: the spec stays, unless nothing could be done with it.
static void hear_ignored(struct shard *shard, struct supervisor *sup, struct child *child,
                         const struct told *told) {
    (void)told;
    child->adding = false;
    if (child_temporary(child) || supervisor_simple(sup)) supervisor_remove(shard, child);
}

// --- ... while children are started one after the other

static void write_failed_child(struct peeper_writer *writer, const struct child *child,
                               struct slice reason) {
    struct slice id = child->spec == NULL ? (struct slice){0} : child_spec_id(child->spec);
    peeper_write_list(writer);
    peeper_write_string(writer, "shutdown");
    peeper_write_list(writer);
    peeper_write_string(writer, "failed_to_start_child");
    peeper_write_string_n(writer, (const char *)id.data, id.bytes);
    peeper_write_value(writer, (struct peeper_value){reason.data, reason.bytes});
    peeper_write_end(writer);
    peeper_write_end(writer);
}

// The child at the cursor did not start. The supervisor's own start fails with it; a restart of a
// group is one more restart, and is tried again.
static void cursor_failed(struct shard *shard, struct supervisor *sup, struct child *child,
                          const struct told *told) {
    bool guarded = child->actor != NULL && child_spec_of(child)->on_intensity != INTENSITY_STOP;
    if (guarded && !child_is_supervisor(child)) {
        // It counts for itself, and nobody waits for it.
        if (guard(shard, sup, child)) {
            sequence_again(shard, child);
        } else {
            sup->cursor = child_next(child);
        }
    } else if (sup->actor->life != ACTOR_RUNNING) {
        sup->relapsed = sup->born;
        struct peeper_writer writer = {0};
        write_failed_child(&writer, child, told->reason);
        if (!peeper_writer_done(&writer)) {
            // Inside the others it would nest too deep.
            peeper_writer_reset(&writer);
            write_failed_child(&writer, child, reason_malformed());
        }
        struct peeper_value reason = peeper_writer_value(&writer);
        sequence_end(sup, slice_of(reason.data, reason.bytes));
        peeper_writer_fini(&writer);
    } else if (allowed(shard, sup, child)) {
        sequence_stop(sup, sup->spec->strategy == ONE_FOR_ALL ? 0 : child->number, SEQUEL_START);
    }
}

static void start_hear_up(struct shard *shard, struct supervisor *sup, struct child *child,
                          const struct told *told) {
    hear_up(shard, sup, child, told);
    if (child == sup->cursor) sup->cursor = child_next(child);
}

static void start_hear_down(struct shard *shard, struct supervisor *sup, struct child *child,
                            const struct told *told) {
    if (child == sup->cursor && !told->was_up) {
        cursor_failed(shard, sup, child, told);
        return;
    }
    if (child == sup->cursor) sup->cursor = child_next(child);
    hear_down(shard, sup, child, told);
}

// One that somebody adds meanwhile is no part of what is being started.
static void start_hear_failed(struct shard *shard, struct supervisor *sup, struct child *child,
                              const struct told *told) {
    if (child == sup->cursor && !child->adding) {
        cursor_failed(shard, sup, child, told);
    } else {
        hear_failed(shard, sup, child, told);
    }
}

static void start_hear_ignored(struct shard *shard, struct supervisor *sup, struct child *child,
                               const struct told *told) {
    if (child == sup->cursor) sup->cursor = child_next(child);
    hear_ignored(shard, sup, child, told);
}

static void start_hear_due(struct shard *shard, struct supervisor *sup, struct child *child,
                           const struct told *told) {
    (void)told;
    // It is begun when its turn comes.
    if (child == sup->cursor) return;
    restart_by_strategy(shard, sup, child);
}

// --- ... while children are stopped

// One outside the group falls as ever; one inside is down before it was asked.
static void stop_hear_down(struct shard *shard, struct supervisor *sup, struct child *child,
                           const struct told *told) {
    if (sup->sequel == SEQUEL_START && child->number < sup->number_first) {
        hear_down(shard, sup, child, told);
    }
}

static void stop_hear_due(struct shard *shard, struct supervisor *sup, struct child *child,
                          const struct told *told) {
    (void)told;
    if (sup->sequel == SEQUEL_START && child->number < sup->number_first) {
        restart_by_strategy(shard, sup, child);
    }
}

typedef void hear(struct shard *shard, struct supervisor *sup, struct child *child,
                  const struct told *told);

static hear *const HEARS[PHASES][NEWS_KINDS] = {
    [PHASE_STEADY] = {[NEWS_UP] = hear_up,
                      [NEWS_DOWN] = hear_down,
                      [NEWS_FAILED] = hear_failed,
                      [NEWS_IGNORED] = hear_ignored,
                      [NEWS_DUE] = hear_due},
    [PHASE_STARTING] = {[NEWS_UP] = start_hear_up,
                        [NEWS_DOWN] = start_hear_down,
                        [NEWS_FAILED] = start_hear_failed,
                        [NEWS_IGNORED] = start_hear_ignored,
                        [NEWS_DUE] = start_hear_due},
    [PHASE_STOPPING] = {[NEWS_UP] = hear_up,
                        [NEWS_DOWN] = stop_hear_down,
                        [NEWS_FAILED] = hear_failed,
                        [NEWS_IGNORED] = hear_ignored,
                        [NEWS_DUE] = stop_hear_due},
};

// A child that was asked to stop has stopped.
static void hear_stopped(struct shard *shard, struct supervisor *sup, struct child *child) {
    struct child *next = child_next(child);
    bool          waited_for = sup->phase == PHASE_STARTING && sup->cursor == child;
    sequence_finish_ending(shard, child);
    if (waited_for) sup->cursor = next;
}

void supervisor_settle(struct shard *shard) {
    for (struct list *link; (link = list_pop(&shard->asked)) != NULL;) {
        sequence_advance(shard, LIST_ENTRY(link, struct supervisor, asked));
    }
    for (uint32_t i = 0; i < SETTLE_MAX; i++) {
        struct list *link = list_pop(&shard->news);
        if (link == NULL) return;
        struct child       *child = LIST_ENTRY(link, struct child, news_link);
        struct supervisor  *sup = child->parent;
        enum news           news = (enum news)child->news;
        struct told         told = hear_of(child);
        struct kept_reason *reason = child->reason;
        child->reason = NULL;
        supervisor_forget_news(child);
        if (child->ending != NULL && news != NEWS_UP && news != NEWS_DUE) {
            hear_stopped(shard, sup, child);
        } else {
            HEARS[sup->phase][news](shard, sup, child, &told);
        }
        free(reason);
        sequence_advance(shard, sup);
    }
    if (!list_empty(&shard->news)) supervisor_settle_later(shard);
}

void supervisor_settle_later(struct shard *shard) {
    shard->unsettled.kind = TIMER_SETTLE;
    if (heap_arm(&shard->timers, &shard->unsettled, shard->now_ms + SETTLE_PAUSE_MS) != STATUS_OK) {
        LOG_WARN("timer.unarmed", "what=settle");
    }
}

// --- What the verbs want -------------------------------------------------------------------------

enum status supervisor_create(struct shard *shard, struct supervisor_spec *spec, struct slice name,
                              struct child *child, struct supervisor **ret_supervisor) {
    struct supervisor *sup = calloc(1, sizeof *sup);
    if (sup == NULL) return STATUS_NO_MEMORY;
    struct actor *actor;
    enum status   status = start_unit(shard, name, (struct slice){0}, &actor);
    if (status != STATUS_OK) {
        free(sup);
        return status;
    }
    actor->unit = shard->unit_next++;
    actor->mailbox_max = 1; // none ever waits; what is sent is refused for a better reason
    list_init(&sup->children);
    list_init(&sup->waiters);
    list_init(&sup->asked);
    sup->spec = supervisor_spec_hold(spec);
    sup->actor = actor;
    actor->supervisor = sup;
    actor->child = child;
    if (child != NULL) child_set_unit(child, actor);
    // Its first step is taken when its starter has entered itself as one who waits.
    sup->phase = PHASE_STARTING;
    *ret_supervisor = sup;
    return STATUS_OK;
}

bool supervisor_ending(const struct supervisor *sup) {
    return sup->actor->life == ACTOR_DOWN ||
           (sup->phase == PHASE_STOPPING && sup->sequel == SEQUEL_DOWN);
}

void supervisor_stop(struct shard *shard, struct supervisor *sup, struct slice reason) {
    if (sup->actor->life == ACTOR_DOWN) return;
    sequence_end(sup, reason);
    sequence_advance(shard, sup);
}

void supervisor_stop_soon(struct shard *shard, struct supervisor *sup, struct slice reason) {
    if (supervisor_ending(sup)) return;
    sequence_end(sup, reason);
    list_push(&shard->asked, &sup->asked);
}

void supervisor_kill(struct shard *shard, struct supervisor *sup) {
    if (sup->actor->life == ACTOR_DOWN) return;
    sequence_end(sup, reason_killed());
    sup->brutal = true;
    sup->parallel = true;
    sup->swept = false;
    sequence_advance(shard, sup);
}

void supervisor_patience_over(struct shard *shard, struct ending *ending) {
    struct supervisor *sup = ending->child->parent;
    sequence_hurry(shard, ending->child);
    sequence_advance(shard, sup);
}

void supervisor_fill_request(const struct child *child, struct request *request) {
    const struct child_spec      *spec = child_spec_of(child);
    const struct supervisor_spec *own = child->parent->spec;
    request->limit_ms = request->limit_ms == 0 ? spec->timeout_ms : request->limit_ms;
    request->restart = spec->restart;
    request->on_intensity = spec->on_intensity;
    request->mailbox_max = spec->mailbox_max;
    request->hibernate_after_ms = spec->hibernate_after_ms;
    request->generations = spec->generations;
    request->step_back = spec->step_back;
    request->listener = child_spec_listener(spec);
    request->no_trap_exit = spec->no_trap_exit;
    request->isolation = spec->own_host ? ISOLATION_OWN : ISOLATION_SHARED;
    request->keep = spec->keep_all ? KEEP_ALL : KEEP_LISTED;
    request->keep_names = child_spec_keep(spec);
    request->has_intensity = true;
    request->intensity = own->intensity;
    request->period_ms = own->period_ms;
    if (child->spec == NULL) return; // name and argument are its own
    request->name = child_spec_name(spec);
    if (request->payload.bytes == 0) request->payload = child_spec_argument(spec);
}

enum status supervisor_start_child(struct shard *shard, struct child *child, struct caller caller,
                                   struct request *request) {
    supervisor_fill_request(child, request);
    enum status status = sequence_start_child(shard, child, caller, request);
    if (status != STATUS_OK && child->adding) supervisor_remove(shard, child);
    return status;
}

// Whether a restart that is under way has still to begin `child`.
static bool to_be_begun(const struct supervisor *sup, const struct child *child) {
    if (sup->phase == PHASE_STOPPING) {
        return sup->sequel == SEQUEL_START && child->number >= sup->number_first;
    }
    return sup->phase == PHASE_STARTING && sup->cursor != NULL &&
           child->number >= sup->cursor->number;
}

void supervisor_stop_child(struct shard *shard, struct child *child, struct waiter *waiter) {
    struct supervisor *sup = child->parent;
    if (to_be_begun(sup, child)) {
        child->away = true;
        sup->away++;
    }
    if (child->ending == NULL && child_live(child)) {
        (void)sequence_stop_child(shard, child, ENDING_END, supervisor_stop_reason(sup));
    }
    if (child->ending != NULL) {
        // Others may wait for the same; all are told when it is over.
        child->ending->kind = ENDING_END;
        list_push(&child->ending->waiters, &waiter->link);
        return;
    }
    struct child *next = child_next(child);
    bool          waited_for = sup->phase == PHASE_STARTING && sup->cursor == child;
    sequence_stopped(shard, child, ENDING_END);
    if (waited_for) sup->cursor = next;
    waiter_done(shard, waiter);
    sequence_advance(shard, sup);
}

// The id is the same, so the place in the index is, too.
static void take_spec(struct child *child, struct child_spec *spec) {
    struct actor *actor = child->actor;
    child_set_unit(child, NULL);
    child_spec_hold(spec);
    child_spec_release(child->spec);
    child->spec = spec;
    child_set_unit(child, actor);
}

// Adds a child for each spec that has none yet: all, or none without memory.
static enum status add_missing(struct shard *shard, struct supervisor *sup,
                               const struct supervisor_spec *spec) {
    uint32_t added = 0;
    for (uint32_t i = 0; i < spec->count; i++) {
        struct child_spec *own = spec->children[i];
        if (child_find(&shard->children, sup, child_spec_id(own)) != NULL) continue;
        if (supervisor_add(shard, sup, own) == NULL) {
            while (added-- > 0) supervisor_remove(shard, supervisor_last(sup));
            return STATUS_NO_MEMORY;
        }
        added++;
    }
    return STATUS_OK;
}

enum status supervisor_change(struct shard *shard, struct supervisor *sup,
                              struct supervisor_spec *spec) {
    bool simple = spec->strategy == SIMPLE_ONE_FOR_ONE;
    if (simple != supervisor_simple(sup)) return STATUS_SIMPLE_ONE_FOR_ONE;
    if (!simple) {
        enum status status = add_missing(shard, sup, spec);
        if (status != STATUS_OK) return status;
        for (uint32_t i = 0; i < spec->count; i++) {
            struct slice id = child_spec_id(spec->children[i]);
            take_spec(child_find(&shard->children, sup, id), spec->children[i]);
        }
    }
    struct supervisor_spec *before = sup->spec;
    sup->spec = supervisor_spec_hold(spec);
    supervisor_spec_release(before);
    return STATUS_OK;
}

void supervisor_drop(struct shard *shard, struct supervisor *sup) {
    while (!list_empty(&sup->waiters)) {
        waiter_destroy(shard, LIST_ENTRY(sup->waiters.next, struct waiter, link));
    }
    while (!list_empty(&sup->children)) {
        struct child *child = LIST_ENTRY(sup->children.next, struct child, link);
        if (child->ending != NULL) {
            heap_cancel(&shard->timers, &child->ending->timer);
            while (!list_empty(&child->ending->waiters)) {
                waiter_destroy(shard, LIST_ENTRY(child->ending->waiters.next, struct waiter, link));
            }
            free(child->ending);
            child->ending = NULL;
        }
        if (child->actor != NULL) child->actor->child = NULL;
        child_set_unit(child, NULL);
        child_destroy(&shard->children, child);
    }
    list_remove(&sup->asked);
    supervisor_spec_release(sup->spec);
    buf_fini(&sup->reason);
    sup->actor->supervisor = NULL;
    free(sup);
}
