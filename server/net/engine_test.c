// The net thread with real sockets on the loopback, and hosts whose workers the test plays.
// syscall.
#define _GNU_SOURCE

#include "net/engine.h"

#include "keeper/shard_fixture_test.h"
#include "net/spawner.h"
#include "wire/frame.h"

#include "peeper/v1/peeper.pb-c.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

// --- addresses ---

TestSuite(engine_address, .timeout = 10);

Test(engine_address, takes_a_numeric_host_and_a_port) {
    struct sockaddr_storage where;
    cr_assert(engine_address("127.0.0.1:7420", &where));
    cr_assert(where.ss_family == AF_INET);
    cr_assert(ntohs(((struct sockaddr_in *)&where)->sin_port) == 7420);
    cr_assert(engine_address("[::1]:0", &where));
    cr_assert(where.ss_family == AF_INET6);
    cr_assert(engine_address("::1:65535", &where));
    cr_assert(ntohs(((struct sockaddr_in6 *)&where)->sin6_port) == 65535);
}

Test(engine_address, refuses_everything_else) {
    static const char *const wrong[] = {
        "",
        ":",
        "127.0.0.1",
        "127.0.0.1:",
        ":7420",
        "localhost:7420",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:80x",
        "[::1:80",
        "256.0.0.1:80",
        "1111111111111111111111111111111111111111111111111111111111111111111111111:80",
    };
    struct sockaddr_storage where;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert(!engine_address(wrong[i], &where), "%s", wrong[i]);
    }
}

// --- up and down ---

static struct keeper_options options;
static struct mirror        *mirror;
static struct spawner        spawner;
static struct engine         engine;
static uv_loop_t             main_loop;
static sem_t                 ready;

static void on_ready(void *context) {
    sem_post(context);
}

static void on_started(void *context, struct host *host) {
    (void)context;
    (void)host;
}

static void begin(void) {
    options = (struct keeper_options){
        .behaviours = "none",
        .host_program = "none",
        .token = "secret",
        .workers = 1,
        .host_memory_bytes = 1u << 30,
        .generations = 2,
        .mailbox_max = 1000,
        .actors_max = 1000,
        .pending_max = 100,
        .waiting_bytes_max = 1u << 20,
        .connections_max = 4,
        .frame_bytes_max = 64u << 10,
        .output_bytes_max = 4096,
        .hello_ms = 10000,
    };
    struct mirror_options mirrored = {.generations = 2,
                                      .queue_bytes = 64u << 10,
                                      .heap_bytes_max = 1u << 20,
                                      .on_room = engine_mirror_room,
                                      .context = &engine};
    sem_init(&ready, 0, 0);
    engine.on_ready = on_ready;
    engine.context = &ready;
    cr_assert(uv_loop_init(&main_loop) == 0);
    // Nobody runs this loop: what the engine asks for never comes, except from the test.
    cr_assert(spawner_init(&spawner, &main_loop, &options, on_started, NULL, NULL) == STATUS_OK);
    cr_assert(mirror_create(&mirrored, &mirror) == STATUS_OK);
    cr_assert(engine_init(&engine, &options, mirror, &spawner, "127.0.0.1:0") == STATUS_OK);
    struct code_set *code;
    cr_assert(code_set_create(NULL, 0, &code) == STATUS_OK);
    shard_use_code(&engine.shard, code);
    code_set_release(code);
}

static void end(void) {
    engine_close(&engine);
    engine_close(&engine);
    engine_stop(&engine);
    mirror_destroy(mirror);
    engine_fini(&engine);
    spawner_close(&spawner);
    uv_run(&main_loop, UV_RUN_DEFAULT);
    cr_assert(uv_loop_close(&main_loop) == 0);
}

TestSuite(engine, .init = begin, .fini = end, .timeout = 30);

static void run(void) {
    cr_assert(engine_start(&engine) == STATUS_OK);
}

// --- a client ---

struct client_end {
    int        socket;
    struct buf in;
    size_t     done; // of `in`
};

