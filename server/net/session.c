#include "net/session.h"

#include "base/log.h"
#include "keeper/requests.h"
#include "keeper/table_view.h"
#include "keeper/view.h"
#include "net/conn.h"
#include "net/engine.h"
#include "wire/codec.h"
#include "wire/fast.h"

#include <stdlib.h>
#include <string.h>

#define PROTOCOL_VERSION 1u

// An answer that cannot be stored for want of memory leaves a client waiting; so its connection
// ends.
static void written(struct conn *conn, enum status status) {
    if (status == STATUS_OK) {
        conn_limit_output(conn);
        return;
    }
    LOG_ERROR("conn.no_memory", "slot=%u", conn->slot);
    conn_close(conn);
}

void session_answer(struct conn *conn, uint64_t request, const struct answer *answer) {
    struct buf *out = conn_output(conn);
    enum status status = STATUS_OK;
    switch (answer->kind) {
        case ANSWER_REPLY: status = codec_write_reply(out, request, answer->payload); break;
        case ANSWER_ERROR: status = codec_write_error(out, request, answer->failure); break;
        case ANSWER_DONE: status = codec_write_done(out, request); break;
        case ANSWER_STARTED:
            status = codec_write_started(out, request,
                                         &(struct started_info){.id = answer->id,
                                                                .unit = answer->unit,
                                                                .name = answer->name,
                                                                .info = answer->payload,
                                                                .monitor = answer->ref,
                                                                .ignored = answer->ignored});
            break;
        case ANSWER_LOCATED: status = codec_write_located(out, request, answer->id); break;
        case ANSWER_INFO: status = codec_write_actor_info(out, request, answer->info); break;
        case ANSWER_CHILDREN:
            status =
                codec_write_children(out, request, answer->children, answer->count, answer->next);
            break;
        case ANSWER_CHILD_COUNTS:
            status = codec_write_child_counts(out, request, answer->counts);
            break;
        case ANSWER_TRANSFER_PREPARED:
            status = codec_write_transfer_prepared(out, request, answer->id, answer->valid_ms);
            break;
        case ANSWER_UPGRADED:
            status = codec_write_upgrade_report(out, request, answer->report);
            break;
        case ANSWER_BEHAVIOURS:
            status = codec_write_behaviours(out, request, answer->behaviours, answer->count);
            break;
        case ANSWER_MONITORED: status = codec_write_monitored(out, request, answer->ref); break;
        case ANSWER_WATCHING: status = codec_write_watching(out, request, answer->ref); break;
    }
    written(conn, status);
}

void session_push(struct conn *conn, const struct push *push) {
    written(conn, codec_write_push(conn_output(conn), push));
}

static void fail(struct conn *conn, uint64_t request, enum status status, const char *message) {
    struct failure failure = {.status = status, .message = message};
    struct answer  answer = {.kind = ANSWER_ERROR, .failure = &failure};
    session_answer(conn, request, &answer);
}

void session_fault(struct conn *conn, enum status status) {
    bool late = status == STATUS_TIMEOUT;
    fail(conn, 0, status, late ? "no hello came in time" : NULL);
}

void session_goodbye(struct conn *conn) {
    written(conn, codec_write_goodbye(conn_output(conn), "the server is going down"));
}

// --- hello ---

// Takes the same time for every wrong token of the right length.
static bool token_matches(const char *wanted, struct slice token) {
    size_t  bytes = strlen(wanted);
    uint8_t difference = 0;
    if (token.bytes != bytes) return false;
    for (size_t i = 0; i < bytes; i++) difference |= (uint8_t)(token.data[i] ^ (uint8_t)wanted[i]);
    return difference == 0;
}

static enum status refuse_hello(struct conn *conn, uint64_t request, enum status status) {
    fail(conn, request, status, NULL);
    conn_refuse(conn);
    return STATUS_OK;
}

