// requests_check: plays one case of several requests at once against a real server.
//
//     sdk_c_requests_check HOST:PORT CASE      without words it lists the cases
//
// Prints nothing and answers 0 where all was as expected. integration-tests/sdk_c_cases.py runs it.
#include <peeper/requests.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPECT(condition)                                                            \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);          \
            fprintf(stderr, "last error: %s\n", peeper_sync_error(peeper)->message); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

static struct peeper_sync    *peeper;
static struct peeper_response response;

// --- Words for probes ----------------------------------------------------------------------------

static void start(const char *name) {
    struct peeper_start_options options = {
        .name = name, .behaviour = "probe", .restart = PEEPER_RESTART_TEMPORARY};
    struct peeper_started started;
    EXPECT(peeper_sync_start(peeper, &options, &started) == PEEPER_STATUS_OK);
}

static void write_step(struct peeper_writer *out, const char *word, int64_t operand) {
    peeper_write_list(out);
    peeper_write_string(out, word);
    peeper_write_int(out, operand);
    peeper_write_end(out);
}

// [["sleep", sleep_ms], ["reply", reply]]
static struct peeper_value sleep_and_reply(struct peeper_writer *out, int64_t sleep_ms,
                                           int64_t reply) {
    *out = (struct peeper_writer){0};
    peeper_write_list(out);
    write_step(out, "sleep", sleep_ms);
    write_step(out, "reply", reply);
    peeper_write_end(out);
    return peeper_writer_value(out);
}

static uint64_t ask(struct peeper_target target, int64_t sleep_ms, int64_t reply,
                    uint32_t deadline_ms) {
    struct peeper_writer message;
    uint64_t             request = 0;
    EXPECT(peeper_sync_send_request(peeper, target, sleep_and_reply(&message, sleep_ms, reply),
                                    deadline_ms, &request) == PEEPER_STATUS_OK);
    peeper_writer_fini(&message);
    return request;
}

static bool replied(int64_t wanted) {
    int64_t reply;
    return response.error.status == PEEPER_STATUS_OK && peeper_value_int(response.reply, &reply) &&
           reply == wanted;
}

