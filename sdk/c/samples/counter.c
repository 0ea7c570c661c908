// A program that counts: starts the actor if it is not there, increments it and prints its value.
//
//     counter HOST:PORT NAME
#include <peeper/client.h>

#include <inttypes.h>
#include <stdio.h>

static int complain(const struct peeper_sync *peeper) {
    const struct peeper_error *error = peeper_sync_error(peeper);
    fprintf(stderr, "%s: %s\n", peeper_status_name(error->status), error->message);
    return 1;
}

static int count(struct peeper_sync *peeper, const char *address, const char *name) {
    struct peeper_start_options options = {.name = name, .behaviour = "counter"};
    struct peeper_started       started;
    struct peeper_value         reply;
    int64_t                     value;

    if (peeper_sync_connect(peeper, address) != PEEPER_STATUS_OK) return complain(peeper);
    enum peeper_status status = peeper_sync_start(peeper, &options, &started);
    if (status != PEEPER_STATUS_OK && status != PEEPER_STATUS_ALREADY_STARTED) {
        return complain(peeper);
    }

    struct peeper_writer message = {0};
    peeper_write_string(&message, "inc");
    status =
        peeper_sync_call(peeper, peeper_by_name(name), peeper_writer_value(&message), 1000, &reply);
    peeper_writer_fini(&message);
    if (status != PEEPER_STATUS_OK) return complain(peeper);

    if (!peeper_value_int(reply, &value)) {
        fprintf(stderr, "%s does not count\n", name);
        return 1;
    }
    printf("%" PRId64 "\n", value);
    return 0;
}

int main(int argc, char **argv) {
    struct peeper_sync *peeper;
    if (argc != 3) {
        fprintf(stderr, "usage: %s HOST:PORT NAME\n", argv[0]);
        return 2;
    }
    if (peeper_sync_create(NULL, &peeper) != PEEPER_STATUS_OK) return 1;
    int code = count(peeper, argv[1], argv[2]);
    peeper_sync_destroy(peeper);
    return code;
}
