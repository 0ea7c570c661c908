// memmem.
#define _GNU_SOURCE
#include "admin/look.h"

#include "admin/exchange.h"
#include "admin/metrics_page.h"
#include "admin/peer.h"
#include "base/check.h"
#include "keeper/mirror.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// One question. The net thread has it until it is pushed back.
struct look {
    struct list  link; // in http->looks
    struct view  view;
    struct http *http; // borrowed
    uint32_t     slot;
    uint32_t     serial;
};

// --- What there is -------------------------------------------------------------------------------

static json_t *hosts(const struct view *view, const struct mirror_counts *mirror,
                     const struct http_counts *http) {
    (void)mirror;
    (void)http;
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->count; i++) {
        const struct host_row *row = &view->hosts[i];
        json_array_append_new(
            list, json_pack("{s:i, s:I, s:s, s:s, s:I, s:I, s:I}", "pid", row->pid, "serial",
                            (json_int_t)row->serial, "pool", row->pool, "state", row->state,
                            "workers", (json_int_t)row->workers, "actors", (json_int_t)row->actors,
                            "age_ms", (json_int_t)row->age_ms));
    }
    return json_pack("{s:o}", "hosts", list);
}

static json_t *workers(const struct view *view, const struct mirror_counts *mirror,
                       const struct http_counts *http) {
    (void)mirror;
    (void)http;
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->worker_count; i++) {
        const struct worker_row *row = &view->workers[i];
        json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:I, s:I}", "host_pid",
                                              row->host_pid, "worker", (json_int_t)row->index,
                                              "inflight", (json_int_t)row->inflight, "ring_bytes",
                                              (json_int_t)row->ring_bytes, "turn_ms",
                                              (json_int_t)row->turn_ms));
    }
    return json_pack("{s:o}", "workers", list);
}

static json_t *mirror_of(const struct view *view, const struct mirror_counts *mirror,
                         const struct http_counts *http) {
    (void)view;
    (void)http;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "units", (json_int_t)mirror->units, "generations",
        (json_int_t)mirror->generations, "state_bytes", (json_int_t)mirror->state_bytes, "puts",
        (json_int_t)mirror->puts, "queue_bytes", (json_int_t)mirror->queue_bytes, "table_units",
        (json_int_t)mirror->table_units, "table_bytes", (json_int_t)mirror->table_bytes);
}

static json_t *listeners(const struct view *view, const struct mirror_counts *mirror,
                         const struct http_counts *http) {
    (void)mirror;
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "watches", (json_int_t)view->gauges.watches,
                     "events", (json_int_t)view->metrics.events, "gaps",
                     (json_int_t)view->metrics.event_gaps, "events_dropped",
                     (json_int_t)view->metrics.events_dropped, "http_streams",
                     (json_int_t)http->streams);
}

static json_t *webhooks_of(const struct webhook_counts *hooks, uint32_t count) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_t *json = json_pack("{s:s, s:s, s:b}", "host", hooks[i].host, "watched",
                                 hooks[i].watched, "prefix", (int)hooks[i].prefix);
#define WEBHOOK_MEMBER(field, kind, help) \
    json_object_set_new(                  \
        json, #field,                     \
        json_integer((json_int_t)atomic_load_explicit(&hooks[i].field, memory_order_relaxed)));
        WEBHOOK_COUNTS(WEBHOOK_MEMBER)
#undef WEBHOOK_MEMBER
        json_array_append_new(list, json);
    }
    return list;
}

// To what the watches of all clients say, webhooks add what they count themselves.
static void add_webhooks(json_t *json, const char *name, const struct webhook_counts *hooks,
                         uint32_t count) {
    if (json == NULL || strcmp(name, "listeners") != 0) return;
    json_object_set_new(json, "webhooks", webhooks_of(hooks, count));
}