static uint64_t now_ms(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

// --- Cases ---------------------------------------------------------------------------------------

static void late_reply_is_dropped(void) {
    struct peeper_message message;
    start("a");
    uint64_t late = ask(peeper_by_name("a"), 200, 1, 20);
    uint64_t next = ask(peeper_by_name("a"), 0, 2, 5000);
    EXPECT(peeper_sync_wait_response(peeper, late, PEEPER_FOREVER, &response) == PEEPER_STATUS_OK);
    EXPECT(response.error.status == PEEPER_STATUS_TIMEOUT);
    EXPECT(peeper_sync_wait_response(peeper, next, PEEPER_FOREVER, &response) == PEEPER_STATUS_OK);
    EXPECT(replied(2));
    EXPECT(peeper_sync_take_message(peeper, 50, &message) == PEEPER_STATUS_TIMEOUT);
}

static void wait_keeps(void) {
    start("a");
    uint64_t request = ask(peeper_by_name("a"), 50, 7, PEEPER_FOREVER);
    EXPECT(peeper_sync_wait_response(peeper, request, 0, &response) == PEEPER_STATUS_TIMEOUT);
    EXPECT(peeper_sync_wait_response(peeper, request, PEEPER_FOREVER, &response) ==
           PEEPER_STATUS_OK);
    EXPECT(replied(7));
}

static void receive_abandons(void) {
    struct peeper_message message;
    start("a");
    uint64_t request = ask(peeper_by_name("a"), 100, 7, 0);
    EXPECT(peeper_sync_receive_response(peeper, request, 10, &response) == PEEPER_STATUS_TIMEOUT);
    EXPECT(peeper_sync_receive_response(peeper, request, PEEPER_FOREVER, &response) ==
           PEEPER_STATUS_NO_REQUEST);
    uint64_t next = ask(peeper_by_name("a"), 0, 8, 0);
    EXPECT(peeper_sync_receive_response(peeper, next, PEEPER_FOREVER, &response) ==
           PEEPER_STATUS_OK);
    EXPECT(replied(8));
    EXPECT(peeper_sync_take_message(peeper, 0, &message) == PEEPER_STATUS_TIMEOUT);
}

static void expect_noproc(struct peeper_target target) {
    uint64_t request = ask(target, 0, 0, 0);
    EXPECT(peeper_sync_wait_response(peeper, request, PEEPER_FOREVER, &response) ==
           PEEPER_STATUS_OK);
    EXPECT(response.error.status == PEEPER_STATUS_NOPROC);
}

static void arguments_and_checks(void) {
    struct peeper_reqids *set;
    struct peeper_message message;
    uint64_t              id, request;
    start("a");
    EXPECT(peeper_sync_whereis(peeper, peeper_by_name("a"), &id) == PEEPER_STATUS_OK);
    EXPECT(peeper_sync_stop(peeper, peeper_by_name("a"), (struct peeper_value){0}, 0) ==
           PEEPER_STATUS_OK);
    expect_noproc(peeper_by_id(id));
    expect_noproc(peeper_by_name("a"));
    EXPECT(peeper_sync_send_request(peeper, peeper_by_name(NULL), (struct peeper_value){0}, 0,
                                    &request) == PEEPER_STATUS_INVALID);

    start("b");
    EXPECT(peeper_reqids_create(peeper, &set) == PEEPER_STATUS_OK);
    request = ask(peeper_by_name("b"), 50, 1, 0);
    EXPECT(peeper_reqids_add(set, request, NULL) == PEEPER_STATUS_OK);
    EXPECT(peeper_reqids_add(set, request, NULL) == PEEPER_STATUS_INVALID);
    ask(peeper_by_name("nobody"), 0, 0, 0);
    EXPECT(peeper_sync_take_message(peeper, PEEPER_FOREVER, &message) == PEEPER_STATUS_OK);
    EXPECT(peeper_reqids_check(set, &message, true, &response) == PEEPER_STATUS_NO_REPLY);
    EXPECT(peeper_reqids_size(set) == 1);
    EXPECT(peeper_sync_take_message(peeper, PEEPER_FOREVER, &message) == PEEPER_STATUS_OK);
    EXPECT(peeper_reqids_check(set, &message, true, &response) == PEEPER_STATUS_OK);
    EXPECT(replied(1));
    peeper_reqids_destroy(set);
}

static void expect_shutdown(void) {
    EXPECT(response.error.status == PEEPER_STATUS_DOWN);
    EXPECT(peeper_value_is(response.error.reason, "shutdown"));
}

static void one_of_three_dies(void) {
    const char *const     names[] = {"a", "b", "c"};
    struct peeper_writer  stop = {0};
    struct peeper_reqids *set;
    EXPECT(peeper_reqids_create(peeper, &set) == PEEPER_STATUS_OK);
    for (int64_t i = 0; i < 3; i++) {
        start(names[i]);
        uint64_t request = ask(peeper_by_name(names[i]), 50, i, 0);
        // The one in the middle waits behind a turn that ends its actor.
        if (i == 1) {
            EXPECT(peeper_sync_receive_response(peeper, request, PEEPER_FOREVER, &response) ==
                   PEEPER_STATUS_OK);
            peeper_write_list(&stop);
            peeper_write_string(&stop, "stop");
            peeper_write_string(&stop, "shutdown");
            peeper_write_end(&stop);
            EXPECT(peeper_sync_send_request(peeper, peeper_by_name(names[i]),
                                            peeper_writer_value(&stop), 0,
                                            &request) == PEEPER_STATUS_OK);
            peeper_writer_fini(&stop);
        }
        EXPECT(peeper_reqids_add(set, request, (void *)names[i]) == PEEPER_STATUS_OK);
    }
    for (int i = 0; i < 3; i++) {
        EXPECT(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_OK);
        const char *label = response.label;
        if (strcmp(label, "a") == 0) EXPECT(replied(0));
        if (strcmp(label, "b") == 0) expect_shutdown();
        if (strcmp(label, "c") == 0) EXPECT(replied(2));
    }
    EXPECT(peeper_reqids_receive(set, 0, true, &response) == PEEPER_STATUS_NO_REQUEST);
    peeper_reqids_destroy(set);
}

#define UNREAD 500000
#define IN_FLIGHT 1000
#define CALLS 10000

static uint64_t time_of_calls(void) {
    struct peeper_writer message = {0};
    struct peeper_value  reply;
    uint64_t             begun = now_ms();
    write_step(&message, "reply", 1);
    for (int i = 0; i < CALLS; i++) {
        EXPECT(peeper_sync_call(peeper, peeper_by_name("a"), peeper_writer_value(&message), 0,
                                &reply) == PEEPER_STATUS_OK);
    }
    peeper_writer_fini(&message);
    return now_ms() - begun;
}

static void calls_beside_unread(void) {
    struct peeper_writer  message = {0};
    struct peeper_value   reply;
    struct peeper_reqids *set;
    start("a");
    uint64_t empty_ms = time_of_calls();
    EXPECT(peeper_reqids_create(peeper, &set) == PEEPER_STATUS_OK);
    write_step(&message, "reply", 1);
    for (int i = 0; i < UNREAD; i++) {
        EXPECT(peeper_reqids_send(set, peeper_by_name("a"), peeper_writer_value(&message), 0,
                                  NULL) == PEEPER_STATUS_OK);
        // So that the actor's mailbox does not get full: replies come in order.
        if (i % IN_FLIGHT == 0) {
            EXPECT(peeper_sync_call(peeper, peeper_by_name("a"), peeper_writer_value(&message), 0,
                                    &reply) == PEEPER_STATUS_OK);
        }
    }
    uint64_t full_ms = time_of_calls();
    if (full_ms > 10 * empty_ms) {
        fprintf(stderr, "%d calls took %u ms beside %d unread responses, %u ms without\n", CALLS,
                (unsigned)full_ms, UNREAD, (unsigned)empty_ms);
        exit(1);
    }
    for (int i = 0; i < UNREAD; i++) {
        EXPECT(peeper_reqids_receive(set, PEEPER_FOREVER, true, &response) == PEEPER_STATUS_OK);
        EXPECT(replied(1));
    }
    EXPECT(peeper_reqids_size(set) == 0);
    peeper_writer_fini(&message);
    peeper_reqids_destroy(set);
}

static const struct {
    const char *name;
    void (*play)(void);
} CASES[] = {
    {"late_reply_is_dropped", late_reply_is_dropped},
    {"wait_keeps", wait_keeps},
    {"receive_abandons", receive_abandons},
    {"arguments_and_checks", arguments_and_checks},
    {"one_of_three_dies", one_of_three_dies},
    {"calls_beside_unread", calls_beside_unread},
};

int main(int argc, char **argv) {
    struct peeper_options options = {.unread_max = 1u << 20, .requests_max = 1u << 20};
    if (argc == 3 && peeper_sync_create(&options, &peeper) != PEEPER_STATUS_OK) return 1;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        if (argc != 3) puts(CASES[i].name);
        if (argc != 3 || strcmp(argv[2], CASES[i].name) != 0) continue;
        EXPECT(peeper_sync_connect(peeper, argv[1]) == PEEPER_STATUS_OK);
        CASES[i].play();
        peeper_sync_destroy(peeper);
        return 0;
    }
    return 2;
}
