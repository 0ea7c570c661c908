#include "admin/stream.h"

#include "admin/exchange.h"
#include "admin/peer.h"
#include "admin/server.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_prefixed(const struct peer *peer) {
    return (peer->match.route->marks & ROUTE_PREFIXED) != 0;
}

static struct list *bucket(struct http *http, uint64_t ref) {
    return &http->streams[ref % HTTP_STREAM_BUCKETS];
}

// Nobody waits for the answer.
static void unwatch(struct http *http, const char *watch, uint64_t ref) {
    struct codec_json_fault fault;
    struct buf             *out = gateway_output(&http->gateway);
    const char             *verb = strcmp(watch, "watch") == 0 ? "unwatch" : "demonitor";
    if (out == NULL || codec_json_release(out, verb, ref, &fault) == STATUS_OK) return;
    LOG_WARN("http.no_memory", "%s=%" PRIu64, verb, ref);
}

static void give_up(struct peer *peer) {
    if (peer->stream.ref == 0) return;
    list_remove(&peer->stream.bucket);
    unwatch(peer->http, peer->match.route->verb, peer->stream.ref);
    peer->stream.ref = 0;
}

static void write_event(struct peer *peer, const char *event, const char *data) {
    char head[128];
    int  bytes = 0;
    if (peer->stream.version != 0 && !is_prefixed(peer)) {
        bytes = snprintf(head, sizeof head, "id: %" PRIu64 ".%" PRIu64 "\n", peer->stream.unit,
                         peer->stream.version);
    }
    bytes += snprintf(head + bytes, sizeof head - (size_t)bytes, "event: %s\ndata: ", event);
    struct buf text = {0};
    bool       whole = buf_append(&text, head, (size_t)bytes) == STATUS_OK &&
                 buf_append(&text, data, strlen(data)) == STATUS_OK &&
                 buf_append(&text, "\n\n", 2) == STATUS_OK;
    if (whole) {
        peer_write(peer, text.data, text.bytes);
    } else {
        peer_close(peer);
    }
    buf_fini(&text);
}

static void beat_later(struct peer *peer) {
    peer->stream.beat_ms = http_now_ms(peer->http) + peer->http->options.heartbeat_ms;
}

void stream_begin(struct peer *peer, uint64_t ref) {
    struct http *http = peer->http;
    peer->stream.ref = ref;
    peer->stream.paused = false;
    list_push(bucket(http, ref), &peer->stream.bucket);
    peer->serial = 0;
    if (peer->state == PEER_STREAM) return;
    peer->stream.unit = peer->stream.version = 0;
    http->counts.streams++;
    peer_begin_stream(peer);
    beat_later(peer);
}

void stream_abandon(struct http *http, const char *body, uint64_t ref) {
    if (strcmp(body, "watching") == 0) unwatch(http, "watch", ref);
    if (strcmp(body, "monitored") == 0) unwatch(http, "monitor", ref);
}

void stream_refused(struct peer *peer, const struct codec_json_answer *answer) {
    char *text = json_dumps(answer->json, JSON_COMPACT);
    peer->stream.version = 0;
    if (text != NULL) write_event(peer, "error", text);
    free(text);
    peer_leave(peer);
}

static uint64_t number(const json_t *json, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(json, name));
}

static void remember(struct peer *peer, const json_t *json) {
    const char *version = json_object_get(json, "version") != NULL ? "version" : "last_version";
    if (number(json, version) == 0) return;
    peer->stream.unit = number(json, "unit");
    peer->stream.version = number(json, version);
}

static void tell(struct peer *peer, const struct codec_json_answer *answer) {
    char *text = json_dumps(answer->json, JSON_COMPACT);
    if (text == NULL) {
        peer_close(peer);
        return;
    }
    remember(peer, answer->json);
    beat_later(peer);
    write_event(peer, answer->body, text);
    free(text);
    if (strcmp(answer->body, "down") == 0) peer_leave(peer);
}

static struct peer *find(struct http *http, uint64_t ref) {
    struct list *head = bucket(http, ref);
    for (struct list *at = head->next; at != head; at = at->next) {
        struct peer *peer = LIST_ENTRY(at, struct peer, stream.bucket);
        if (peer->stream.ref == ref) return peer;
    }
    return NULL;
}

void stream_event(struct http *http, const struct codec_json_answer *answer) {
    struct peer *peer = answer->ref == 0 ? NULL : find(http, answer->ref);
    if (peer == NULL) return;
    bool first = peer_backlog(peer) == 0;
    if (first || peer_backlog(peer) < http->options.stream_bytes_max) {
        tell(peer, answer);
        return;
    }
    give_up(peer);
    peer->stream.paused = true;
    http->counts.pauses++;
}

// With what goes on after the last event.
static json_t *members_again(struct peer *peer) {
    json_t *members = exchange_members(peer);
    if (members == NULL || is_prefixed(peer) || peer->stream.version == 0) return members;
    json_object_set_new(members, "from_version",
                        json_integer((json_int_t)peer->stream.version + 1));
    json_object_set_new(members, "unit", json_integer((json_int_t)peer->stream.unit));
    return members;
}

void stream_room(struct peer *peer) {
    struct codec_json_fault fault;
    if (peer->serial != 0) return; // asked already
    peer->stream.paused = false;
    if (is_prefixed(peer) || peer->stream.version == 0) {
        write_event(peer, "gap",
                    "{\"name\":\"\",\"unit\":0,\"first_version\":0,\"last_version\":0}");
    }
    json_t *members = peer->state == PEER_STREAM ? members_again(peer) : NULL;
    if (members == NULL || exchange_ask(peer, members, &fault) != STATUS_OK) peer_leave(peer);
}

void stream_tick(struct peer *peer, uint64_t now_ms) {
    if (now_ms < peer->stream.beat_ms) return;
    beat_later(peer);
    // One is enough to find out that nobody is there.
    if (peer_backlog(peer) == 0) peer_write(peer, ":\n\n", 3);
}

void stream_over(struct peer *peer) {
    if (peer->state != PEER_STREAM) return;
    give_up(peer);
    peer->http->counts.streams--;
}