static json_t *counters(const struct metrics *metrics) {
    json_t *json = json_object();
#define COUNTER_MEMBER(field, name, help) \
    json_object_set_new(json, #field, json_integer((json_int_t)metrics->field));
    METRICS_COUNTERS(COUNTER_MEMBER)
#undef COUNTER_MEMBER
    return json;
}

static json_t *server(const struct view *view, const struct mirror_counts *mirror,
                      const struct http_counts *http) {
    (void)mirror;
    const struct gauges *gauges = &view->gauges;
    const struct {
        const char *name;
        uint64_t    number;
    } rows[] = {
        {"actors", gauges->actors},           {"connections", gauges->connections},
        {"inflight_turns", gauges->inflight}, {"mailbox_bytes", gauges->waiting_bytes},
        {"pending_calls", gauges->pending},   {"timers", gauges->timers},
        {"watches", gauges->watches},         {"ties", gauges->ties},
        {"own_actors", gauges->own},          {"quarantined_actors", gauges->quarantined},
        {"crashes", gauges->crashes},
    };
    json_t *json =
        json_pack("{s:s, s:i, s:b, s:b}", "version", PEEPER_VERSION, "pid", (int)getpid(), "ready",
                  (int)gauges->ready, "standby_ready", (int)gauges->standby);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_object_set_new(json, rows[i].name, json_integer((json_int_t)rows[i].number));
    }
    json_object_set_new(json, "counters", counters(&view->metrics));
    json_object_set_new(json, "http",
                        json_pack("{s:I, s:I, s:I}", "connections", (json_int_t)http->peers,
                                  "streams", (json_int_t)http->streams, "requests",
                                  (json_int_t)http->requests));
    return json;
}

static json_t *ready(const struct view *view, const struct mirror_counts *mirror,
                     const struct http_counts *http) {
    (void)mirror;
    (void)http;
    return json_pack("{s:s}", "status", view->gauges.ready ? "ok" : "no host is running");
}

static const struct kind {
    const char    *name;
    enum view_kind view;
    json_t *(*render)(const struct view *view, const struct mirror_counts *mirror,
                      const struct http_counts *http);
} KINDS[] = {
    {"hosts", VIEW_HOSTS, hosts},      {"workers", VIEW_HOSTS, workers},
    {"mirror", VIEW_SHARD, mirror_of}, {"listeners", VIEW_SHARD, listeners},
    {"server", VIEW_SHARD, server},    {"ready", VIEW_SHARD, ready},
    {"metrics", VIEW_SHARD, NULL},
};

static const struct kind *kind_of(const char *name) {
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (strcmp(KINDS[i].name, name) == 0) return &KINDS[i];
    }
    return NULL;
}

json_t *look_json(const char *name, const struct view *view, const struct mirror_counts *mirror,
                  const struct http_counts *http) {
    const struct kind *kind = kind_of(name);
    return kind == NULL || kind->render == NULL ? NULL : kind->render(view, mirror, http);
}

// --- Schemas -------------------------------------------------------------------------------------

static json_t *schema_of(const json_t *json) {
    switch (json_typeof(json)) {
        case JSON_INTEGER: return json_pack("{s:s, s:s}", "type", "integer", "format", "int64");
        case JSON_STRING: return json_pack("{s:s}", "type", "string");
        case JSON_TRUE:
        case JSON_FALSE: return json_pack("{s:s}", "type", "boolean");
        case JSON_ARRAY:
            return json_pack("{s:s, s:o}", "type", "array", "items",
                             schema_of(json_array_get(json, 0)));
        default: break;
    }
    json_t     *properties = json_object(), *required = json_array(), *value;
    const char *name;
    json_object_foreach((json_t *)json, name, value) {
        json_object_set_new(properties, name, schema_of(value));
        json_array_append_new(required, json_string(name));
    }
    return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                     required);
}

json_t *look_schema(const char *name) {
    struct host_row      host = {.pool = "general", .state = "active"};
    struct worker_row    worker = {0};
    struct mirror_counts mirror = {0};
    struct http_counts   http = {0};
    struct view          view = {.hosts = &host, .workers = &worker, .count = 1, .worker_count = 1};
    json_t              *json = look_json(name, &view, &mirror, &http);
    struct webhook_counts webhook = {.host = "", .watched = ""};
    add_webhooks(json, name, &webhook, 1);
    json_t *schema = json == NULL ? NULL : schema_of(json);
    json_decref(json);
    return schema;
}

