#include "admin/gateway.h"

#include "wire/frame.h"

#include <criterion/criterion.h>

#include <string.h>
#include <unistd.h>

// The other end is played by the test; its socket does not block.
static struct {
    uv_loop_t      loop;
    struct gateway gateway;
    int            theirs;
    unsigned       adopted;
    unsigned       lost;
    unsigned       frames;
    size_t         bytes;    // of the last one
    unsigned       pause_at; // this frame pauses it
    enum status    refusal;
} world;

static enum status adopt(void *context, int fd) {
    (void)context;
    if (world.refusal != STATUS_OK) return world.refusal;
    world.theirs = fd;
    world.adopted++;
    return STATUS_OK;
}

static void on_frame(void *context, struct slice frame) {
    (void)context;
    world.frames++;
    world.bytes = frame.bytes;
    if (world.frames == world.pause_at) gateway_pause(&world.gateway);
}

static void on_lost(void *context) {
    (void)context;
    world.lost++;
}

static void turn(void) {
    for (int i = 0; i < 4; i++) uv_run(&world.loop, UV_RUN_NOWAIT);
}

static enum status dial(void) {
    struct gateway_options options = {.adopt = adopt, .on_frame = on_frame, .on_lost = on_lost};
    return gateway_open(&world.gateway, &world.loop, &options);
}

static void begin(void) {
    memset(&world, 0, sizeof world);
    cr_assert(uv_loop_init(&world.loop) == 0);
}

static void end(void) {
    gateway_close(&world.gateway);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    cr_assert(uv_loop_close(&world.loop) == 0);
    gateway_fini(&world.gateway);
}

TestSuite(gateway, .init = begin, .fini = end, .timeout = 10);

Test(gateway, what_is_asked_in_one_turn_leaves_in_one_write) {
    char room[64];
    cr_assert_eq(dial(), STATUS_OK);
    cr_assert_eq(buf_append(gateway_output(&world.gateway), "ab", 2), STATUS_OK);
    cr_assert_eq(buf_append(gateway_output(&world.gateway), "cd", 2), STATUS_OK);
    turn();
    cr_assert_eq(read(world.theirs, room, sizeof room), 4);
    cr_assert(memcmp(room, "abcd", 4) == 0);
}

Test(gateway, what_the_net_thread_does_not_read_waits_and_is_not_lost) {
    static uint8_t block[4u << 20];
    static uint8_t room[1u << 20];
    size_t         got = 0;
    cr_assert_eq(dial(), STATUS_OK);
    cr_assert_eq(buf_append(gateway_output(&world.gateway), block, sizeof block), STATUS_OK);
    turn();
    cr_assert_eq(buf_append(gateway_output(&world.gateway), "end", 3), STATUS_OK);
    while (got < sizeof block + 3) {
        ssize_t bytes = read(world.theirs, room, sizeof room);
        if (bytes > 0) got += (size_t)bytes;
        turn();
    }
    cr_assert_eq(got, sizeof block + 3);
}

Test(gateway, frames_are_handed_over_whole_however_they_come) {
    static uint8_t frame[FRAME_PREFIX_BYTES_MAX + 100000];
    size_t         bytes = frame_prefix(frame, 100000) + 100000;
    cr_assert_eq(dial(), STATUS_OK);
    cr_assert_eq(write(world.theirs,
                       "\x03"
                       "abc"
                       "\x02x",
                       6),
                 6);
    turn();
    cr_assert_eq(world.frames, 1);
    cr_assert_eq(write(world.theirs, "y\x00", 2), 2);
    turn();
    cr_assert_eq(world.frames, 3);
    for (size_t at = 0; at < bytes;) {
        ssize_t put = write(world.theirs, frame + at, bytes - at);
        if (put > 0) at += (size_t)put;
        turn();
    }
    cr_assert_eq(world.frames, 4);
    cr_assert_eq(world.bytes, 100000);
}

Test(gateway, an_end_is_told_and_a_new_socket_takes_its_place) {
    char room[8];
    cr_assert_eq(dial(), STATUS_OK);
    close(world.theirs);
    turn();
    cr_assert_eq(world.lost, 1);
    cr_assert_eq(world.adopted, 2);
    cr_assert_eq(buf_append(gateway_output(&world.gateway), "a", 1), STATUS_OK);
    turn();
    cr_assert_eq(read(world.theirs, room, sizeof room), 1);
}

Test(gateway, bytes_that_are_no_frame_end_the_socket) {
    cr_assert_eq(dial(), STATUS_OK);
    int before = world.theirs;
    cr_assert_eq(write(before, "\xff\xff\xff\xff\xff\xff", 6), 6);
    turn();
    cr_assert_eq(world.lost, 1);
    cr_assert_neq(world.theirs, before);
    close(before);
}

Test(gateway, is_dialled_again_when_there_is_something_to_ask) {
    cr_assert_eq(dial(), STATUS_OK);
    world.refusal = STATUS_FULL;
    close(world.theirs);
    turn();
    cr_assert_eq(world.lost, 1);
    cr_assert_null(gateway_output(&world.gateway));
    world.refusal = STATUS_OK;
    cr_assert_not_null(gateway_output(&world.gateway));
    cr_assert_eq(world.adopted, 2);
}

Test(gateway, a_net_thread_that_takes_no_socket_is_told) {
    world.refusal = STATUS_CLOSED;
    cr_assert_eq(dial(), STATUS_CLOSED);
}

Test(gateway, while_it_is_paused_no_frame_is_told_and_none_is_lost) {
    cr_assert_eq(dial(), STATUS_OK);
    world.pause_at = 2;
    cr_assert_eq(write(world.theirs,
                       "\x01"
                       "a"
                       "\x01"
                       "b"
                       "\x02"
                       "cd"
                       "\x01",
                       8),
                 8);
    turn();
    cr_assert_eq(world.frames, 2);
    cr_assert_eq(write(world.theirs,
                       "e\x01"
                       "f",
                       3),
                 3);
    turn();
    cr_assert_eq(world.frames, 2);
    world.pause_at = 3;
    gateway_resume(&world.gateway);
    cr_assert_eq(world.frames, 2, "not from within");
    turn();
    cr_assert_eq(world.frames, 3);
    cr_assert_eq(world.bytes, 2);
    gateway_resume(&world.gateway);
    turn();
    cr_assert_eq(world.frames, 5);
}

Test(gateway, an_end_that_is_expected_is_told_and_not_dialled_again) {
    cr_assert_eq(dial(), STATUS_OK);
    cr_assert(gateway_dial_no_more(&world.gateway));
    cr_assert_eq(write(world.theirs,
                       "\x01"
                       "a",
                       2),
                 2);
    close(world.theirs);
    turn();
    cr_assert_eq(world.frames, 1, "what came before is told");
    cr_assert_eq(world.lost, 1);
    cr_assert_eq(world.adopted, 1);
    cr_assert(gateway_output(&world.gateway) == NULL);
    cr_assert(!gateway_dial_no_more(&world.gateway));
}
