#include "commands.h"

static struct peeper_transfer transfer_of(const struct invocation *invocation) {
    return (struct peeper_transfer){
        .actor = invocation->target,
        .target = invocation->destination,
        .source = invocation->source,
    };
}

static enum exit_code prepare(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_transfer transfer = transfer_of(invocation);
    struct peeper_prepared prepared;
    enum peeper_status     status = peeper_sync_prepare_transfer(peeper, &transfer, &prepared);
    return status == PEEPER_STATUS_OK ? output_id(prepared.handle)
                                      : command_refused(peeper, invocation);
}

enum exit_code command_transfer(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_transfer transfer = transfer_of(invocation);
    struct peeper_started  started;
    uint32_t               timeout_ms = invocation->start.timeout_ms;
    if (invocation->prepare && invocation->handle == 0) return prepare(peeper, invocation);
    enum peeper_status status =
        invocation->handle != 0
            ? peeper_sync_commit_transfer(peeper, invocation->handle, timeout_ms, &started)
            : peeper_sync_transfer(peeper, &transfer, timeout_ms, &started);
    return status == PEEPER_STATUS_OK ? output_started(&started)
                                      : command_refused(peeper, invocation);
}
