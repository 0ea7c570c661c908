#include "test_peer.h"

#include "base/check.h"
#include "wire/frame.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536

static void drop_frame(struct peer *peer) {
    if (peer->frame != NULL) peeper__v1__client_frame__free_unpacked(peer->frame, NULL);
    peer->frame = NULL;
}

static void *run(void *context) {
    struct peer *peer = context;
    for (; peer->connection < peer->connections; peer->connection++) {
        peer->fd = accept(peer->listen_fd, NULL, NULL);
        if (peer->fd < 0) break; // the test is over
        int yes = 1;
        CHECK(setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) == 0);
        peer->script(peer);
        close(peer->fd);
        peer->in.bytes = 0;
    }
    drop_frame(peer);
    buf_fini(&peer->in);
    buf_fini(&peer->out);
    return NULL;
}

void peer_start(struct peer *peer, int connections, peer_script *script) {
    *peer = (struct peer){.script = script, .connections = connections};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          bytes = sizeof(address);

    CHECK(sem_init(&peer->gate, 0, 0) == 0);
    peer->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(peer->listen_fd >= 0);
    CHECK(bind(peer->listen_fd, (struct sockaddr *)&address, bytes) == 0);
    CHECK(listen(peer->listen_fd, 8) == 0);
    CHECK(getsockname(peer->listen_fd, (struct sockaddr *)&address, &bytes) == 0);
    snprintf(peer->address, sizeof(peer->address), "127.0.0.1:%d", ntohs(address.sin_port));
    CHECK(pthread_create(&peer->thread, NULL, run, peer) == 0);
}

void peer_stop(struct peer *peer) {
    // A client that gave up before it was connected would leave the thread waiting for it.
    shutdown(peer->listen_fd, SHUT_RD);
    CHECK(pthread_join(peer->thread, NULL) == 0);
    close(peer->listen_fd);
    sem_destroy(&peer->gate);
}

const Peeper__V1__ClientFrame *peer_read(struct peer *peer) {
    struct slice frame;
    size_t       used;
    drop_frame(peer);
    while (frame_next(peer->in.data, peer->in.bytes, UINT32_MAX, &frame, &used) != STATUS_OK) {
        uint8_t *room = buf_reserve(&peer->in, READ_BYTES);
        CHECK(room != NULL);
        ssize_t bytes = recv(peer->fd, room, READ_BYTES, 0);
        if (bytes <= 0) return NULL;
        peer->in.bytes += (size_t)bytes;
    }
    peer->frame = peeper__v1__client_frame__unpack(NULL, frame.bytes, frame.data);
    CHECK(peer->frame != NULL);
    buf_consume(&peer->in, used);
    return peer->frame;
}

void peer_welcome(struct peer *peer, uint32_t frame_bytes_max) {
    const Peeper__V1__ClientFrame *hello = peer_read(peer);
    if (hello == NULL) return;
    CHECK(hello->body_case == PEEPER__V1__CLIENT_FRAME__BODY_HELLO);
    CHECK(hello->hello->protocol_version == 1);

    Peeper__V1__Limits      limits = PEEPER__V1__LIMITS__INIT;
    Peeper__V1__Welcome     welcome = PEEPER__V1__WELCOME__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    limits.frame_bytes_max = frame_bytes_max;
    limits.name_bytes_max = 255;
    welcome.protocol_version = 1;
    welcome.server_version = (char *)"test-peer";
    welcome.limits = &limits;
    frame.id = hello->id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    peer_write(peer, &frame);
}

void peer_read_to_end(struct peer *peer) {
    while (peer_read(peer) != NULL) continue;
}

void peer_write_bytes(struct peer *peer, const void *data, size_t bytes) {
    const uint8_t *at = data;
    while (bytes > 0) {
        ssize_t written = send(peer->fd, at, bytes, MSG_NOSIGNAL);
        if (written < 0) return;
        at += written;
        bytes -= (size_t)written;
    }
}

void peer_write(struct peer *peer, const Peeper__V1__ServerFrame *frame) {
    size_t   bytes = peeper__v1__server_frame__get_packed_size(frame);
    uint8_t *room = buf_reserve(&peer->out, FRAME_PREFIX_BYTES_MAX + bytes);
    CHECK(room != NULL);
    size_t prefix_bytes = frame_prefix(room, (uint32_t)bytes);
    peeper__v1__server_frame__pack(frame, room + prefix_bytes);
    peer_write_bytes(peer, room, prefix_bytes + bytes);
}

