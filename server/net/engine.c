#include "net/engine.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "keeper/exits.h"
#include "keeper/host_process.h"
#include "keeper/hosts.h"
#include "keeper/requests.h"
#include "keeper/upgrade.h"
#include "net/conn.h"
#include "net/session.h"
#include "net/spawner.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
#define WATCH_MS 4u
#define CLOSE_MS 1000u
#define HOLD_BYTES_MAX (32u << 10)
// after so many vain spins, only every SPIN_RETRY-th sleep is preceded by one
#define SPIN_MISSES_MAX 4u
#define SPIN_RETRY 16u
#define SPIN_PROCESSORS_MIN 4

// --- connections ---

// Gateways have those behind the clients'.
static bool is_client_slot(const struct engine *engine, uint32_t slot) {
    return slot < engine->options->connections_max;
}

struct conn *engine_conn(struct engine *engine, struct caller caller) {
    if (caller.conn >= engine->options->connections_max + ENGINE_GATEWAYS_MAX) return NULL;
    struct conn_slot *slot = &engine->conns[caller.conn];
    if (slot->generation != caller.generation || slot->conn == NULL) return NULL;
    // One that leaves has had its last frame.
    return slot->conn->state <= CONN_OPEN ? slot->conn : NULL;
}

void engine_forget(struct engine *engine, struct conn *conn) {
    struct conn_slot *slot = &engine->conns[conn->slot];
    if (slot->conn != conn) return;
    slot->conn = NULL;
    if (is_client_slot(engine, conn->slot)) engine->shard.connections--;
    exits_client_over(&engine->shard, (struct caller){conn->slot, conn->generation, 0});
    streams_client_over(&engine->shard, (struct caller){conn->slot, conn->generation, 0});
}

static bool find_slot(struct engine *engine, uint32_t *ret_slot) {
    uint32_t max = engine->options->connections_max;
    for (uint32_t i = 0; i < max; i++) {
        uint32_t slot = (engine->conn_next + i) % max;
        if (engine->conns[slot].conn != NULL) continue;
        engine->conn_next = slot + 1;
        *ret_slot = slot;
        return true;
    }
    return false;
}

// Over the limit the client is told so, in a connection that has no slot and therefore no requests.
static void refuse_connection(struct engine *engine, uv_stream_t *listener) {
    struct conn *conn = NULL;
    engine->shard.metrics.connections_refused++;
    enum status status = conn_accept(engine, listener, 0, 0, &conn);
    if (conn == NULL) return;
    if (status != STATUS_OK) {
        conn_close(conn);
        return;
    }
    conn_start(conn);
    if (conn->state == CONN_CLOSING) return;
    session_fault(conn, STATUS_OVERLOADED);
    conn_refuse(conn);
}

static void on_connection(uv_stream_t *listener, int status) {
    struct engine *engine = listener->data;
    engine_awake(engine);
    if (status != 0) {
        LOG_WARN("listener.failed", "error=%s", uv_err_name(status));
        return;
    }
    uint32_t slot;
    if (engine->shard.connections >= engine->options->connections_max ||
        !find_slot(engine, &slot)) {
        refuse_connection(engine, listener);
        return;
    }
    struct conn *conn = NULL;
    uint32_t     generation = ++engine->conns[slot].generation;
    if (generation == 0) generation = ++engine->conns[slot].generation;
    enum status accepted = conn_accept(engine, listener, slot, generation, &conn);
    if (conn == NULL) {
        LOG_WARN("listener.no_memory", "slot=%u", slot);
        return;
    }
    if (accepted != STATUS_OK) {
        conn_close(conn);
        return;
    }
    engine->conns[slot].conn = conn;
    engine->shard.connections++;
    engine->shard.metrics.connections_opened++;
    conn_start(conn);
}

struct adopted {
    struct shard_message  message;
    struct engine_gateway gateway;
    int                   fd;
};