// --- Asking --------------------------------------------------------------------------------------

// Net thread.
static void on_view_done(struct view *view) {
    struct look *look = LIST_ENTRY(view, struct look, view);
    // There is room for as many as may be under way, and the admin thread waits for all of them.
    enum status status = mailbox_push(&look->http->looks, &look->link);
    CHECK(status == STATUS_OK);
}

void look_begin(struct peer *peer) {
    struct http       *http = peer->http;
    const struct kind *kind = kind_of(peer->match.route->verb);
    struct look       *look =
        http->looking < http->options.connections_max ? calloc(1, sizeof *look) : NULL;
    CHECK(kind != NULL);
    if (look == NULL) {
        exchange_problem(peer, STATUS_OVERLOADED, 503, NULL);
        return;
    }
    if (++http->serial == 0) http->serial = 1;
    look->http = http;
    look->slot = peer->slot;
    look->serial = peer->serial = http->serial;
    list_init(&look->link);
    view_init(&look->view, kind->view, on_view_done);
    enum status status = mailbox_push(&http->shard->inbox, &look->view.message.link);
    if (status == STATUS_OK) {
        http->looking++;
        return;
    }
    free(look);
    exchange_problem(peer, STATUS_OVERLOADED, 503, NULL);
}

static void answer_metrics(struct peer *peer, const struct view *view) {
    // Who asks for plain text, and not for OpenMetrics, gets the older form (promtool is one).
    struct slice accept = peer->head.accept;
    bool         classic = accept.data != NULL &&
                   memmem(accept.data, accept.bytes, "text/plain", 10) != NULL &&
                   memmem(accept.data, accept.bytes, "openmetrics", 11) == NULL;
    const struct http     *http = peer->http;
    struct metrics_sources sources = {view, http->mirror, &http->counts, http->options.webhooks,
                                      http->options.webhook_count};
    char                  *text = metrics_page(&sources, classic);
    if (text == NULL) {
        exchange_problem(peer, STATUS_NO_MEMORY, 503, NULL);
        return;
    }
    peer_answer(peer, &(struct peer_answer){.code = 200,
                                            .type = classic ? METRICS_TYPE_CLASSIC : METRICS_TYPE,
                                            .text = text,
                                            .bytes = strlen(text)});
    free(text);
}

static void answer(struct peer *peer, struct view *view) {
    struct http         *http = peer->http;
    const char          *name = peer->match.route->verb;
    struct mirror_counts mirror;
    if (view->status != STATUS_OK) {
        exchange_problem(peer, view->status, (unsigned)status_http(view->status), NULL);
        return;
    }
    if (strcmp(name, "metrics") == 0) {
        answer_metrics(peer, view);
        return;
    }
    bool leaving = atomic_load(&http->unready);
    bool refused = strcmp(name, "ready") == 0 && (leaving || !view->gauges.ready);
    mirror_counts(http->mirror, &mirror);
    json_t *json = leaving && refused ? json_pack("{s:s}", "status", "the server is going down")
                                      : look_json(name, view, &mirror, &http->counts);
    add_webhooks(json, name, http->options.webhooks, http->options.webhook_count);
    exchange_json(peer, refused ? 503 : 200, json, NULL);
}

void look_deliver(struct http *http) {
    struct list batch;
    list_init(&batch);
    mailbox_drain(&http->looks, &batch);
    while (!list_empty(&batch)) {
        struct look *look = LIST_ENTRY(list_pop(&batch), struct look, link);
        struct peer *peer = http->peers[look->slot];
        http->looking--;
        if (peer != NULL && peer->serial == look->serial) answer(peer, &look->view);
        view_fini(&look->view);
        free(look);
    }
}