void peer_reply(struct peer *peer, uint64_t id, const uint8_t *payload, size_t bytes) {
    Peeper__V1__Reply       reply = PEEPER__V1__REPLY__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    reply.payload = (ProtobufCBinaryData){.len = bytes, .data = (uint8_t *)payload};
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_REPLY;
    frame.reply = &reply;
    peer_write(peer, &frame);
}

void peer_reply_int(struct peer *peer, uint64_t id, int64_t value) {
    struct peeper_writer writer = {0};
    peeper_write_int(&writer, value);
    peer_reply(peer, id, writer.data, writer.bytes);
    peeper_writer_fini(&writer);
}

void peer_done(struct peer *peer, uint64_t id) {
    Peeper__V1__Done        done = PEEPER__V1__DONE__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_DONE;
    frame.done = &done;
    peer_write(peer, &frame);
}

void peer_error(struct peer *peer, uint64_t id, Peeper__V1__Status status, const char *message) {
    Peeper__V1__Error       error = PEEPER__V1__ERROR__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    error.status = status;
    error.message = (char *)message;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ERROR;
    frame.error = &error;
    peer_write(peer, &frame);
}

void peer_watching(struct peer *peer, uint64_t id, uint64_t ref) {
    Peeper__V1__Watching    watching = PEEPER__V1__WATCHING__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    watching.ref = ref;
    frame.id = id;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_WATCHING;
    frame.watching = &watching;
    peer_write(peer, &frame);
}

static void write_event(struct peer *peer, Peeper__V1__Event *pushed) {
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_EVENT;
    frame.event = pushed;
    peer_write(peer, &frame);
}

static ProtobufCBinaryData short_text(const char *encoded) {
    return (ProtobufCBinaryData){strlen(encoded), (uint8_t *)encoded};
}

void peer_changed(struct peer *peer, uint64_t ref, uint64_t version, bool with_old) {
    Peeper__V1__Changed  changed = PEEPER__V1__CHANGED__INIT;
    Peeper__V1__OldState old = PEEPER__V1__OLD_STATE__INIT;
    Peeper__V1__Event    pushed = PEEPER__V1__EVENT__INIT;
    changed.ref = ref;
    changed.name = (char *)"n";
    changed.unit = 3;
    changed.version = version;
    changed.at_ms = 9;
    changed.value = short_text("\x2a\x03new");
    old.value = short_text("\x2a\x03old");
    if (with_old) changed.old = &old;
    pushed.kind_case = PEEPER__V1__EVENT__KIND_CHANGED;
    pushed.changed = &changed;
    write_event(peer, &pushed);
}

void peer_ended(struct peer *peer, uint64_t ref) {
    Peeper__V1__Ended ended = PEEPER__V1__ENDED__INIT;
    Peeper__V1__Event pushed = PEEPER__V1__EVENT__INIT;
    ended.ref = ref;
    ended.name = (char *)"n";
    ended.unit = 3;
    ended.version = 8;
    ended.reason = short_text("\x2a\x03why");
    pushed.kind_case = PEEPER__V1__EVENT__KIND_ENDED;
    pushed.ended = &ended;
    write_event(peer, &pushed);
}

void peer_gap(struct peer *peer, uint64_t ref) {
    Peeper__V1__Gap   gap = PEEPER__V1__GAP__INIT;
    Peeper__V1__Event pushed = PEEPER__V1__EVENT__INIT;
    gap.ref = ref;
    gap.name = (char *)"n";
    gap.unit = 3;
    gap.first_version = 4;
    gap.last_version = 6;
    pushed.kind_case = PEEPER__V1__EVENT__KIND_GAP;
    pushed.gap = &gap;
    write_event(peer, &pushed);
}

void peer_stepped(struct peer *peer, uint64_t ref, uint64_t missed) {
    Peeper__V1__SteppedBack step = PEEPER__V1__STEPPED_BACK__INIT;
    Peeper__V1__StepBack    stepped = PEEPER__V1__STEP_BACK__INIT;
    Peeper__V1__Event       pushed = PEEPER__V1__EVENT__INIT;
    step.from = 8;
    step.to = 7;
    step.at_ms = 9;
    stepped.ref = ref;
    stepped.name = (char *)"n";
    stepped.unit = 3;
    stepped.step = &step;
    stepped.missed = missed;
    pushed.kind_case = PEEPER__V1__EVENT__KIND_STEPPED_BACK;
    pushed.stepped_back = &stepped;
    write_event(peer, &pushed);
}