// The one before, if any, has lost its other end.
static void adopt(struct engine *engine, uint32_t index, int fd) {
    uint32_t          slot_index = engine->options->connections_max + index;
    struct conn_slot *slot = &engine->conns[slot_index];
    struct conn      *conn;
    if (slot->conn != NULL) conn_close(slot->conn);
    if (++slot->generation == 0) slot->generation = 1;
    if (engine->closing ||
        conn_adopt(engine, fd, slot_index, slot->generation, &conn) != STATUS_OK) {
        close(fd);
        return;
    }
    slot->conn = conn;
    conn_start(conn);
}

static void adopted_deliver(struct shard_message *message, struct shard *shard) {
    (void)shard;
    struct adopted *adopted = LIST_ENTRY(message, struct adopted, message);
    adopt(adopted->gateway.engine, adopted->gateway.index, adopted->fd);
    free(adopted);
}

enum status engine_adopt(void *context, int fd) {
    const struct engine_gateway *gateway = context;
    struct adopted              *adopted = malloc(sizeof *adopted);
    if (adopted == NULL) return STATUS_NO_MEMORY;
    *adopted =
        (struct adopted){.message = {.deliver = adopted_deliver}, .gateway = *gateway, .fd = fd};
    enum status status = mailbox_push(&gateway->engine->shard.inbox, &adopted->message.link);
    if (status != STATUS_OK) free(adopted);
    return status;
}

// --- port ---

static void port_answer(void *context, struct caller caller, const struct answer *answer) {
    struct engine *engine = context;
    if (caller.generation == 0) return;
    // Request id 0 asks for no answer; but what failed is never kept from a client.
    if (caller.request == 0 && answer->kind != ANSWER_ERROR) return;
    struct conn *conn = engine_conn(engine, caller);
    if (conn != NULL && caller.request != 0 && conn->owed > 0) conn->owed--;
    if (conn != NULL) {
        session_answer(conn, caller.request, answer);
    } else if (caller.conn == ENGINE_SELF.conn && engine->on_answer != NULL) {
        engine->on_answer(engine->context, caller.request, answer);
    }
}

// Before hello nobody can have asked to be told anything, so whoever is found here may be.
static void port_push(void *context, struct caller client, const struct push *push) {
    struct engine *engine = context;
    struct conn   *conn = engine_conn(engine, client);
    if (conn != NULL) session_push(conn, push);
}

static enum status port_stream(void *context, struct caller client, const struct push *push) {
    struct engine *engine = context;
    struct conn   *conn = engine_conn(engine, client);
    if (conn == NULL) return STATUS_NOPROC;
    if (!conn_has_event_room(conn)) return STATUS_FULL;
    session_push(conn, push);
    return STATUS_OK;
}

static void port_on_room(void *context) {
    struct engine *engine = context;
    struct list    batch;
    list_init(&batch);
    list_splice(&batch, &engine->paused);
    while (!list_empty(&batch)) {
        conn_resume(LIST_ENTRY(batch.next, struct conn, paused));
    }
}

static void port_on_timer(void *context, struct timer *timer) {
    (void)context;
    conn_timer(timer);
}

static void port_spawn(void *context, uint32_t workers, const struct code_set *code) {
    struct engine *engine = context;
    spawner_ask(engine->spawner, workers, code);
}

static void port_read_code(void *context) {
    struct engine *engine = context;
    spawner_ask_code(engine->spawner);
}

// --- hosts ---

struct host_watch {
    uv_poll_t      doorbell;
    uv_poll_t      exit;
    struct engine *engine; // borrowed
    struct host   *host;   // borrowed from the shard
    int            open;   // handles that are not closed yet
};

static void on_watch_closed(uv_handle_t *handle) {
    struct host_watch *watch = handle->data;
    if (--watch->open == 0) free(watch);
}

static void on_doorbell(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct host_watch *watch = poll->data;
    char               rings[512];
    // Only the wake-up matters; what there is to do shows in the rings.
    ssize_t got = read(watch->host->doorbell, rings, sizeof rings);
    (void)got;
    engine_awake(watch->engine);
}

