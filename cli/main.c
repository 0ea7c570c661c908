// peeper: the command line of peeperd.
#include "command.h"
#include "output.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static enum exit_code run(struct peeper_sync *peeper, const struct invocation *invocation) {
    enum peeper_status status = peeper_sync_connect(peeper, invocation->address);
    if (status == PEEPER_STATUS_OK) return invocation->command->run(peeper, invocation);

    enum exit_code code = output_error(peeper_sync_error(peeper), NULL);
    return status == PEEPER_STATUS_INVALID ? EXIT_CODE_USAGE : code;
}

int main(int argc, char **argv) {
    struct invocation invocation;
    arguments_parse(argc, argv, &invocation);
    signal(SIGPIPE, SIG_IGN); // a closed connection or a closed pipe is an answer like any other

    struct peeper_options options = {
        .token = invocation.token,
        .client = "peeper-cli/" PEEPER_VERSION,
        .connect_timeout_ms = invocation.connect_timeout_ms,
        .requests_max = 1,
    };
    struct peeper_sync *peeper;
    enum peeper_status  status = peeper_sync_create(&options, &peeper);
    if (status != PEEPER_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", peeper_status_name(status), peeper_status_text(status));
        return EXIT_CODE_REFUSED;
    }
    enum exit_code code = run(peeper, &invocation);
    peeper_sync_destroy(peeper);
    free(invocation.words_room);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("peeper: stdout cannot be written\n", stderr);
        if (code == EXIT_CODE_OK) code = EXIT_CODE_REFUSED;
    }
    return (int)code;
}
