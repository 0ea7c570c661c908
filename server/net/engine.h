// engine: the net thread: one libuv loop that drives one shard, its connections and its hosts'
// wake-ups.
//
// One turn of the loop: read sockets into rings, publish, look for commits (spinning shortly while
// turns are in flight), publish states to the mirror, write replies. All handles live on this loop;
// other threads reach it through the inbox.
#pragma once

#include "base/list.h"
#include "base/thread.h"
#include "keeper/port.h"
#include "keeper/shard.h"
#include "wire/codec.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct conn;
struct spawner;

#define ENGINE_INPUT_BYTES (128u << 10)

// Threads of the server that ask as clients do: admin, and each webhook.
#define ENGINE_GATEWAYS_MAX 33u

// The server itself as a caller: answers go to on_answer.
#define ENGINE_SELF ((struct caller){.conn = CALLER_SERVER, .generation = 1})

struct conn_slot {
    struct conn *conn; // NULL: free
    uint32_t     generation;
};

struct engine {
    const struct keeper_options *options; // borrowed
    struct spawner              *spawner; // borrowed
    struct shard                 shard;
    struct codec                 codec;
    struct thread                thread;
    uv_loop_t                    loop;
    uv_tcp_t                     listener;
    uv_async_t                   wake; // inbox
    uv_prepare_t                 prepare;
    uv_check_t                   check;
    uv_idle_t                    hot;   // running: the loop does not sleep
    uv_timer_t                   timer; // the shard's earliest
    uv_timer_t                   watch;
    struct list                  dirty;  // conns with output
    struct list                  paused; // conns with PAUSE_RING
    struct conn_slot            *conns;  // owned, connections_max and those of the gateways
    uint32_t                     conn_next;
    uint32_t                     spin_misses; // spins in a row that found nothing
    bool                         plenty;      // of processors
    bool                         flush_all;   // no reply is held back in the next flush
    bool                         asleep;
    bool                         announced;
    bool                         closing;
    uint64_t                     close_at_ms;
    uint64_t                     timer_due_ms;
    atomic_bool                  close_asked;     // set by any thread
    atomic_bool                  mirror_has_room; // set by the mirror thread
    void (*on_ready)(void *context);              // net thread, once: a host runs
    // Net thread: an answer to ENGINE_SELF; NULL: it never asks.
    void (*on_answer)(void *context, uint64_t request, const struct answer *answer);
    void   *context;                   // borrowed
    uint8_t input[ENGINE_INPUT_BYTES]; // one read at a time, shared by all connections
};

// HOST:PORT with a numeric host ([..] around IPv6) as a socket address; false if it is none.
// Thread: any.
bool engine_address(const char *address, struct sockaddr_storage *ret_address);

// Binds the listener; `engine` is zeroed but for on_ready, on_answer and their context; the thread
// does not run yet. `address` is HOST:PORT with a numeric host. The shard needs its code before the
// thread starts.
// Fails: STATUS_INVALID (address), STATUS_IO (in use, refused), STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status engine_init(struct engine *engine, const struct keeper_options *options,
                                  struct mirror *mirror, struct spawner *spawner,
                                  const char *address);

// The port that was bound.
uint16_t engine_port(const struct engine *engine);

// Starts the thread / asks it to end (requests in flight are answered first, for at most a second)
// / waits for it.
NODISCARD enum status engine_start(struct engine *engine);
void                  engine_close(struct engine *engine); // any thread; twice is fine
void                  engine_stop(struct engine *engine);
void                  engine_fini(struct engine *engine);

// The mirror's on_room and on_change.   Thread: mirror.
void engine_mirror_room(void *context);
void engine_mirror_change(void *context, const struct mirror_change *change);

// Hands a spawned host over (NULL: the spawn failed).   Thread: main.
void engine_host_started(struct engine *engine, struct host *host);

// Hands over what the directory of behaviours holds (NULL: it cannot be read).
// Owns: the hold of `code`.   Thread: main.
void engine_code_read(struct engine *engine, struct code_set *code);

// One of those that ask as clients do; the context of engine_adopt().
struct engine_gateway {
    struct engine *engine; // borrowed
    uint32_t       index;  // < ENGINE_GATEWAYS_MAX
};

// Hands over a connected socket, through which another thread asks as any client may. It needs no
// hello, counts as no connection and takes the place of the one of the same gateway that was handed
// over before.
// Owns:  OK -> the socket. Otherwise the caller still does.
// Fails: STATUS_NO_MEMORY; STATUS_FULL (try later), STATUS_CLOSED (the net thread is leaving).
// Thread: any. `context` is a struct engine_gateway.
NODISCARD enum status engine_adopt(void *context, int fd);

// For conn and session.   Thread: net.
void         engine_awake(struct engine *engine);
struct conn *engine_conn(struct engine *engine, struct caller caller);
void         engine_forget(struct engine *engine, struct conn *conn);