static void on_exit_seen(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct host_watch *watch = poll->data;
    engine_awake(watch->engine);
    // The handles first: they must leave the loop while their descriptors are still ours.
    uv_close((uv_handle_t *)&watch->doorbell, on_watch_closed);
    uv_close((uv_handle_t *)&watch->exit, on_watch_closed);
    bool gone = hosts_exited(&watch->engine->shard, watch->host);
    CHECK(gone);
}

static void watch_host(struct engine *engine, struct host *host) {
    struct host_watch *watch = calloc(1, sizeof *watch);
    CHECK(watch != NULL); // one small block per host process
    watch->engine = engine;
    watch->host = host;
    watch->open = 2;
    watch->doorbell.data = watch->exit.data = watch;
    CHECK(uv_poll_init(&engine->loop, &watch->doorbell, host->doorbell) == 0);
    CHECK(uv_poll_init(&engine->loop, &watch->exit, host->pidfd) == 0);
    CHECK(uv_poll_start(&watch->doorbell, UV_READABLE, on_doorbell) == 0);
    CHECK(uv_poll_start(&watch->exit, UV_READABLE, on_exit_seen) == 0);
}

struct started {
    struct shard_message message;
    struct engine       *engine;
    struct host         *host;
};

static void started_deliver(struct shard_message *message, struct shard *shard) {
    struct started *started = LIST_ENTRY(message, struct started, message);
    struct engine  *engine = started->engine;
    if (started->host == NULL) {
        hosts_spawn_failed(shard);
    } else {
        hosts_add(shard, started->host);
        watch_host(engine, started->host);
        // Only this one: the turns in flight elsewhere are still to be answered.
        if (engine->closing) hosts_lost(shard, started->host, HOST_END_RETIRED, NULL);
    }
    free(started);
}

void engine_host_started(struct engine *engine, struct host *host) {
    struct started *started = malloc(sizeof *started);
    CHECK(started != NULL); // one small block per host process
    *started =
        (struct started){.message = {.deliver = started_deliver}, .engine = engine, .host = host};
    if (mailbox_push(&engine->shard.inbox, &started->message.link) == STATUS_OK) return;
    // The net thread has ended meanwhile.
    free(started);
    if (host == NULL) return;
    host_process_kill(host);
    waitpid(host->pid, NULL, 0);
    host_destroy(host);
}

struct code_message {
    struct shard_message message;
    struct code_set     *code; // held
};

static void code_deliver(struct shard_message *message, struct shard *shard) {
    struct code_message *read = LIST_ENTRY(message, struct code_message, message);
    upgrade_code_read(shard, read->code);
    free(read);
}

void engine_code_read(struct engine *engine, struct code_set *code) {
    struct code_message *read = malloc(sizeof *read);
    CHECK(read != NULL); // one small block per upgrade
    *read = (struct code_message){.message = {.deliver = code_deliver}, .code = code};
    if (mailbox_push(&engine->shard.inbox, &read->message.link) == STATUS_OK) return;
    // The net thread has ended meanwhile.
    free(read);
    code_set_release(code);
}

// --- the loop ---

// One write for many replies: the client is owed more, and it will come any moment, so what there
// is waits for it. Not where few turns are under way, nor where no more is coming from the workers,
// nor longer than to the next look of the watch.
static bool may_hold(struct engine *engine, const struct conn *conn) {
    return conn->owed > 0 && conn->out.bytes < HOLD_BYTES_MAX && !engine->flush_all &&
           !shard_lonely(&engine->shard) && shard_inflight(&engine->shard) > 0 &&
           conn->state == CONN_OPEN;
}

