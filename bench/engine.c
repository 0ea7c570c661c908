#include "engine.h"

#include "fatal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_BYTES (64 * 1024)
#define EVENTS_MAX 64
#define ANSWER_MS_MAX 30000
#define SLOT_BITS 12 // of PIPELINE_MAX
#define ID_GENERATIONS 0x7fffu
#define ID_HIGHEST_BIT (1u << 27)

struct slot {
    struct request request;
    uint32_t       id; // 0: free
    uint32_t       generation;
};

struct conn {
    int      fd;
    bool     waits_to_write;
    uint32_t in_flight;
    uint32_t
        oldest; // index in `slots` of the first request without an answer; for ordered protocols
    uint32_t     newest; // index in `slots` for the next request; for ordered protocols
    uint32_t     idle_count;
    uint32_t    *idle;  // owned; indices of free slots, for the others
    struct slot *slots; // owned; `pipeline` of them
    uint8_t     *out;   // owned
    size_t       out_bytes;
    size_t       out_sent;
    uint8_t     *in; // owned
    size_t       in_bytes;
};

struct engine {
    struct engine_options options;
    int                   epoll_fd;
    uint64_t              in_flight;
    struct conn          *conns; // owned
};

uint64_t engine_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const struct protocol *engine_protocol(const struct engine *engine) {
    return engine->options.protocol;
}

static void *allocate(size_t count, size_t bytes) {
    void *memory = calloc(count, bytes);
    if (!memory) fatal("no memory");
    return memory;
}

// --- Slots: which requests are out ---------------------------------------------------------------

static struct slot *slot_take(struct engine *engine, struct conn *conn) {
    uint32_t index;
    if (engine->options.protocol->ordered) {
        index = conn->newest;
        conn->newest = (index + 1) % engine->options.pipeline;
    } else {
        index = conn->idle[--conn->idle_count];
    }
    struct slot *slot = &conn->slots[index];
    slot->generation = (slot->generation + 1) & ID_GENERATIONS;
    slot->id = ID_HIGHEST_BIT | slot->generation << SLOT_BITS | index;
    conn->in_flight++;
    engine->in_flight++;
    return slot;
}

static struct slot *slot_find(const struct engine *engine, struct conn *conn,
                              const struct answer *answer) {
    bool     ordered = engine->options.protocol->ordered;
    uint32_t index = ordered ? conn->oldest : answer->id & (PIPELINE_MAX - 1);
    if (conn->in_flight == 0 || index >= engine->options.pipeline) fatal("an answer too many");
    struct slot *slot = &conn->slots[index];
    if (slot->id == 0 || (!ordered && slot->id != answer->id))
        fatal("an answer to id %u, which was not asked: %.*s", answer->id, (int)answer->text_bytes,
              answer->text ? answer->text : "");
    return slot;
}

static void slot_free(struct engine *engine, struct conn *conn, struct slot *slot) {
    slot->id = 0;
    if (engine->options.protocol->ordered)
        conn->oldest = (conn->oldest + 1) % engine->options.pipeline;
    else
        conn->idle[conn->idle_count++] = (uint32_t)(slot - conn->slots);
    conn->in_flight--;
    engine->in_flight--;
}

// --- Connections ---------------------------------------------------------------------------------

static void conn_watch(const struct engine *engine, struct conn *conn, int operation, bool write) {
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0u), .data.ptr = conn};
    if (epoll_ctl(engine->epoll_fd, operation, conn->fd, &event) != 0)
        fatal("epoll_ctl: %s", strerror(errno));
    conn->waits_to_write = write;
}

static void conn_flush(const struct engine *engine, struct conn *conn) {
    while (conn->out_sent < conn->out_bytes) {
        ssize_t sent =
            write(conn->fd, conn->out + conn->out_sent, conn->out_bytes - conn->out_sent);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            if (!conn->waits_to_write) conn_watch(engine, conn, EPOLL_CTL_MOD, true);
            return;
        }
        if (sent < 0) fatal("write: %s", strerror(errno));
        conn->out_sent += (size_t)sent;
    }
    conn->out_sent = conn->out_bytes = 0;
    if (conn->waits_to_write) conn_watch(engine, conn, EPOLL_CTL_MOD, false);
}

static void conn_put(struct engine *engine, struct conn *conn, const struct request *request,
                     uint64_t now_ns) {
    struct slot *slot = slot_take(engine, conn);
    slot->request = *request;
    slot->request.sent_ns = now_ns;
    size_t bytes =
        engine->options.protocol->encode(&slot->request, slot->id, conn->out + conn->out_bytes);
    if (bytes == 0) fatal("%s has no operation %d", engine->options.protocol->name, request->op);
    conn->out_bytes += bytes;
}

static void conn_fill(struct engine *engine, struct conn *conn, struct job *job, uint64_t now_ns) {
    struct request request = {0};
    // What is not sent yet keeps its place; the buffer has room for one pipeline and no more.
    if (conn->out_bytes > 0) return;
    while (conn->in_flight < engine->options.pipeline && job->next(job, now_ns, &request))
        conn_put(engine, conn, &request, now_ns);
    conn_flush(engine, conn);
}

static void conn_answer(struct engine *engine, struct conn *conn, struct job *job,
                        const struct answer *answer, uint64_t now_ns) {
    struct slot *slot = slot_find(engine, conn, answer);
    // Free first: the job may look at the engine, and the request is copied anyway.
    struct request request = slot->request;
    slot_free(engine, conn, slot);
    job->on_answer(job, &request, answer, now_ns);
}

