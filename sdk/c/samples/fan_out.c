// A program that asks many actors for their state at once and prints the answers as they come.
// Those that have not answered after a second are given up.
//
//     fan_out HOST:PORT NAME...
#include <peeper/requests.h>

#include <inttypes.h>
#include <stdio.h>

static int complain(const struct peeper_sync *peeper) {
    const struct peeper_error *error = peeper_sync_error(peeper);
    fprintf(stderr, "%s: %s\n", peeper_status_name(error->status), error->message);
    return 1;
}

static void print(const struct peeper_response *response) {
    const char *name = response->label;
    int64_t     value;
    if (response->error.status != PEEPER_STATUS_OK) {
        printf("%s: %s\n", name, peeper_status_name(response->error.status));
    } else if (peeper_value_int(response->reply, &value)) {
        printf("%s: %" PRId64 "\n", name, value);
    } else {
        printf("%s: %zu bytes\n", name, response->reply.bytes);
    }
}

// Each name is the label of its own request.
static int ask_all(struct peeper_sync *peeper, struct peeper_reqids *requests, char **names) {
    struct peeper_writer message = {0};
    enum peeper_status   status = PEEPER_STATUS_OK;
    peeper_write_string(&message, "state");
    for (; *names != NULL && status == PEEPER_STATUS_OK; names++) {
        status = peeper_reqids_send(requests, peeper_by_name(*names), peeper_writer_value(&message),
                                    0, *names);
    }
    peeper_writer_fini(&message);
    return status == PEEPER_STATUS_OK ? 0 : complain(peeper);
}

static int collect(struct peeper_sync *peeper, struct peeper_reqids *requests) {
    for (;;) {
        struct peeper_response response;
        enum peeper_status     status = peeper_reqids_receive(requests, 1000, true, &response);
        if (status == PEEPER_STATUS_NO_REQUEST) return 0; // all have answered
        if (status != PEEPER_STATUS_OK) return complain(peeper);
        print(&response);
    }
}

static int fan_out(struct peeper_sync *peeper, const char *address, char **names) {
    struct peeper_reqids *requests;
    if (peeper_sync_connect(peeper, address) != PEEPER_STATUS_OK) return complain(peeper);
    if (peeper_reqids_create(peeper, &requests) != PEEPER_STATUS_OK) return complain(peeper);
    int code = ask_all(peeper, requests, names);
    if (code == 0) code = collect(peeper, requests);
    peeper_reqids_destroy(requests);
    return code;
}

int main(int argc, char **argv) {
    struct peeper_sync *peeper;
    if (argc < 3) {
        fprintf(stderr, "usage: %s HOST:PORT NAME...\n", argv[0]);
        return 2;
    }
    if (peeper_sync_create(NULL, &peeper) != PEEPER_STATUS_OK) return 1;
    int code = fan_out(peeper, argv[1], argv + 2);
    peeper_sync_destroy(peeper);
    return code;
}
