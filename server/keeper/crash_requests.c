#include "keeper/crash_requests.h"

#include "keeper/requests.h"
#include "keeper/router.h"

static void refuse(struct shard *shard, struct caller caller, enum status status,
                   const char *message) {
    struct failure failure = {.status = status, .message = message};
    shard_answer_error(shard, caller, &failure);
}

// The crash that a request means; NULL if there is none, and then the caller has its answer.
static struct crash *crash_of(struct shard *shard, struct caller caller,
                              const struct request *request) {
    struct crash *crash = crash_log_find(&shard->crashes, request->crash);
    if (crash == NULL) {
        refuse(shard, caller, STATUS_NOT_FOUND,
               "no crash has this id: it was discarded, or newer ones took its place");
    }
    return crash;
}

// Who shall run the message again; NULL: nobody.
static struct actor *runner_of(const struct shard *shard, const struct crash_report *report) {
    // Restarts keep the slot, so the incarnation tells where the unit is if it still is.
    struct actor *actor = actor_at(&shard->actors, (uint32_t)report->incarnation);
    if (actor == NULL || actor->unit != report->unit || actor->life == ACTOR_ENDED) {
        actor = report->name.bytes == 0 ? NULL : actor_by_name(&shard->actors, report->name);
    }
    return actor == NULL || actor->life == ACTOR_ENDED ? NULL : actor;
}

enum status crash_redrive(struct shard *shard, struct caller caller,
                          const struct request *request) {
    struct crash *crash = crash_of(shard, caller, request);
    if (crash == NULL) return STATUS_OK;
    const char *fault = crash_redrive_fault(crash);
    if (fault == NULL && request->limit_ms > DEADLINE_MS_MAX) fault = "timeout_ms: over 3600000";
    if (fault != NULL) {
        refuse(shard, caller, STATUS_INVALID, fault);
        return STATUS_OK;
    }
    struct actor *actor = runner_of(shard, &crash->report);
    if (actor == NULL) {
        shard_answer_status(shard, caller, STATUS_NOPROC);
        return STATUS_OK;
    }
    bool        call = crash->turn == TURN_CALL;
    uint32_t    limit_ms = request->limit_ms == 0 ? DEADLINE_MS_DEFAULT : request->limit_ms;
    enum status status = router_deliver(shard, actor, crash->turn, call ? caller : CALLER_NOBODY,
                                        call ? limit_ms : 0, crash->report.message, true);
    if (status == STATUS_AGAIN) return status;
    if (status != STATUS_OK) {
        request_refuse_delivery(shard, caller, status);
        return STATUS_OK;
    }
    crash->report.redriven++;
    if (!call) shard_answer_done(shard, caller);
    return STATUS_OK;
}

enum status crash_discard(struct shard *shard, struct caller caller,
                          const struct request *request) {
    struct crash *crash = crash_of(shard, caller, request);
    if (crash == NULL) return STATUS_OK;
    crash_log_discard(&shard->crashes, crash);
    shard_answer_done(shard, caller);
    return STATUS_OK;
}
