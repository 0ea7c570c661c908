#include "boot/tree_start.h"

#include "base/check.h"
#include "base/value_text.h"
#include "keeper/reason.h"
#include "keeper/requests.h"
#include "keeper/spec.h"
#include "keeper/waiter.h"

#include <stdio.h>

// The requests, by their ids.
enum { REQUEST_START = 1, REQUEST_STOP, REQUEST_END };

static void done(struct tree_start *start, enum tree_outcome outcome) {
    start->over = outcome != TREE_UP;
    atomic_store(&start->outcome, outcome);
    start->on_done(start->context);
}

static void say(struct tree_start *start, const char *text) {
    snprintf(start->message.text, sizeof start->message.text, "%s", text);
}

static struct caller caller_of(const struct tree_start *start, uint64_t request) {
    return (struct caller){start->caller.conn, start->caller.generation, request};
}

static struct slice spec_of(const struct tree_file *file) {
    struct peeper_value spec = peeper_writer_value(&file->spec);
    return slice_of(spec.data, spec.bytes);
}

static void run(struct shard *shard, struct tree_start *start, struct request *request) {
    // Verbs of supervisors take no room in the rings, so that they are never put off.
    CHECK(request_run(shard, caller_of(start, request->id), request) != STATUS_AGAIN);
}

// --- Starting ------------------------------------------------------------------------------------

// Whether the spec is good. It is read once more when it is started; here for the line of what is
// wrong, and for what a client may say and a person can only have meant otherwise.
static bool check_spec(struct shard *shard, struct tree_start *start) {
    struct spec_fault fault = {0};
    enum status status = spec_check_strictly(&shard->behaviours, spec_of(start->file), &fault);
    if (status == STATUS_OK) return true;
    if (status == STATUS_NO_MEMORY) {
        say(start, status_text(status));
    } else {
        tree_file_complain(start->file, fault.message, &start->message);
    }
    spec_fault_fini(&fault);
    return false;
}

static void deliver_begin(struct shard_message *message, struct shard *shard) {
    struct tree_start *start = LIST_ENTRY(message, struct tree_start, begin);
    start->shard = shard;
    if (!check_spec(shard, start)) {
        done(start, TREE_BAD);
    } else if (start->check_only) {
        done(start, TREE_CHECKED);
    } else {
        // Each init has its own time; how long all may take is for whoever waits to say.
        struct request request = {.id = REQUEST_START,
                                  .verb = VERB_START_SUPERVISOR,
                                  .name = start->file->name,
                                  .payload = spec_of(start->file),
                                  .limit_ms = DEADLINE_MS_MAX};
        run(shard, start, &request);
    }
}

static void explain(struct tree_start *start, const struct failure *failure) {
    char                what[300];
    struct peeper_value reason = {failure->reason.data, failure->reason.bytes};
    snprintf(what, sizeof what, "not started: %s: %.200s", status_name(failure->status),
             failure->message == NULL ? status_text(failure->status) : failure->message);
    tree_file_blame(start->file, what, reason, &start->message);
}

// Asks to be told of its end. False without memory.
static bool watch(struct tree_start *start) {
    struct actor *actor = actor_by_id(&start->shard->actors, start->id);
    CHECK(actor != NULL);
    return waiter_create(start->shard, actor->supervisor, WAITER_END, caller_of(start, REQUEST_END),
                         0) != NULL;
}

static void started(struct tree_start *start, const struct answer *answer) {
    if (answer->kind == ANSWER_STARTED) start->id = answer->id;
    if (start->stopping) return; // the stop tells
    if (answer->kind != ANSWER_STARTED) {
        CHECK(answer->kind == ANSWER_ERROR);
        explain(start, answer->failure);
        done(start, TREE_FAILED);
    } else if (start->watch && !watch(start)) {
        say(start, status_text(STATUS_NO_MEMORY));
        done(start, TREE_FAILED);
    } else {
        done(start, TREE_UP);
    }
}

static void ended(struct tree_start *start, const struct failure *failure) {
    if (start->stopping) return; // the stop tells
    struct peeper_value reason = {failure->reason.data, failure->reason.bytes};
    value_text(start->message.text, sizeof start->message.text, reason);
    done(start, TREE_ENDED);
}

// --- Stopping ------------------------------------------------------------------------------------

static void deliver_end(struct shard_message *message, struct shard *shard) {
    struct tree_start *start = LIST_ENTRY(message, struct tree_start, end);
    struct request     request = {.id = REQUEST_STOP,
                                  .verb = VERB_STOP,
                                  .name = start->file->name,
                                  .target = start->id,
                                  .payload = reason_shutdown(),
                                  .limit_ms = TREE_STOP_MS};
    // What has the name now is somebody else's.
    if (start->over) return;
    start->stopping = true;
    run(shard, start, &request);
}

// One that is not there any more has stopped, too.
static void stopped(struct tree_start *start, const struct answer *answer) {
    bool stuck = answer->kind == ANSWER_ERROR && answer->failure->status == STATUS_TIMEOUT;
    done(start, stuck ? TREE_STUCK : TREE_STOPPED);
}

// --- In ------------------------------------------------------------------------------------------

void tree_start_answer(struct tree_start *start, uint64_t request, const struct answer *answer) {
    switch (request) {
        case REQUEST_START: started(start, answer); break;
        case REQUEST_STOP: stopped(start, answer); break;
        case REQUEST_END: ended(start, answer->failure); break;
        default: CHECK(false);
    }
}

static bool push(struct shard *shard, struct shard_message *message,
                 void (*deliver)(struct shard_message *, struct shard *)) {
    message->deliver = deliver;
    return mailbox_push(&shard->inbox, &message->link) == STATUS_OK;
}

void tree_start_begin(struct tree_start *start, struct shard *shard) {
    if (push(shard, &start->begin, deliver_begin)) return;
    say(start, status_text(STATUS_OVERLOADED));
    done(start, TREE_FAILED);
}

void tree_start_stop(struct tree_start *start, struct shard *shard) {
    if (!push(shard, &start->end, deliver_end)) done(start, TREE_STUCK);
}