static enum status run_hello(struct conn *conn, const struct request *request) {
    const struct keeper_options *options = conn->engine->options;
    if (request->protocol_version != PROTOCOL_VERSION) {
        return refuse_hello(conn, request->id, STATUS_UNSUPPORTED_VERSION);
    }
    if (options->token != NULL && !token_matches(options->token, request->token)) {
        return refuse_hello(conn, request->id, STATUS_UNAUTHENTICATED);
    }
    struct welcome welcome = {
        .server_version = PEEPER_VERSION,
        .frame_bytes_max = options->frame_bytes_max,
        .name_bytes_max = NAME_BYTES_MAX,
        .deadline_ms_max = DEADLINE_MS_MAX,
        .mailbox_max = options->mailbox_max,
        .idempotency = request->idempotency,
    };
    conn->state = CONN_OPEN;
    heap_cancel(&conn->engine->shard.timers, &conn->timer);
    written(conn, codec_write_welcome(conn_output(conn), request->id, &welcome));
    return STATUS_OK;
}

// --- looks ---

struct look {
    struct view    view;
    struct engine *engine; // borrowed
    struct caller  caller;
    bool           state_only; // GetState
};

static void look_answer(struct conn *conn, const struct look *look, const struct actor_info *info) {
    struct answer answer = {.kind = ANSWER_INFO, .info = info};
    if (!look->state_only) {
        session_answer(conn, look->caller.request, &answer);
    } else if (info->has_state) {
        written(conn, codec_write_state(conn_output(conn), look->caller.request, info));
    } else {
        fail(conn, look->caller.request, STATUS_NOT_FOUND,
             info->is_supervisor ? "a supervisor has no state" : "no state was committed yet");
    }
}

static void look_done(struct view *view) {
    struct look *look = LIST_ENTRY(view, struct look, view);
    struct conn *conn = engine_conn(look->engine, look->caller);
    if (conn == NULL) {
        // The asker has hung up.
    } else if (view->status != STATUS_OK) {
        fail(conn, look->caller.request, view->status,
             view->detail[0] == '\0' ? NULL : view->detail);
    } else if (view->kind == VIEW_GENERATIONS) {
        written(conn,
                codec_write_generations(conn_output(conn), look->caller.request, view->generations,
                                        view->generation_count, view->generations_kept));
    } else if (view->kind == VIEW_ACTOR) {
        look_answer(conn, look, &view->infos[0]);
    } else if (view->kind == VIEW_TABLES) {
        written(conn, codec_write_table_listing(conn_output(conn), look->caller.request,
                                                view->page.tables, view->count));
    } else if (view->kind == VIEW_ROWS) {
        written(conn, codec_write_rows(conn_output(conn), look->caller.request, view->page.rows,
                                       view->count, view->page.next));
    } else if (view->kind == VIEW_CRASH) {
        written(conn, codec_write_crash_report(conn_output(conn), look->caller.request,
                                               &view->reports[0]));
    } else if (view->kind == VIEW_CRASHES) {
        written(conn, codec_write_crash_listing(conn_output(conn), look->caller.request,
                                                view->reports, view->count, view->next));
    } else {
        written(conn, codec_write_listing(conn_output(conn), look->caller.request, view->infos,
                                          view->count, view->next));
    }
    view_fini(view);
    free(look);
}

static enum view_kind view_of(enum verb verb) {
    switch (verb) {
        case VERB_LIST: return VIEW_LIST;
        case VERB_LIST_CRASHES: return VIEW_CRASHES;
        case VERB_SHOW_CRASH: return VIEW_CRASH;
        case VERB_LIST_GENERATIONS: return VIEW_GENERATIONS;
        case VERB_LIST_TABLES: return VIEW_TABLES;
        case VERB_READ_TABLE: return VIEW_ROWS;
        default: return VIEW_ACTOR;
    }
}

// False: the asker has heard why not.
static bool look_prepare(struct conn *conn, const struct request *request, struct look *look) {
    if (look->view.kind != VIEW_ROWS) return true;
    const char *fault = NULL;
    enum status status =
        table_view_ask(&look->view, request->table, request->key_prefix, request->after, &fault);
    if (status == STATUS_OK) return true;
    fail(conn, request->id, status, fault);
    return false;
}

