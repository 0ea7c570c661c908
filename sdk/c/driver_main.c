// driver: the C SDK for programs that speak JSON, so that one set of cases tests all SDKs. It reads
// one request a line on stdin and writes one answer or event a line on stdout, in whatever order
// they come:
//
//     {"id": 7, "client": "main", "verb": "call", "args": {...}}
//     {"id": 7, "ok": ...} or {"id": 7, "error": {...}}
//     {"client": "main", "event": "down", ...}
//
// Verbs and arguments are those of driver_verbs.c, and "connect", "close", "features".
#include "base/buf.h"
#include "driver_answers.h"
#include "driver_verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define INPUT_BYTES 65536

struct client {
    struct client        *next;
    struct peeper_client *peeper; // owned
    char                 *name;   // owned
    json_t               *asked;  // owned; the id of "connect", or of "close"; NULL: answered
    bool                  up;
};

struct waiting {
    json_t                   *id; // owned
    const struct driver_verb *verb;
};

static struct client *clients;
static struct buf     input;
static char           room[INPUT_BYTES];
static bool           ended; // there is no more input

// --- What is told --------------------------------------------------------------------------------

// Owns: `json`.
static void say(json_t *json) {
    json_dumpf(json, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    fflush(stdout);
    json_decref(json);
}

// Owns: `id` and `answer`.
static void tell(json_t *id, const char *word, json_t *answer) {
    say(json_pack("{s:o, s:o}", "id", id != NULL ? id : json_null(), word, answer));
}

// Of what was not sent.   Owns: `id`.
static void refuse(json_t *id, enum peeper_status status, const char *why) {
    tell(id, "error",
         json_pack("{s:s, s:s, s:s?}", "local", peeper_status_name(status), "message",
                   peeper_status_text(status), "argument", why));
}

static void on_answer(void *user, const struct peeper_answer *answer) {
    struct waiting *waiting = user;
    if (answer->error.status != PEEPER_STATUS_OK) {
        tell(waiting->id, "error", driver_error_json(&answer->error));
    } else {
        tell(waiting->id, "ok", waiting->verb->tell(answer));
    }
    free(waiting);
}

static json_t *take_asked(struct client *client) {
    json_t *id = client->asked;
    client->asked = NULL;
    return id;
}

static void on_up(void *user, const struct peeper_welcome *welcome) {
    struct client *client = user;
    client->up = true;
    tell(take_asked(client), "ok", driver_welcome_json(welcome));
}

static void on_down(void *user, const struct peeper_error *error) {
    struct client *client = user;
    if (!client->up && client->asked != NULL) {
        tell(take_asked(client), "error", driver_error_json(error));
        return;
    }
    say(json_pack("{s:s, s:s, s:s}", "client", client->name, "event", "disconnected", "message",
                  error->message));
}

static void on_event(void *user, const struct peeper_event *event) {
    struct client *client = user;
    json_t        *json = driver_event_json(event);
    json_object_set_new(json, "client", json_string(client->name));
    say(json);
}

static void on_closed(void *user) {
    struct client *client = user;
    for (struct client **at = &clients; *at != NULL; at = &(*at)->next) {
        if (*at != client) continue;
        *at = client->next;
        break;
    }
    if (client->asked != NULL) tell(take_asked(client), "ok", json_object());
    peeper_client_destroy(client->peeper);
    free(client->name);
    free(client);
}

// --- What is asked -------------------------------------------------------------------------------

static struct client *find(const char *name) {
    struct client *client = clients;
    while (client != NULL && strcmp(client->name, name) != 0) client = client->next;
    return client;
}

static uint32_t ms(const json_t *args, const char *name) {
    return (uint32_t)json_integer_value(json_object_get(args, name));
}

static const char *text(const json_t *json, const char *name, const char *otherwise) {
    const char *found = json_string_value(json_object_get(json, name));
    return found != NULL ? found : otherwise;
}

static void run_connect(uv_loop_t *loop, const char *name, const json_t *args, json_t *id) {
    char                  address[512];
    struct client        *client = calloc(1, sizeof *client);
    struct peeper_hooks   hooks = {.on_up = on_up,
                                   .on_down = on_down,
                                   .on_event = on_event,
                                   .on_closed = on_closed,
                                   .user = client};
    struct peeper_options options = {
        .token = text(args, "token", NULL),
        .client = text(args, "client", "driver"),
        .connect_timeout_ms = ms(args, "connect_timeout_ms"),
        .request_timeout_ms = ms(args, "request_timeout_ms"),
        .requests_max = ms(args, "requests_max"),
    };
    if (client == NULL) abort();
    snprintf(address, sizeof address, "%.400s:%u", text(args, "host", "127.0.0.1"),
             ms(args, "port"));
    client->name = strdup(name);
    client->asked = json_incref(id);
    client->next = clients;
    clients = client;
    enum peeper_status status =
        peeper_client_open(address, &options, &hooks, loop, &client->peeper);
    if (status == PEEPER_STATUS_OK) return;
    clients = client->next;
    refuse(take_asked(client), status, NULL);
    free(client->name);
    free(client);
}

static void run_close(struct client *client, json_t *id) {
    client->asked = json_incref(id);
    peeper_client_close(client->peeper);
}

static void run_verb(struct client *client, const struct driver_verb *verb, const json_t *args,
                     json_t *id) {
    struct waiting *waiting = malloc(sizeof *waiting);
    if (waiting == NULL) abort();
    *waiting = (struct waiting){json_incref(id), verb};
    struct driver_ask ask = {
        .client = client->peeper, .args = args, .then = peeper_then(on_answer, waiting)};
    enum peeper_status status = driver_ask_run(&ask, verb);
    if (status == PEEPER_STATUS_OK) return;
    refuse(waiting->id, status, ask.wrong);
    free(waiting);
}

static void run_features(json_t *id) {
    json_t                   *list = json_pack("[s, s, s]", "close", "connect", "features");
    const struct driver_verb *verb;
    for (size_t i = 0; (verb = driver_verb_at(i)) != NULL; i++)
        json_array_append_new(list, json_string(verb->name));
    tell(json_incref(id), "ok", list);
}

static void run(uv_loop_t *loop, const json_t *line) {
    json_t                   *id = json_object_get(line, "id");
    const json_t             *args = json_object_get(line, "args");
    const char               *name = text(line, "client", "main"), *word = text(line, "verb", "");
    struct client            *client = find(name);
    const struct driver_verb *verb = driver_verb_find(word);
    if (strcmp(word, "features") == 0) {
        run_features(id);
    } else if (strcmp(word, "connect") == 0) {
        run_connect(loop, name, args, id);
    } else if (client == NULL) {
        refuse(json_incref(id), PEEPER_STATUS_INVALID, "client");
    } else if (strcmp(word, "close") == 0) {
        run_close(client, id);
    } else if (verb == NULL) {
        refuse(json_incref(id), PEEPER_STATUS_INVALID, "verb");
    } else {
        run_verb(client, verb, args, id);
    }
}

// --- Input ---------------------------------------------------------------------------------------

static void take_line(uv_loop_t *loop, const char *data, size_t bytes) {
    json_error_t error;
    json_t      *line = json_loadb(data, bytes, JSON_ALLOW_NUL, &error);
    if (line == NULL) {
        fprintf(stderr, "peeper-driver: %s in a line of %zu bytes\n", error.text, bytes);
        return;
    }
    run(loop, line);
    json_decref(line);
}

static void end_input(uv_stream_t *stream) {
    ended = true;
    uv_close((uv_handle_t *)stream, NULL);
    // Each leaves the list when it is closed, which is never within this loop.
    for (struct client *client = clients; client != NULL; client = client->next)
        peeper_client_close(client->peeper);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf) {
    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    if (count == 0) return;
    if (count < 0) {
        end_input(stream);
        return;
    }
    // What was there has no end of a line in it.
    size_t from = input.bytes, done = 0;
    if (buf_append(&input, buf->base, (size_t)count) != STATUS_OK) abort();
    const uint8_t *end;
    while ((end = memchr(input.data + from, '\n', input.bytes - from)) != NULL) {
        size_t at = (size_t)(end - input.data);
        take_line(stream->loop, (const char *)input.data + done, at - done);
        from = done = at + 1;
    }
    buf_consume(&input, done);
}

int main(void) {
    uv_loop_t loop;
    uv_pipe_t in;
    if (uv_loop_init(&loop) != 0 || uv_pipe_init(&loop, &in, 0) != 0) return 1;
    if (uv_pipe_open(&in, 0) != 0 || uv_read_start((uv_stream_t *)&in, on_alloc, on_read) != 0) {
        fprintf(stderr, "peeper-driver: stdin is no pipe\n");
        return 1;
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    buf_fini(&input);
    return uv_loop_close(&loop) == 0 && ended ? 0 : 1;
}