static struct client_end dial(void) {
    struct client_end  end_of = {.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(engine_port(&engine))};
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(end_of.socket >= 0);
    // An answer that does not come is the end of the connection.
    struct timeval patience = {.tv_sec = 10};
    cr_assert(setsockopt(end_of.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    cr_assert(connect(end_of.socket, (struct sockaddr *)&where, sizeof where) == 0);
    return end_of;
}

static void hang_up(struct client_end *client_end) {
    close(client_end->socket);
    buf_fini(&client_end->in);
}

static void say_bytes(struct client_end *to, const void *data, size_t bytes) {
    const uint8_t *at = data;
    while (bytes > 0) {
        ssize_t sent = send(to->socket, at, bytes, MSG_NOSIGNAL);
        cr_assert(sent > 0);
        at += sent;
        bytes -= (size_t)sent;
    }
}

// A delimited frame; good until the next call.
static struct slice framed(const Peeper__V1__ClientFrame *frame) {
    static uint8_t room[80u << 10];
    size_t         bytes = peeper__v1__client_frame__get_packed_size(frame);
    size_t         at = 0, left = bytes;
    for (; left > 127; left >>= 7) room[at++] = (uint8_t)(left | 128);
    room[at++] = (uint8_t)left;
    cr_assert(at + bytes <= sizeof room);
    return slice_of(room, at + peeper__v1__client_frame__pack(frame, room + at));
}

static void say(struct client_end *to, const Peeper__V1__ClientFrame *frame) {
    struct slice bytes = framed(frame);
    say_bytes(to, bytes.data, bytes.bytes);
}

static Peeper__V1__ClientFrame ping_frame(uint64_t id) {
    static Peeper__V1__Ping ping = PEEPER__V1__PING__INIT;
    Peeper__V1__ClientFrame frame = PEEPER__V1__CLIENT_FRAME__INIT;
    frame.id = id;
    frame.body_case = PEEPER__V1__CLIENT_FRAME__BODY_PING;
    frame.ping = &ping;
    return frame;
}

static void say_hello_as(struct client_end *to, uint32_t version, const char *token) {
    Peeper__V1__Hello       hello = PEEPER__V1__HELLO__INIT;
    Peeper__V1__ClientFrame frame = PEEPER__V1__CLIENT_FRAME__INIT;
    hello.protocol_version = version;
    hello.token = (char *)token;
    frame.id = 1;
    frame.body_case = PEEPER__V1__CLIENT_FRAME__BODY_HELLO;
    frame.hello = &hello;
    say(to, &frame);
}

static void say_call(struct client_end *to, uint64_t id, const char *name) {
    Peeper__V1__Call        call = PEEPER__V1__CALL__INIT;
    Peeper__V1__ClientFrame frame = PEEPER__V1__CLIENT_FRAME__INIT;
    call.name = (char *)name;
    frame.id = id;
    frame.body_case = PEEPER__V1__CLIENT_FRAME__BODY_CALL;
    frame.call = &call;
    say(to, &frame);
}

static void say_start(struct client_end *to, uint64_t id, const char *name) {
    Peeper__V1__Start       start = PEEPER__V1__START__INIT;
    Peeper__V1__ClientFrame frame = PEEPER__V1__CLIENT_FRAME__INIT;
    start.name = (char *)name;
    start.behaviour = (char *)"counter";
    frame.id = id;
    frame.body_case = PEEPER__V1__CLIENT_FRAME__BODY_START;
    frame.start = &start;
    say(to, &frame);
}

// The next frame, NULL at the end of the connection.
static Peeper__V1__ServerFrame *hear(struct client_end *from) {
    for (;;) {
        struct slice   body;
        size_t         used;
        const uint8_t *at = from->in.data + from->done;
        enum status    status =
            from->in.bytes == from->done
                   ? STATUS_AGAIN
                   : frame_next(at, from->in.bytes - from->done, 1u << 20, &body, &used);
        if (status == STATUS_OK) {
            from->done += used;
            Peeper__V1__ServerFrame *frame =
                peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
            cr_assert(frame != NULL);
            return frame;
        }
        cr_assert(status == STATUS_AGAIN);
        uint8_t *room = buf_reserve(&from->in, 65536);
        cr_assert(room != NULL);
        ssize_t got = recv(from->socket, room, 65536, 0);
        if (got <= 0) return NULL;
        from->in.bytes += (size_t)got;
    }
}

static void hear_body(struct client_end *from, uint64_t id, int body_case) {
    Peeper__V1__ServerFrame *frame = hear(from);
    cr_assert(frame != NULL, "the connection was closed");
    cr_assert(frame->id == id, "id %d", (int)frame->id);
    cr_assert((int)frame->body_case == body_case, "body %d", (int)frame->body_case);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

static void hear_error(struct client_end *from, uint64_t id, enum status status) {
    Peeper__V1__ServerFrame *frame = hear(from);
    cr_assert(frame != NULL, "the connection was closed");
    cr_assert(frame->id == id);
    cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_ERROR);
    cr_assert((int)frame->error->status == status_wire(status), "status %d", frame->error->status);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

static void hear_pong(struct client_end *from, uint64_t id) {
    hear_body(from, id, PEEPER__V1__SERVER_FRAME__BODY_PONG);
}

static void hear_end(struct client_end *from) {
    cr_assert(hear(from) == NULL);
    hang_up(from);
}

static struct client_end greet(void) {
    struct client_end client_end = dial();
    say_hello_as(&client_end, 1, "secret");
    hear_body(&client_end, 1, PEEPER__V1__SERVER_FRAME__BODY_WELCOME);
    return client_end;
}

// --- hello ---

Test(engine, welcomes_and_tells_its_limits) {
    run();
    struct client_end me = dial();
    say_hello_as(&me, 1, "secret");
    Peeper__V1__ServerFrame *frame = hear(&me);
    cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_WELCOME);
    cr_assert(frame->welcome->limits->frame_bytes_max == options.frame_bytes_max);
    cr_assert(frame->welcome->limits->mailbox_max == options.mailbox_max);
    cr_assert(frame->welcome->limits->name_bytes_max == NAME_BYTES_MAX);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
    Peeper__V1__ClientFrame ping = ping_frame(5);
    say(&me, &ping);
    hear_pong(&me, 5);
    hang_up(&me);
}

Test(engine, another_version_or_token_is_refused_and_the_connection_ends) {
    run();
    struct client_end me = dial();
    say_hello_as(&me, 2, "secret");
    hear_error(&me, 1, STATUS_UNSUPPORTED_VERSION);
    hear_end(&me);
    static const char *const tokens[] = {"", "secreT", "secret1", "secre"};
    for (int i = 0; i < 4; i++) {
        me = dial();
        say_hello_as(&me, 1, tokens[i]);
        hear_error(&me, 1, STATUS_UNAUTHENTICATED);
        hear_end(&me);
    }
}

Test(engine, whoever_does_not_say_hello_first_is_refused) {
    run();
    struct client_end       me = dial();
    Peeper__V1__ClientFrame ping = ping_frame(5);
    say(&me, &ping);
    hear_error(&me, 0, STATUS_PROTOCOL);
    hear_end(&me);
}

Test(engine, whoever_says_nothing_is_refused_after_a_while) {
    options.hello_ms = 20;
    run();
    struct client_end me = dial();
    hear_error(&me, 0, STATUS_TIMEOUT);
    hear_end(&me);
}

Test(engine, a_second_hello_is_not_valid_and_costs_nothing) {
    run();
    struct client_end me = greet();
    say_hello_as(&me, 1, "secret");
    hear_error(&me, 1, STATUS_INVALID);
    Peeper__V1__ClientFrame ping = ping_frame(5);
    say(&me, &ping);
    hear_pong(&me, 5);
    hang_up(&me);
}

// --- frames ---

Test(engine, garbage_ends_the_connection_and_no_other) {
    run();
    struct client_end       good = greet(), bad = greet();
    Peeper__V1__ClientFrame ping = ping_frame(5);
    say_bytes(&bad, "\x05\xff\xff\xff\xff\xff", 6);
    hear_error(&bad, 0, STATUS_PROTOCOL);
    hear_end(&bad);
    bad = greet();
    say_bytes(&bad, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11);
    Peeper__V1__ServerFrame *frame = hear(&bad);
    cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_ERROR);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
    hear_end(&bad);
    say(&good, &ping);
    hear_pong(&good, 5);
    hang_up(&good);
}

Test(engine, a_frame_over_the_limit_is_refused_before_it_has_come) {
    run();
    struct client_end me = greet();
    say_bytes(&me, "\xff\xff\x7f", 3);
    hear_error(&me, 0, STATUS_TOO_LARGE);
    hear_end(&me);
}

Test(engine, before_hello_there_is_room_for_a_hello_only) {
    run();
    struct client_end me = dial();
    say_bytes(&me, "\x81\x80\x01", 3); // 16 KiB and a byte to come
    hear_error(&me, 0, STATUS_TOO_LARGE);
    hear_end(&me);
}

Test(engine, frames_may_come_in_any_pieces) {
    run();
    struct client_end me = greet();
    for (uint64_t id = 2; id < 10; id++) {
        Peeper__V1__ClientFrame ping = ping_frame(id);
        struct slice            bytes = framed(&ping);
        for (size_t i = 0; i < bytes.bytes; i++) say_bytes(&me, bytes.data + i, 1);
    }
    for (uint64_t id = 2; id < 10; id++) hear_pong(&me, id);
    hang_up(&me);
}

Test(engine, a_request_without_an_id_is_answered_only_if_it_fails) {
    run();
    struct client_end me = greet();
    say_call(&me, 0, "nobody");
    hear_error(&me, 0, STATUS_NOPROC);
    say_start(&me, 7, "a"); // no host is ready here, ever
    hear_error(&me, 7, STATUS_OVERLOADED);
    hang_up(&me);
}

Test(engine, a_client_whose_answers_were_over_the_limit_goes_on_once_they_are_written) {
    enum { PINGS = 2000 };
    run();
    struct client_end me = greet();
    static uint8_t    all[PINGS * 16];
    for (int round = 0; round < 3; round++) {
        size_t bytes = 0;
        for (uint64_t id = 1; id <= PINGS; id++) {
            Peeper__V1__ClientFrame ping = ping_frame(id);
            struct slice            frame = framed(&ping);
            memcpy(all + bytes, frame.data, frame.bytes);
            bytes += frame.bytes;
        }
        say_bytes(&me, all, bytes);
        for (uint64_t id = 1; id <= PINGS; id++) hear_pong(&me, id);
    }
    hang_up(&me);
}

// --- connections ---

Test(engine, connections_over_the_limit_are_told_so) {
    run();
    struct client_end all[4];
    for (int i = 0; i < 4; i++) all[i] = greet();
    struct client_end more = dial();
    hear_error(&more, 0, STATUS_OVERLOADED);
    hear_end(&more);
    for (int i = 0; i < 4; i++) hang_up(&all[i]);
}

Test(engine, a_slot_is_free_again_when_its_client_has_hung_up) {
    run();
    for (int i = 0; i < 40; i++) {
        // The server may not have seen the last one hang up yet.
        struct client_end        me = dial();
        Peeper__V1__ServerFrame *frame;
        say_hello_as(&me, 1, "secret");
        frame = hear(&me);
        cr_assert(frame != NULL);
        cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_WELCOME ||
                  frame->error->status == PEEPER__V1__STATUS__STATUS_OVERLOADED);
        peeper__v1__server_frame__free_unpacked(frame, NULL);
        hang_up(&me);
    }
}

