// Prints what one call costs the client: CPU time of its thread per call, at several pipelines.
//
//     sdk_c_client_bench [ADDRESS NAME]
//
// Without words it calls a peer of its own that answers every frame with the same reply. Otherwise
// it calls the counter NAME at ADDRESS. Calls per second of wall time also depend on the other
// side.
#include "test_peer.h"

#include "base/check.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define CALLS 1000000
#define ROUNDS 5

struct run {
    struct peeper_client *client;
    const char           *name;
    struct peeper_value   message;
    size_t                made;
    size_t                answered;
    size_t                failed;
    bool                  up;
};

// --- The peer ------------------------------------------------------------------------------------

static size_t put_varint(uint8_t *room, uint64_t value) {
    size_t bytes = 0;
    for (; value >= 0x80; value >>= 7) room[bytes++] = (uint8_t)(value | 0x80);
    room[bytes++] = (uint8_t)value;
    return bytes;
}

// The id is the first field of a frame that protobuf-c wrote.
static uint64_t id_of(struct slice frame) {
    uint64_t id = 0;
    CHECK(frame.bytes > 1 && frame.data[0] == 0x08);
    for (size_t i = 1; i < frame.bytes; i++) {
        id |= (uint64_t)(frame.data[i] & 0x7F) << (7 * (i - 1));
        if (frame.data[i] < 0x80) break;
    }
    return id;
}

static void put_reply(struct buf *out, uint64_t id) {
    static const uint8_t REPLY[] = {0x1a, 0x04, 0x0a, 0x02, 0x18, 0x54}; // Reply{Value{int 42}}
    uint8_t             *room = buf_reserve(out, 32);
    CHECK(room != NULL);
    size_t bytes = 1;
    room[bytes++] = 0x08;
    bytes += put_varint(room + bytes, id);
    memcpy(room + bytes, REPLY, sizeof(REPLY));
    bytes += sizeof(REPLY);
    room[0] = (uint8_t)(bytes - 1);
    out->bytes += bytes;
}

static void answer_all(struct peer *peer) {
    peer_welcome(peer, 1u << 20);
    for (;;) {
        struct slice frame;
        size_t       at = 0, used;
        peer->out.bytes = 0;
        while (frame_next(peer->in.data + at, peer->in.bytes - at, UINT32_MAX, &frame, &used) ==
               STATUS_OK) {
            put_reply(&peer->out, id_of(frame));
            at += used;
        }
        buf_consume(&peer->in, at);
        peer_write_bytes(peer, peer->out.data, peer->out.bytes);
        uint8_t *room = buf_reserve(&peer->in, 65536);
        CHECK(room != NULL);
        ssize_t bytes = recv(peer->fd, room, 65536, 0);
        if (bytes <= 0) return;
        peer->in.bytes += (size_t)bytes;
    }
}

// --- The client ----------------------------------------------------------------------------------

static void make_call(struct run *run);

static void on_answer(void *user, const struct peeper_answer *answer) {
    struct run *run = user;
    run->answered++;
    run->failed += answer->error.status != PEEPER_STATUS_OK;
    if (run->made < CALLS) make_call(run);
}

static void make_call(struct run *run) {
    run->made++;
    CHECK(peeper_client_call(run->client, peeper_by_name(run->name), run->message, 0,
                             peeper_then(on_answer, run)) == PEEPER_STATUS_OK);
}

static void on_up(void *user, const struct peeper_welcome *welcome) {
    struct run *run = user;
    (void)welcome;
    run->up = true;
}

static void on_down(void *user, const struct peeper_error *error) {
    (void)user;
    fprintf(stderr, "%s: %s\n", peeper_status_name(error->status), error->message);
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void measure(const char *address, const char *name, size_t pipeline) {
    uv_loop_t            loop;
    struct run           run = {.name = name};
    struct peeper_hooks  hooks = {.on_up = on_up, .on_down = on_down, .user = &run};
    struct peeper_writer message = {0};
    double               cpu_ns[ROUNDS], wall[ROUNDS];

    peeper_write_string(&message, "inc");
    run.message = peeper_writer_value(&message);
    CHECK(uv_loop_init(&loop) == 0);
    CHECK(peeper_client_open(address, NULL, &hooks, &loop, &run.client) == PEEPER_STATUS_OK);
    while (!run.up) uv_run(&loop, UV_RUN_ONCE);
    for (int i = 0; i < ROUNDS; i++) {
        run.made = run.answered = 0;
        double cpu = seconds(CLOCK_THREAD_CPUTIME_ID), begun = seconds(CLOCK_MONOTONIC);
        for (size_t j = 0; j < pipeline; j++) make_call(&run);
        while (run.answered < CALLS) uv_run(&loop, UV_RUN_ONCE);
        cpu_ns[i] = (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu) * 1e9 / CALLS;
        wall[i] = CALLS / (seconds(CLOCK_MONOTONIC) - begun);
    }
    qsort(cpu_ns, ROUNDS, sizeof(cpu_ns[0]), by_size);
    qsort(wall, ROUNDS, sizeof(wall[0]), by_size);
    printf("pipeline %4zu: %6.0f ns of CPU per call (%.2f M/s per core), %.2f M/s of wall time, "
           "%zu failed\n",
           pipeline, cpu_ns[ROUNDS / 2], 1e3 / cpu_ns[ROUNDS / 2], wall[ROUNDS / 2] / 1e6,
           run.failed);
    peeper_client_close(run.client);
    uv_run(&loop, UV_RUN_DEFAULT);
    peeper_client_destroy(run.client);
    CHECK(uv_loop_close(&loop) == 0);
    peeper_writer_fini(&message);
}

int main(int argc, char **argv) {
    static const size_t PIPELINES[] = {16, 64, 512};
    struct peer         peer;
    bool                own = argc < 3;
    int                 count = sizeof(PIPELINES) / sizeof(PIPELINES[0]);

    if (own) peer_start(&peer, count, answer_all);
    for (int i = 0; i < count; i++) {
        measure(own ? peer.address : argv[1], own ? "hits" : argv[2], PIPELINES[i]);
    }
    if (own) peer_stop(&peer);
    return 0;
}
