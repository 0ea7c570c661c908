#include "commands.h"

#include "value_diff.h"

#include <peeper/generations.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum exit_code command_generations(struct peeper_sync      *peeper,
                                   const struct invocation *invocation) {
    struct peeper_generations generations;
    bool                      json = invocation->json || !isatty(STDOUT_FILENO);
    enum peeper_status status = peeper_sync_generations(peeper, invocation->target, &generations);
    if (status != PEEPER_STATUS_OK) return command_refused(peeper, invocation);
    return output_generations(&generations, json);
}

// The state of a version, copied: the next request takes the memory of the last answer.
static enum peeper_status get(struct peeper_sync *peeper, const struct invocation *invocation,
                              uint64_t version, struct peeper_value *ret_copy) {
    struct peeper_state state;
    enum peeper_status  status =
        peeper_sync_get_version(peeper, invocation->target, version, &state);
    if (status != PEEPER_STATUS_OK) return status;
    uint8_t *copy = malloc(state.value.bytes + 1);
    if (copy == NULL) return PEEPER_STATUS_NO_MEMORY;
    if (state.value.bytes > 0) memcpy(copy, state.value.data, state.value.bytes);
    *ret_copy = (struct peeper_value){copy, state.value.bytes};
    return PEEPER_STATUS_OK;
}

enum exit_code command_diff(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_value first = {0}, second = {0};
    enum exit_code      code = EXIT_CODE_REFUSED;
    if (get(peeper, invocation, invocation->versions[0], &first) != PEEPER_STATUS_OK ||
        get(peeper, invocation, invocation->versions[1], &second) != PEEPER_STATUS_OK) {
        // As diff: 1 says that they differ, 2 that they could not be compared.
        (void)command_refused(peeper, invocation);
        code = EXIT_CODE_USAGE;
    } else {
        int differ = value_diff(stdout, first, second);
        if (differ < 0) fputs("peeper: out of memory\n", stderr);
        code = differ < 0 ? EXIT_CODE_USAGE : differ > 0 ? EXIT_CODE_REFUSED : EXIT_CODE_OK;
    }
    free((void *)(uintptr_t)first.data);
    free((void *)(uintptr_t)second.data);
    return code;
}

enum exit_code command_restore(struct peeper_sync *peeper, const struct invocation *invocation) {
    return command_finish(peeper, invocation,
                          peeper_sync_restore_state(peeper, invocation->target,
                                                    invocation->versions[0],
                                                    invocation->start.timeout_ms));
}