static void flush_conns(struct engine *engine) {
    struct list batch;
    list_init(&batch);
    list_splice(&batch, &engine->dirty);
    while (!list_empty(&batch)) {
        struct conn *conn = LIST_ENTRY(batch.next, struct conn, dirty);
        if (may_hold(engine, conn)) {
            list_remove(&conn->dirty);
            list_push(&engine->dirty, &conn->dirty);
        } else {
            conn_flush(conn);
        }
    }
    engine->flush_all = false;
}

static void work(struct engine *engine) {
    shard_drain(&engine->shard);
    shard_publish(&engine->shard);
    flush_conns(engine);
}

// Looks for commits for a short while, because going to sleep and being woken costs more than most
// turns take. Where that is vain again and again (long turns, a busy machine) it is tried only now
// and then; and where processors are few only while few turns are under way, because the one that
// spins is then one that a worker needs.
static bool spin(struct engine *engine) {
    if (!engine->plenty && !shard_lonely(&engine->shard)) return false;
    if (engine->spin_misses >= SPIN_MISSES_MAX && engine->spin_misses % SPIN_RETRY != 0) {
        engine->spin_misses++;
        return false;
    }
    uint64_t until_ns = clock_mono_ns() + (uint64_t)engine->options->spin_us * 1000u;
    do {
        for (int i = 0; i < 64; i++) {
            if (shard_has_commits(&engine->shard)) {
                engine->spin_misses = 0;
                return true;
            }
            atomic_signal_fence(memory_order_seq_cst);
        }
    } while (clock_mono_ns() < until_ns);
    engine->spin_misses++;
    return false;
}

static void on_timer(uv_timer_t *timer) {
    // Only the wake-up matters: what is due is run before the loop sleeps again.
    struct engine *engine = timer->data;
    engine_awake(engine);
}

static void on_watch(uv_timer_t *timer) {
    struct engine *engine = timer->data;
    engine_awake(engine);
    shard_drain(&engine->shard);
    shard_watch(&engine->shard);
    engine->flush_all = true;
}

static void on_hot(uv_idle_t *idle) {
    // An active idle handle keeps the loop from sleeping; that is all it is for.
    (void)idle;
}

static void set_timers(struct engine *engine) {
    struct shard *shard = &engine->shard;
    bool          works = shard_inflight(shard) > 0 || hooks_running(&shard->hooks);
    bool          watched = works || hosts_unsettled(shard) || engine->closing;
    if (watched && !uv_is_active((uv_handle_t *)&engine->watch)) {
        uv_timer_start(&engine->watch, on_watch, WATCH_MS, WATCH_MS);
    } else if (!watched) {
        uv_timer_stop(&engine->watch);
    }
    uint64_t due_ms = heap_next_due_ms(&shard->timers);
    if (due_ms == UINT64_MAX) {
        uv_timer_stop(&engine->timer);
    } else if (!uv_is_active((uv_handle_t *)&engine->timer) || due_ms != engine->timer_due_ms) {
        engine->timer_due_ms = due_ms;
        uv_timer_start(&engine->timer, on_timer,
                       due_ms > shard->now_ms ? due_ms - shard->now_ms : 0, 0);
    }
}

static bool settled(struct engine *engine) {
    struct shard *shard = &engine->shard;
    return shard->loads == 0 &&
           (shard_inflight(shard) == 0 || shard->now_ms >= engine->close_at_ms);
}

static void close_conn(uv_handle_t *handle, void *context) {
    (void)context;
    if (uv_handle_get_type(handle) != UV_TCP || uv_is_closing(handle)) return;
    struct conn *conn = handle->data;
    conn_flush(conn);
    conn_close(conn);
}

// The last step of going down: kills the hosts and closes every handle; the loop ends when the last
// host is reaped.
static void close_all(struct engine *engine) {
    hosts_retire(&engine->shard);
    // All of them, also those that were refused and have no slot. The listener is closing already.
    uv_walk(&engine->loop, close_conn, NULL);
    mailbox_close(&engine->shard.inbox);
    shard_receive(&engine->shard);
    uv_handle_t *handles[] = {
        (uv_handle_t *)&engine->wake,  (uv_handle_t *)&engine->prepare,
        (uv_handle_t *)&engine->check, (uv_handle_t *)&engine->hot,
        (uv_handle_t *)&engine->timer, (uv_handle_t *)&engine->watch,
    };
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++) uv_close(handles[i], NULL);
}