static void run_look(struct conn *conn, const struct request *request) {
    struct look *look = request->name.bytes <= NAME_BYTES_MAX ? malloc(sizeof *look) : NULL;
    if (look == NULL) {
        bool too_long = request->name.bytes > NAME_BYTES_MAX;
        fail(conn, request->id, too_long ? STATUS_INVALID : STATUS_NO_MEMORY,
             too_long ? "name: over 255 bytes" : NULL);
        return;
    }
    look->engine = conn->engine;
    look->caller = (struct caller){conn->slot, conn->generation, request->id};
    look->state_only = request->verb == VERB_GET_STATE;
    view_init(&look->view, view_of(request->verb), look_done);
    look->view.target = request->target;
    look->view.name_bytes = (uint32_t)request->name.bytes;
    if (request->name.bytes > 0) memcpy(look->view.name, request->name.data, request->name.bytes);
    look->view.version = request->version;
    look->view.crash = request->crash;
    look->view.cursor = request->cursor;
    look->view.limit = request->limit;
    if (!look_prepare(conn, request, look)) {
        view_fini(&look->view);
        free(look);
        return;
    }
    view_run(&conn->engine->shard, &look->view);
}

// --- frames ---

static enum status run(struct conn *conn, const struct request *request) {
    switch (request->verb) {
        case VERB_HELLO: fail(conn, request->id, STATUS_INVALID, "hello: was said before"); break;
        case VERB_PING: written(conn, codec_write_pong(conn_output(conn), request->id)); break;
        case VERB_LIST:
        case VERB_LIST_CRASHES:
        case VERB_SHOW_CRASH:
        case VERB_INSPECT:
        case VERB_LIST_GENERATIONS:
        case VERB_LIST_TABLES:
        case VERB_READ_TABLE:
        case VERB_GET_STATE: run_look(conn, request); break;
        default: {
            struct caller caller = {conn->slot, conn->generation, request->id};
            if (request->id == 0) return request_run(&conn->engine->shard, caller, request);
            // Before, because the answer may come at once.
            conn->owed++;
            enum status status = request_run(&conn->engine->shard, caller, request);
            if (status == STATUS_AGAIN) conn->owed--;
            return status;
        }
    }
    return STATUS_OK;
}

// A frame that was put off comes again and is counted then.
static enum status run_counted(struct conn *conn, const struct request *request) {
    enum status status = run(conn, request);
    if (status != STATUS_AGAIN) conn->engine->shard.metrics.frames++;
    return status;
}

enum status session_frame(struct conn *conn, struct slice frame) {
    struct engine *engine = conn->engine;
    struct request request;
    enum status    status = codec_decode(&engine->codec, frame, &request);
    if (status != STATUS_OK) return status;
    if (conn->state == CONN_HELLO) {
        engine->shard.metrics.frames++;
        return request.verb == VERB_HELLO ? run_hello(conn, &request) : STATUS_PROTOCOL;
    }
    return run_counted(conn, &request);
}

// What a frame is known to be before its turn comes.
static bool decode_ahead(struct conn *conn, struct slice frame, struct request *ret_request) {
    if (conn->state != CONN_OPEN || !fast_decode_hot(frame, ret_request)) return false;
    actor_prefetch_place(&conn->engine->shard.actors, ret_request->name);
    return true;
}

enum status session_batch(struct conn *conn, const struct slice *frames, uint32_t count,
                          uint32_t *ret_done) {
    struct request requests[SESSION_BATCH];
    bool           ahead[SESSION_BATCH];
    enum status    status = STATUS_OK;
    uint32_t       done = 0;
    for (uint32_t i = 0; i < count; i++) ahead[i] = decode_ahead(conn, frames[i], &requests[i]);
    for (uint32_t i = 0; i < count; i++) {
        if (ahead[i]) actor_prefetch(&conn->engine->shard.actors, requests[i].name);
    }
    for (; done < count && conn->state <= CONN_OPEN; done++) {
        status =
            ahead[done] ? run_counted(conn, &requests[done]) : session_frame(conn, frames[done]);
        if (status != STATUS_OK) break;
    }
    *ret_done = done;
    return status;
}