Test(engine, a_port_that_is_taken_cannot_be_bound) {
    static struct engine other;
    char                 address[32];
    run();
    struct client_end me = greet();
    snprintf(address, sizeof address, "127.0.0.1:%d", engine_port(&engine));
    cr_assert(engine_init(&other, &options, mirror, &spawner, address) == STATUS_IO);
    hang_up(&me);
}

Test(engine, says_goodbye_when_it_goes_down) {
    run();
    struct client_end me = greet();
    engine_close(&engine);
    hear_body(&me, 0, PEEPER__V1__SERVER_FRAME__BODY_EVENT);
    hear_end(&me);
}

// --- hosts ---

static struct fake_worker played[2];
static int                doorbells[2]; // of the keeper
static int                ends[2];      // of the processes: readable when they have ended

// A process that waits to be killed, and the test as its worker.
static void join(int index) {
    struct host *host;
    int          pipe_ends[2];
    cr_assert(host_create(1, &host) == STATUS_OK);
    cr_assert(pipe(pipe_ends) == 0);
    host->pid = fork();
    if (host->pid == 0) {
        char byte;
        close(pipe_ends[1]);
        _exit(read(pipe_ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    cr_assert(host->pid > 0);
    host->pidfd = (int)syscall(SYS_pidfd_open, host->pid, 0);
    cr_assert(host->pidfd >= 0);
    ends[index] = dup(host->pidfd);
    doorbells[index] = dup(host->doorbell_host);
    fake_map(&played[index], &host->workers[0]);
    atomic_store(&played[index].commits_control->worker_sleep, 1);
    announce(&played[index], "counter", "1", 60000);
    announce_ready(&played[index]);
    engine_host_started(&engine, host);
}

static void knock(int index) {
    cr_assert(write(doorbells[index], "", 1) == 1);
}

// Waits for the next turn.
static const struct turn_record *await_turn(int index, enum turn_kind kind) {
    for (;;) {
        const struct turn_record *record = play_next(&played[index]);
        if (record != NULL) {
            cr_assert(record->kind == kind);
            return record;
        }
        char          rings[64];
        struct pollfd look = {.fd = played[index].keeper_end->doorbell_host, .events = POLLIN};
        cr_assert(poll(&look, 1, -1) == 1);
        cr_assert(read(look.fd, rings, sizeof rings) > 0);
    }
}

static void await_death(int index) {
    struct pollfd look = {.fd = ends[index], .events = POLLIN};
    cr_assert(poll(&look, 1, -1) == 1);
}

static struct client_end start_actor(void) {
    join(0);
    fx_wait(&ready);
    struct client_end me = greet();
    say_start(&me, 2, "a");
    play_state(&played[0], await_turn(0, TURN_INIT)->turn, "s0");
    knock(0);
    hear_body(&me, 2, PEEPER__V1__SERVER_FRAME__BODY_STARTED);
    return me;
}

Test(engine, a_call_goes_to_the_worker_and_its_reply_comes_back) {
    run();
    struct client_end me = start_actor();
    say_call(&me, 3, "a");
    play_reply(&played[0], await_turn(0, TURN_CALL)->turn, "yes", NULL);
    knock(0);
    hear_body(&me, 3, PEEPER__V1__SERVER_FRAME__BODY_REPLY);
    hang_up(&me);
}

Test(engine, an_answer_for_a_client_that_has_gone_reaches_nobody_else) {
    run();
    struct client_end me = start_actor();
    say_call(&me, 3, "a");
    uint64_t turn = await_turn(0, TURN_CALL)->turn;
    hang_up(&me);
    struct client_end others[4];
    for (int i = 0; i < 3; i++) others[i] = greet();
    play_reply(&played[0], turn, "late", NULL);
    knock(0);
    for (int i = 0; i < 3; i++) {
        Peeper__V1__ClientFrame ping = ping_frame(9);
        say(&others[i], &ping);
        hear_pong(&others[i], 9);
        hang_up(&others[i]);
    }
}

Test(engine, a_host_whose_process_ends_is_replaced_by_the_standby) {
    run();
    struct client_end me = start_actor();
    join(1);
    say_call(&me, 3, "a");
    await_turn(0, TURN_CALL);
    // It is the standby's turn only when the first process is gone.
    cr_assert(syscall(SYS_pidfd_send_signal, ends[0], SIGKILL, NULL, 0) == 0);
    const struct turn_record *turn = await_turn(1, TURN_CALL);
    cr_assert(same(turn_state(&played[1], turn), text("s0")));
    play_reply(&played[1], turn->turn, "yes", NULL);
    knock(1);
    hear_body(&me, 3, PEEPER__V1__SERVER_FRAME__BODY_REPLY);
    hang_up(&me);
}

Test(engine, a_standby_that_comes_while_it_goes_down_does_not_cost_the_turns_in_flight) {
    run();
    struct client_end me = start_actor();
    say_call(&me, 3, "a");
    uint64_t turn = await_turn(0, TURN_CALL)->turn;
    engine_close(&engine);
    hear_body(&me, 0, PEEPER__V1__SERVER_FRAME__BODY_EVENT);
    join(1);
    await_death(1);
    play_reply(&played[0], turn, "yes", NULL);
    knock(0);
    hear_body(&me, 3, PEEPER__V1__SERVER_FRAME__BODY_REPLY);
    hear_end(&me);
}