static void begin_close(struct engine *engine) {
    engine->closing = true;
    engine->shard.stopping = true;
    engine->close_at_ms = engine->shard.now_ms + CLOSE_MS;
    uv_close((uv_handle_t *)&engine->listener, NULL);
    for (uint32_t i = 0; i < engine->options->connections_max; i++) {
        struct conn *conn = engine->conns[i].conn;
        if (conn != NULL && conn->state == CONN_OPEN) session_goodbye(conn);
    }
}

static void on_prepare(uv_prepare_t *prepare) {
    struct engine *engine = prepare->data;
    struct shard  *shard = &engine->shard;
    shard->now_ms = uv_now(&engine->loop);
    shard->wall_ms = clock_wall_ms();
    shard_run_timers(shard);
    work(engine);
    // While commits come quickly the loop does not sleep, and their replies leave before it looks
    // at the sockets.
    bool hot = shard_inflight(shard) > 0 && spin(engine);
    if (hot) work(engine);

    if (!engine->announced && shard->pools[shard->general].active != NULL) {
        engine->announced = true;
        engine->on_ready(engine->context);
    }
    if (engine->closing && settled(engine)) {
        close_all(engine);
        return;
    }
    set_timers(engine);
    engine->asleep = !hot && shard_sleep(shard);
    if (engine->asleep) {
        uv_idle_stop(&engine->hot);
    } else {
        uv_idle_start(&engine->hot, on_hot);
    }
}

void engine_awake(struct engine *engine) {
    engine->shard.now_ms = uv_now(&engine->loop);
    if (!engine->asleep) return;
    engine->asleep = false;
    shard_awake(&engine->shard);
}

static void on_check(uv_check_t *check) {
    struct engine *engine = check->data;
    engine_awake(engine);
    engine->shard.wall_ms = clock_wall_ms();
}

static void on_wake(uv_async_t *wake) {
    struct engine *engine = wake->data;
    engine_awake(engine);
    if (atomic_exchange(&engine->mirror_has_room, false)) shard_mirror_room(&engine->shard);
    if (atomic_load(&engine->close_asked) && !engine->closing) begin_close(engine);
    shard_receive(&engine->shard);
}

// --- up and down ---

static void wake_engine(void *context) {
    struct engine *engine = context;
    uv_async_send(&engine->wake);
}

void engine_mirror_change(void *context, const struct mirror_change *change) {
    struct engine *engine = context;
    changes_push(&engine->shard.changes, change);
}

void engine_mirror_room(void *context) {
    struct engine *engine = context;
    atomic_store(&engine->mirror_has_room, true);
    uv_async_send(&engine->wake);
}

static bool split_address(const char *address, char *host, size_t host_bytes, int *ret_port) {
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= host_bytes) return false;
    size_t bytes = (size_t)(colon - address);
    // [::1]:7420
    if (bytes >= 2 && address[0] == '[' && colon[-1] == ']') {
        address++;
        bytes -= 2;
    }
    memcpy(host, address, bytes);
    host[bytes] = '\0';

    char *end;
    long  port = strtol(colon + 1, &end, 10);
    if (colon[1] == '\0' || *end != '\0' || port < 0 || port > 65535) return false;
    *ret_port = (int)port;
    return true;
}

bool engine_address(const char *address, struct sockaddr_storage *ret_address) {
    char                    host[64];
    int                     port;
    struct sockaddr_storage storage = {0};
    if (!split_address(address, host, sizeof host, &port)) return false;
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&storage) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&storage) != 0) {
        return false;
    }
    *ret_address = storage;
    return true;
}