// Blocks only where the socket does.
static void conn_read(struct conn *conn) {
    ssize_t got = read(conn->fd, conn->in + conn->in_bytes, IN_BYTES - conn->in_bytes);
    if (got == 0) fatal("the server closed a connection");
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) fatal("read: %s", strerror(errno));
    conn->in_bytes += (size_t)got;
}

static void conn_drop(struct conn *conn, size_t taken) {
    conn->in_bytes -= taken;
    if (taken > 0) memmove(conn->in, conn->in + taken, conn->in_bytes);
}

static void conn_work(struct engine *engine, struct conn *conn, struct job *job) {
    struct answer answer;
    size_t        taken = 0, bytes;
    conn_read(conn);
    uint64_t now_ns = engine_now_ns();
    while ((bytes = engine->options.protocol->decode(conn->in + taken, conn->in_bytes - taken,
                                                     &answer)) > 0) {
        conn_answer(engine, conn, job, &answer, now_ns);
        taken += bytes;
    }
    conn_drop(conn, taken);
    if (conn->in_bytes == IN_BYTES) fatal("an answer of more than %d bytes", IN_BYTES);
    conn_fill(engine, conn, job, now_ns);
}

static void conn_greet(const struct engine *engine, struct conn *conn) {
    const struct protocol *protocol = engine->options.protocol;
    struct answer          answer;
    size_t                 taken;
    if (!protocol->encode_hello) return;
    size_t bytes = protocol->encode_hello(conn->out);
    if (write(conn->fd, conn->out, bytes) != (ssize_t)bytes) fatal("write: %s", strerror(errno));
    do {
        conn_read(conn);
        taken = protocol->decode(conn->in, conn->in_bytes, &answer);
    } while (taken == 0);
    if (answer.kind != ANSWER_DONE)
        fatal("the server refused: %.*s", (int)answer.text_bytes, answer.text ? answer.text : "");
    conn_drop(conn, taken);
}

static void conn_init(const struct engine *engine, struct conn *conn) {
    const struct engine_options *options = &engine->options;
    struct sockaddr_in           address = {.sin_family = AF_INET,
                                            .sin_port = htons(options->port),
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int                    yes = 1;
    conn->slots = allocate(options->pipeline, sizeof *conn->slots);
    conn->idle = allocate(options->pipeline, sizeof *conn->idle);
    conn->out = allocate(options->pipeline, REQUEST_BYTES_MAX);
    conn->in = allocate(1, IN_BYTES);
    while (conn->idle_count < options->pipeline) {
        conn->idle[conn->idle_count] = options->pipeline - 1 - conn->idle_count;
        conn->idle_count++;
    }
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&address, sizeof address) != 0)
        fatal("cannot connect to 127.0.0.1:%u: %s", options->port, strerror(errno));
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    conn_greet(engine, conn);
    if (fcntl(conn->fd, F_SETFL, O_NONBLOCK) != 0) fatal("fcntl: %s", strerror(errno));
    conn_watch(engine, conn, EPOLL_CTL_ADD, false);
}

// --- The engine ----------------------------------------------------------------------------------

struct engine *engine_create(const struct engine_options *options) {
    struct engine *engine = allocate(1, sizeof *engine);
    engine->options = *options;
    engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (engine->epoll_fd < 0) fatal("epoll_create1: %s", strerror(errno));
    engine->conns = allocate(options->connections, sizeof *engine->conns);
    for (uint32_t i = 0; i < options->connections; i++) conn_init(engine, &engine->conns[i]);
    return engine;
}

void engine_destroy(struct engine *engine) {
    if (!engine) return;
    for (uint32_t i = 0; i < engine->options.connections; i++) {
        struct conn *conn = &engine->conns[i];
        close(conn->fd);
        free(conn->slots);
        free(conn->idle);
        free(conn->out);
        free(conn->in);
    }
    close(engine->epoll_fd);
    free(engine->conns);
    free(engine);
}

void engine_run(struct engine *engine, struct job *job) {
    struct epoll_event events[EVENTS_MAX];
    for (uint32_t i = 0; i < engine->options.connections; i++)
        conn_fill(engine, &engine->conns[i], job, engine_now_ns());
    while (engine->in_flight > 0) {
        int count = epoll_wait(engine->epoll_fd, events, EVENTS_MAX, ANSWER_MS_MAX);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fatal("epoll_wait: %s", strerror(errno));
        if (count == 0) fatal("no answer within %d ms", ANSWER_MS_MAX);
        for (int i = 0; i < count; i++) {
            struct conn *conn = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) conn_flush(engine, conn);
            if (events[i].events & ~(uint32_t)EPOLLOUT) conn_work(engine, conn, job);
        }
    }
}

struct single {
    struct job     job;
    struct request request;
    bool           asked;
    struct answer  answer;
};

static bool single_next(struct job *job, uint64_t now_ns, struct request *ret_request) {
    struct single *single = (struct single *)job;
    (void)now_ns;
    if (single->asked) return false;
    single->asked = true;
    *ret_request = single->request;
    return true;
}

static void single_answer(struct job *job, const struct request *request,
                          const struct answer *answer, uint64_t now_ns) {
    (void)request, (void)now_ns;
    if (answer->kind == ANSWER_ERROR)
        fatal("refused: %.*s", (int)answer->text_bytes, answer->text ? answer->text : "");
    ((struct single *)job)->answer = *answer;
}

struct answer engine_ask(struct engine *engine, struct request request) {
    struct single single = {{single_next, single_answer}, request, false, {0}};
    engine_run(engine, &single.job);
    single.answer.text = NULL; // the buffer belongs to the next answer
    return single.answer;
}