static enum status listen_on(struct engine *engine, const char *address) {
    struct sockaddr_storage where;
    if (!engine_address(address, &where)) return STATUS_INVALID;
    if (uv_tcp_bind(&engine->listener, (struct sockaddr *)&where, 0) != 0) return STATUS_IO;
    if (uv_listen((uv_stream_t *)&engine->listener, LISTEN_BACKLOG, on_connection) != 0)
        return STATUS_IO;
    return STATUS_OK;
}

static void init_handles(struct engine *engine) {
    CHECK(uv_tcp_init(&engine->loop, &engine->listener) == 0);
    CHECK(uv_async_init(&engine->loop, &engine->wake, on_wake) == 0);
    CHECK(uv_prepare_init(&engine->loop, &engine->prepare) == 0);
    CHECK(uv_check_init(&engine->loop, &engine->check) == 0);
    CHECK(uv_idle_init(&engine->loop, &engine->hot) == 0);
    CHECK(uv_timer_init(&engine->loop, &engine->timer) == 0);
    CHECK(uv_timer_init(&engine->loop, &engine->watch) == 0);
    engine->listener.data = engine->wake.data = engine->prepare.data = engine->check.data =
        engine->hot.data = engine->timer.data = engine->watch.data = engine;
}

enum status engine_init(struct engine *engine, const struct keeper_options *options,
                        struct mirror *mirror, struct spawner *spawner, const char *address) {
    struct port port = {
        .context = engine,
        .answer = port_answer,
        .push = port_push,
        .stream = port_stream,
        .on_room = port_on_room,
        .on_timer = port_on_timer,
        .spawn = port_spawn,
        .read_code = port_read_code,
    };
    engine->options = options;
    engine->plenty = uv_available_parallelism() >= SPIN_PROCESSORS_MIN;
    engine->spawner = spawner;
    list_init(&engine->dirty);
    list_init(&engine->paused);
    engine->conns =
        calloc((size_t)options->connections_max + ENGINE_GATEWAYS_MAX, sizeof *engine->conns);
    if (engine->conns == NULL) return STATUS_NO_MEMORY;
    enum status status = codec_init(&engine->codec, options->frame_bytes_max);
    if (status != STATUS_OK) return status;
    if (uv_loop_init(&engine->loop) != 0) return STATUS_NO_MEMORY;
    init_handles(engine);
    status = shard_init(&engine->shard, options, mirror, &port, wake_engine, engine);
    if (status != STATUS_OK) return status;
    return listen_on(engine, address);
}

uint16_t engine_port(const struct engine *engine) {
    struct sockaddr_storage where;
    int                     bytes = sizeof where;
    if (uv_tcp_getsockname(&engine->listener, (struct sockaddr *)&where, &bytes) != 0) return 0;
    // The port stands at the same place in both kinds of address.
    return ntohs(((struct sockaddr_in *)&where)->sin_port);
}

static void engine_body(struct thread *thread, void *context) {
    struct engine *engine = context;
    thread_role_set(ROLE_NET);
    uv_prepare_start(&engine->prepare, on_prepare);
    uv_check_start(&engine->check, on_check);
    engine->shard.now_ms = uv_now(&engine->loop);
    hosts_refill(&engine->shard);
    thread_ready(thread, STATUS_OK);
    uv_run(&engine->loop, UV_RUN_DEFAULT);
}

enum status engine_start(struct engine *engine) {
    return thread_start(&engine->thread, "net", engine_body, engine);
}

void engine_close(struct engine *engine) {
    atomic_store(&engine->close_asked, true);
    uv_async_send(&engine->wake);
}

void engine_stop(struct engine *engine) {
    thread_join(&engine->thread);
}

void engine_fini(struct engine *engine) {
    CHECK(uv_loop_close(&engine->loop) == 0);
    shard_fini(&engine->shard);
    codec_fini(&engine->codec);
    free(engine->conns);
}
