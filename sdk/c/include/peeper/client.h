// client: the C SDK, in two forms with the same words.
//
// - struct peeper_client never blocks: any number of requests in flight on one connection, each
//   with a callback; on the caller's libuv loop, or on a thread of its own.
// - struct peeper_sync blocks: one request at a time, for programs without a loop. It is the first
//   one, driven by the caller's thread. For several calls at once, see <peeper/requests.h>.
// - Supervisors have a header of their own, <peeper/supervisor.h>, as have links and monitors,
//   <peeper/ties.h>, and watches, <peeper/watch.h>.
//
// One client is one connection. Without options.reconnect a lost connection is told once, every
// request that was waiting is answered with DISCONNECTED, and the owner decides.
//
// Reconnection (options.reconnect). Requests that are made meanwhile wait for the next connection,
// as do those that had not been written; their time goes on. One that was written and not answered
// is sent again only if it changes nothing (whereis, list, inspect, ...) or has an idempotency key
// which both servers know, else it is answered with DISCONNECTED. Monitors and links end with the
// connection: each is told a DOWN or EXIT with the reason "noconnection". Watches go on from the
// version after the last one that was told, under the same reference; where that cannot be (a
// prefix, nothing seen yet), there is a GAP whose versions are 0. A server that refuses (a wrong
// token, another version) ends it: on_down.
//
// Values are read and written with <peeper/value.h>. The short names (peeper_cast, ...) belong to
// behaviours; that is why those of clients begin with peeper_client_ or peeper_sync_.
// A whole program is in samples/counter.c.
// Source: docs/protocol.md.
#pragma once

#include <peeper/status.h>
#include <peeper/value.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEEPER_PROTOCOL_VERSION 1
#define PEEPER_PORT 7420
#define PEEPER_NODISCARD __attribute__((warn_unused_result))

struct uv_loop_s; // uv_loop_t
struct peeper_client;
struct peeper_sync;

// --- What is sent and what comes back ------------------------------------------------------------

// An actor: by its name, or by the id of one incarnation if that is not 0. A restart makes an id
// stale.
struct peeper_target {
    const char *name; // terminated
    uint64_t    id;
};

static inline struct peeper_target peeper_by_name(const char *name) {
    struct peeper_target target = {name, 0};
    return target;
}

static inline struct peeper_target peeper_by_id(uint64_t id) {
    struct peeper_target target = {NULL, id};
    return target;
}

// Why a request failed.
struct peeper_error {
    enum peeper_status  status;
    bool                retryable;      // the request was not run; the same one may succeed later
    uint32_t            retry_after_ms; // 0 where nothing is known
    const char         *message;        // one sentence for a person; never NULL
    struct peeper_value reason;         // the structured reason; 0 bytes if there is none
    const char         *kind;           // CRASHED: the kind of the crash, "" elsewhere
};

enum peeper_restart {
    PEEPER_RESTART_DEFAULT = 0, // transient
    PEEPER_RESTART_PERMANENT = 1,
    PEEPER_RESTART_TRANSIENT = 2,
    PEEPER_RESTART_TEMPORARY = 3,
};

enum peeper_on_intensity {
    PEEPER_ON_INTENSITY_DEFAULT = 0, // backoff
    PEEPER_ON_INTENSITY_BACKOFF = 1,
    PEEPER_ON_INTENSITY_SUSPEND = 2,
    PEEPER_ON_INTENSITY_STOP = 3,
};

enum peeper_isolation {
    PEEPER_ISOLATION_DEFAULT = 0, // shared
    PEEPER_ISOLATION_SHARED = 1,
    PEEPER_ISOLATION_OWN = 2, // a host process for it alone
};

// What a call or a cast may have besides. Zero-fill what shall be as the server has it.
struct peeper_call_options {
    uint32_t deadline_ms; // of a call; 0: the server's default of 5000
    // Names this request among all to the same target, 1 to 64 bytes, terminated: however often it
    // is sent, on whichever connection, it is run once and answered alike each time, as long as the
    // server keeps the outcome (peeper_welcome.idempotency says whether it does). With another
    // message it is CONFLICT. NULL or "": none.
    const char *idempotency_key;
};

// What a new actor is like. Zero-fill what shall be as the server has it.
struct peeper_start_options {
    const char              *name;      // NULL or "": anonymous, addressed by id
    const char              *behaviour; // terminated
    struct peeper_value      argument;  // handed to init
    uint32_t                 timeout_ms;
    enum peeper_restart      restart;
    enum peeper_on_intensity on_intensity;
    bool                     has_intensity; // false: 3 restarts in 5000 ms
    uint32_t                 intensity;     // restarts
    uint32_t                 period_ms;     // 1 to 3600000
    uint32_t                 mailbox_max;   // messages
    // An actor without a message for so long gives its memory in the host back until the next one.
    uint32_t              hibernate_after_ms; // UINT32_MAX: never; 0: as its behaviour says
    enum peeper_isolation isolation;
    const char           *listener; // name of an actor that hears of changes; NULL or "": nobody
    // See ties.h: this connection becomes its parent / monitors it from the first moment.
    bool link;
    bool monitor;
    bool no_trap_exit; // the ends of those it is linked to end it
    // See generations.h: good states that the server keeps, 1 to 16; 0: the server's default / a
    // crash right after a restart is followed by a restart with the generation before.
    uint32_t generations;
    bool     step_back;
    // Which of its tables a restart gives back: all, or where `keep_listed` those of these names.
    bool               keep_listed;
    const char *const *keep_tables;
    size_t             keep_tables_count; // at most 256
};

struct peeper_started {
    uint64_t    id;   // incarnation; 0 if ignored
    uint64_t    unit; // stays the same over restarts
    const char *name;
    uint64_t    monitor; // reference; 0: none was asked for
    bool        ignored; // init answered "ignore": there is no actor, and that is no error
    // What init had to say to whoever starts a child of a supervisor; 0 bytes: nothing.
    struct peeper_value info;
};

// Which actors a listing shall tell of.
struct peeper_page {
    const char *prefix; // NULL or "": all names
    uint64_t    cursor; // `next` of the page before; 0: the first page
    uint32_t    limit;  // actors; 0: 100, at most 1000
};

struct peeper_actor {
    const char *name;
    const char *behaviour;
    // starting, running, restarting, waiting, suspended, stopping or ended
    const char         *status;
    uint64_t            unit;
    uint64_t            incarnation;
    uint64_t            restarts;
    uint32_t            mailbox; // messages waiting or in flight
    int32_t             worker;  // -1 while no host holds it
    int32_t             host_pid;
    uint64_t            turn_ms;
    bool                suspended;  // by an operator
    const char         *supervisor; // a name or "@id"; "": it has none
    bool                is_supervisor;
    const char         *strategy; // of a supervisor, "" elsewhere
    const char         *awaits;   // whose answer it waits for, a name or "@id"; "": nobody's
    bool                hibernating;
    uint32_t            timers; // of send_after, pending
    uint32_t            links;
    uint32_t            monitors; // that it has on others
    bool                trap_exit;
    bool                own_host;    // isolation: own
    bool                quarantined; // it has killed its host repeatedly
    uint32_t            watchers;    // watches of clients that are about it
    uint64_t            events_dropped;
    uint64_t            newest_version; // of the states that it committed; 0: none
    const char         *code_version;   // of the code that it runs
    const char         *code_refused;   // why it was not upgraded; "" if it has not refused to be
    uint32_t            tables;         // that it has; 0 in listings
    uint64_t            table_bytes;    // what their rows count
    bool                has_state;      // never in listings
    struct peeper_value state;
    uint64_t            version;
    uint64_t            state_at_ms; // Unix
    uint64_t            state_turn;  // of the server, that committed it
    // The last restart with an older state than the newest: versions; 0: there was none
    uint64_t            stepped_from;
    uint64_t            stepped_to;
    uint64_t            stepped_at_ms; // Unix
    bool                has_crash;
    const char         *crash_kind;
    struct peeper_value crash_reason;
    uint64_t            crash_at_ms; // Unix
    uint64_t            crash_id;    // in the server's crash log; 0: not kept there
    // As in struct peeper_crash; empty in listings, and once the crash log has no more of it.
    const char        *crash_message;
    const char *const *crash_backtrace;
    size_t             crash_backtrace_lines;
};

// The newest committed state of one actor.
struct peeper_state {
    struct peeper_value value;
    uint64_t            version; // counts committed changes
    uint64_t            at_ms;   // Unix
    uint64_t            turn;    // of the server, that committed it
};

// A state without its value.
struct peeper_generation {
    uint64_t version;
    uint64_t at_ms; // Unix
    uint64_t turn;
    uint64_t bytes; // of the encoded state
};

struct peeper_generations {
    const struct peeper_generation *generations; // newest first
    size_t                          count;
    uint32_t                        kept; // at most
};

// What commit_transfer takes.
struct peeper_prepared {
    uint64_t handle;
    uint32_t valid_ms;
};

struct peeper_listing {
    const struct peeper_actor *actors;
    size_t                     count;
    uint64_t                   next; // 0 after the last page
};

// One child of a supervisor; see <peeper/supervisor.h>.
struct peeper_child {
    const char *id; // in the supervisor; "" under simple_one_for_one
    const char *name;
    const char *behaviour; // "" of a supervisor
    // starting, running, restarting, waiting, suspended, stopping, or stopped (only the spec is
    // there)
    const char *status;
    uint64_t    incarnation; // 0: there is none now
    uint64_t    unit;        // 0: there is none now
    uint64_t    restarts;
    uint32_t    mailbox; // messages waiting or in flight
    const char *restart; // permanent, transient or temporary
    bool        significant;
    bool        supervisor;
    uint32_t    children; // of a supervisor, stopped ones too
    const char *strategy; // of a supervisor, "" elsewhere
};

struct peeper_children {
    const struct peeper_child *children;
    size_t                     count;
    uint64_t                   next; // 0 after the last page
};

// One crash in the server's crash log.
struct peeper_crash {
    uint64_t    id;
    const char *name; // of the actor; "": anonymous
    uint64_t    unit;
    uint64_t    incarnation; // that ended
    const char *behaviour;
    const char *version; // of the behaviour's code
    // raise, contract, exit, signal, deadline, memory, killed, host_lost
    const char         *kind;
    struct peeper_value reason;
    const char         *message;   // where and how, for a person
    const char *const  *backtrace; // innermost first
    size_t              backtrace_lines;
    // The message that did it: init, call, cast, info, continue, terminate, or "" where none did.
    const char         *turn;
    struct peeper_value payload; // never in listings
    uint64_t            payload_bytes;
    bool                payload_cut; // only the first bytes are kept: it cannot be run again
    uint64_t            state_version;
    int32_t             host_pid;
    uint64_t            at_ms; // Unix
    uint32_t            attempts;
    bool                message_set_aside; // it killed its host, and the actor goes on without it
    uint32_t            redriven;
};

struct peeper_crashes {
    const struct peeper_crash *crashes; // newest first
    size_t                     count;
    uint64_t                   next; // 0 after the last page
};

// One table of an actor; see <peeper/tables.h>.
struct peeper_table {
    const char *name;    // "": the dictionary
    bool        ordered; // by key; else rows are in the order in which they were entered
    bool        is_private;
    bool        heir; // a restart gives it back in any case
    uint32_t    rows;
    uint64_t    bytes; // of keys and values, with what keeping them costs
};

struct peeper_tables {
    const struct peeper_table *tables; // by name
    size_t                     count;
};

struct peeper_row {
    struct peeper_value key;
    struct peeper_value value;
};

struct peeper_rows {
    const struct peeper_row *rows;
    size_t                   count;
    struct peeper_value      next; // the key to go on after; no bytes after the last page
};

struct peeper_child_counts {
    uint32_t specs;
    uint32_t active;
    uint32_t supervisors;
    uint32_t workers;
};

// What the server said when it took the connection.
struct peeper_welcome {
    const char *server_version;
    uint32_t    protocol_version;
    uint32_t    frame_bytes_max;
    uint32_t    name_bytes_max;
    uint32_t    deadline_ms_max;
    uint32_t    mailbox_max;
    bool        idempotency; // idempotency keys count
};

// How a connection behaves. Zero means the default.
struct peeper_options {
    const char *token;              // NULL: none
    const char *client;             // names this program in the server's log; default "peeper-c"
    uint32_t    connect_timeout_ms; // for resolve, connect and welcome together; default 5000
    uint32_t    request_timeout_ms; // for requests that carry no time themselves; default 5000
    uint32_t    requests_max;       // in flight; default 1024, at most 1048576
    uint32_t    unsent_bytes_max;   // requests that the network has not taken yet; default 8 MiB
    uint32_t    frame_bytes_max;    // of one answer; default 64 MiB
    // A server that cannot be reached is tried again until connect_timeout_ms is over, after pauses
    // that double from 20 ms to 2 s, each shortened by chance by up to a half.
    bool retry;
    // A lost connection is made again, by such pauses and without end. See "Reconnection" below.
    bool reconnect;
    // of the blocking client's inbox (requests.h): requests that wait for their response or whose
    // response waits, notices and events; default 65536, at most 1048576
    uint32_t unread_max;
};

// One version of a behaviour.
struct peeper_behaviour_info {
    const char        *name;
    const char        *version; // as the code calls itself; may be ""
    const char        *kind;    // "native" or "lua"
    const char *const *callbacks;
    size_t             callback_count;
    uint64_t           actors; // that run it
    const char        *file;
    bool               current; // new actors run it; else it is kept for those who refused another
};

struct peeper_behaviours {
    const struct peeper_behaviour_info *behaviours;
    size_t                              count;
};

// Which code to bring, and what for.
struct peeper_upgrade {
    const char         *behaviour; // upgrade
    const char         *file;      // its name; upgrade: NULL for the one in the server's directory
    struct peeper_value content;   // of the file; any bytes
    struct peeper_value extra;     // for code_change; empty: null
    bool                dry_run;   // upgrade
};

// One actor that was not upgraded.
struct peeper_refusal {
    const char *name;
    uint64_t    unit;
    const char *reason;
};

// What has become of an upgrade.
struct peeper_upgrade_report {
    const char                  *behaviour;
    const char                  *from; // versions
    const char                  *to;
    uint64_t                     changed;  // actors that run the new version, or would
    uint64_t                     moved;    // actors of other behaviours
    uint64_t                     refused;  // stay on their old version
    uint64_t                     gone;     // ended meanwhile
    uint64_t                     left;     // not asked, because it was stopped
    const struct peeper_refusal *refusals; // the first ones
    size_t                       refusal_count;
    uint64_t                     took_ms;
    bool                         dry_run;
    const char                  *stopped; // why; "" if it was not
};

// --- The asynchronous client ---------------------------------------------------------------------

// One answer. error.status tells whether it is a good one; then the field of the request that was
// made holds.
// Shape: everything points into memory that is the client's own again when the callback returns.
struct peeper_answer {
    struct peeper_error          error;
    struct peeper_value          reply;        // call; redrive of a call
    bool                         replied;      // whether there is a reply
    struct peeper_started        started;      // start
    uint64_t                     ref;          // monitor, watch
    uint64_t                     located;      // whereis; 0: nobody
    struct peeper_listing        listing;      // list; inspect: one actor, with its state
    struct peeper_children       children;     // which_children
    struct peeper_child_counts   child_counts; // count_children
    struct peeper_state          state;        // get_state
    struct peeper_generations    generations;  // generations
    struct peeper_prepared       prepared;     // prepare_transfer
    struct peeper_crashes        crashes;      // crashes; crash: one, with its message
    struct peeper_behaviours     behaviours;   // behaviours
    struct peeper_upgrade_report upgraded;     // deploy and upgrade
    struct peeper_tables         tables;       // tables
    struct peeper_rows           rows;         // rows
    struct peeper_value          frame;        // private
};

// Called exactly once for each request that was accepted, on the loop's thread, never from inside
// the request itself. It may make requests and close the client.
typedef void peeper_on_answer(void *user, const struct peeper_answer *answer);

// Where the answer goes. A NULL function means that nobody wants it: allowed for cast, send, stop,
// kill, suspend, resume, replace_state, discard_crash, demonitor, link, unlink and unwatch, which
// then take no place among the requests in flight.
struct peeper_then {
    peeper_on_answer *on_answer;
    void             *user;
};

static inline struct peeper_then peeper_then(peeper_on_answer *on_answer, void *user) {
    struct peeper_then then = {on_answer, user};
    return then;
}

enum peeper_event_kind {
    PEEPER_EVENT_DOWN = 1, // of a monitor
    PEEPER_EVENT_EXIT = 2, // of a link
    // of a watch, see watch.h
    PEEPER_EVENT_CHANGED = 4,
    PEEPER_EVENT_ENDED = 5,
    PEEPER_EVENT_GAP = 6,
    PEEPER_EVENT_PROGRESS = 7,     // of an upgrade that this connection asked for
    PEEPER_EVENT_STEPPED_BACK = 8, // of a watch
};

// The end of an incarnation that this connection monitors or is linked to, or what a watch tells.
struct peeper_event {
    enum peeper_event_kind kind;
    uint64_t               ref; // DOWN: the monitor; of a watch: which
    // of the incarnation; 0 where a name was asked for that nobody had
    uint64_t            id;
    const char         *name;   // DOWN: as it was asked for, "" if by id; EXIT: the actor's
    struct peeper_value reason; // "normal", "noproc", ...
    // of a watch
    uint64_t unit;
    uint64_t first_version; // GAP
    // of the value; GAP: the last one; STEPPED_BACK: the one left
    uint64_t            version;
    uint64_t            older_version; // STEPPED_BACK: that the actor goes on with
    uint64_t            missed;        // STEPPED_BACK: steps back before it that were not told
    uint64_t            at_ms;         // CHANGED, STEPPED_BACK: Unix
    struct peeper_value value;         // CHANGED, ENDED (0 bytes: not known)
    struct peeper_value old;           // CHANGED
    bool                has_old;
    // PROGRESS: actors of the behaviour `name` that were asked, of how many
    uint64_t            done;
    uint64_t            total;
    uint64_t            refused;
    struct peeper_value frame; // private
};

// Called on the loop's thread. Any of them may be NULL.
struct peeper_hooks {
    // The connection stands; requests are accepted from now on.
    void (*on_up)(void *user, const struct peeper_welcome *welcome);
    // Of options.reconnect: it ended and will be made again; on_up tells when that is so.
    void (*on_lost)(void *user, const struct peeper_error *error);
    // It could not be made, or it ended by itself; once, after all waiting requests were answered.
    void (*on_down)(void *user, const struct peeper_error *error);
    // The server reported the failure of a request that nobody waits for, or that it is about to
    // leave.
    void (*on_notice)(void *user, const struct peeper_error *error);
    // An event was told. What the event points to is the client's own again afterwards.
    void (*on_event)(void *user, const struct peeper_event *event);
    // The client was closed and the loop no longer knows it; it may be destroyed, also from here.
    void (*on_closed)(void *user);
    void *user;
};

// Creates a client and begins to connect to `address`.
// Shape:  "HOST:PORT", "HOST" (port 7420) or "[IPV6]:PORT". With a NULL `loop` the client runs a
//         thread of its own.
// Owns:   the caller owns the client, also when no connection comes about; options and hooks are
//         copied, but what hooks->user points to must outlive the client. `loop` is borrowed until
//         on_closed.
// Thread: that of the loop.   Blocks: no; see on_up, on_down and peeper_client_wait().
// Fails:  INVALID (address, options over their bounds), NO_MEMORY, INTERNAL (no thread).
PEEPER_NODISCARD enum peeper_status peeper_client_open(const char                  *address,
                                                       const struct peeper_options *options,
                                                       const struct peeper_hooks   *hooks,
                                                       struct uv_loop_s            *loop,
                                                       struct peeper_client       **ret_client);

// Waits until the connection stands or has failed. For clients with a thread of their own.
// Thread: any but the client's own.   Blocks: up to connect_timeout_ms.
// Fails:  the status that on_down was or will be told.
PEEPER_NODISCARD enum peeper_status peeper_client_wait(struct peeper_client *client);

// Asks for the end: every waiting request is answered with CLOSED, then on_closed is called. Twice
// is fine.
// Thread: that of the loop; any if the client runs its own thread.   Blocks: no.
void peeper_client_close(struct peeper_client *client);

// Frees a client. One with its own thread is closed first and its thread is waited for; one on a
// caller's loop must have told on_closed. NULL is fine.
// Thread: that of the loop; any but the client's own if it runs one, after all other threads left
//         it.
// Blocks: with its own thread, until the callbacks have returned.
void peeper_client_destroy(struct peeper_client *client);

// The requests. Each is encoded at once (nothing is borrowed after the return) and written at the
// end of the loop's turn, together with the others of that turn. Answers may come in any order. An
// answer that is late by the request's own time and 250 ms is replaced by TIMEOUT, so that a silent
// network answers too.
// Thread: that of the loop; any if the client runs its own thread.   Blocks: no.
// Fails:  the callback is not called then. INVALID (no name, no callback where one is needed),
//         UNREACHABLE (not connected), FULL (requests_max or unsent_bytes_max: make requests again
//         when answers come), TOO_LARGE (over the server's frame_bytes_max), NO_MEMORY. What the
//         server or the network says goes to the callback.

// Asks an actor; `answer->reply` is what handle_call answered.
// Units: milliseconds; 0: the server's default of 5000.
PEEPER_NODISCARD enum peeper_status
peeper_client_call(struct peeper_client *client, struct peeper_target target,
                   struct peeper_value message, uint32_t deadline_ms, struct peeper_then then);

// The same, with options. NULL: none.
PEEPER_NODISCARD enum peeper_status
peeper_client_call_with(struct peeper_client *client, struct peeper_target target,
                        struct peeper_value message, const struct peeper_call_options *options,
                        struct peeper_then then);
PEEPER_NODISCARD enum peeper_status
peeper_client_cast_with(struct peeper_client *client, struct peeper_target target,
                        struct peeper_value message, const struct peeper_call_options *options,
                        struct peeper_then then);

// A message for handle_cast / handle_info. A good answer says that it waits in the mailbox, not
// that it was handled.
PEEPER_NODISCARD enum peeper_status peeper_client_cast(struct peeper_client *client,
                                                       struct peeper_target  target,
                                                       struct peeper_value   message,
                                                       struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_client_send(struct peeper_client *client,
                                                       struct peeper_target  target,
                                                       struct peeper_value   message,
                                                       struct peeper_then    then);

// Starts an actor; the answer comes when its init has returned.
PEEPER_NODISCARD enum peeper_status peeper_client_start(struct peeper_client              *client,
                                                        const struct peeper_start_options *options,
                                                        struct peeper_then                 then);

// Ends an actor after its terminate. Zero bytes of `reason` mean "normal".
// Units: milliseconds; 0: the server's default of 5000. The stop goes on after a TIMEOUT.
PEEPER_NODISCARD enum peeper_status
peeper_client_stop(struct peeper_client *client, struct peeper_target target,
                   struct peeper_value reason, uint32_t timeout_ms, struct peeper_then then);

// Ends the incarnation at once; the supervisor restarts the actor with its state / lets its
// messages wait after the turn that runs / brings a suspended actor back.
PEEPER_NODISCARD enum peeper_status peeper_client_kill(struct peeper_client *client,
                                                       struct peeper_target  target,
                                                       struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_client_suspend(struct peeper_client *client,
                                                          struct peeper_target  target,
                                                          struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_client_resume(struct peeper_client *client,
                                                         struct peeper_target  target,
                                                         struct peeper_then    then);

// The incarnation behind a name, or whether an incarnation still lives. Nobody is no error:
// `located` is 0.
PEEPER_NODISCARD enum peeper_status peeper_client_whereis(struct peeper_client *client,
                                                          struct peeper_target  target,
                                                          struct peeper_then    then);

// One page of actors, without states / all that is known about one actor.
PEEPER_NODISCARD enum peeper_status peeper_client_list(struct peeper_client     *client,
                                                       const struct peeper_page *page,
                                                       struct peeper_then        then);
PEEPER_NODISCARD enum peeper_status peeper_client_inspect(struct peeper_client *client,
                                                          struct peeper_target  target,
                                                          struct peeper_then    then);

// The newest committed state; it neither wakes the actor nor waits for it / gives it another one,
// before all messages that wait. REFUSED says that the behaviour did not load it.
// Units: milliseconds; 0: the server's default of 5000.
PEEPER_NODISCARD enum peeper_status peeper_client_get_state(struct peeper_client *client,
                                                            struct peeper_target  target,
                                                            struct peeper_then    then);
PEEPER_NODISCARD enum peeper_status peeper_client_replace_state(struct peeper_client *client,
                                                                struct peeper_target  target,
                                                                struct peeper_value   state,
                                                                uint32_t              timeout_ms,
                                                                struct peeper_then    then);

// One page of the server's crash log, newest first and without messages / one crash with its
// message. Of a page, `prefix` is here the whole name of an actor; NULL or "": all.
PEEPER_NODISCARD enum peeper_status peeper_client_crashes(struct peeper_client     *client,
                                                          const struct peeper_page *page,
                                                          struct peeper_then        then);
PEEPER_NODISCARD enum peeper_status peeper_client_crash(struct peeper_client *client,
                                                        uint64_t crash, struct peeper_then then);

// Runs the message of a crash again, by the same unit if it lives, else by the actor that has its
// name now. A call's answer has its reply; a good answer to another message says that it waits in
// the mailbox.
// Units: milliseconds; 0: the server's default of 5000.
PEEPER_NODISCARD enum peeper_status peeper_client_redrive(struct peeper_client *client,
                                                          uint64_t crash, uint32_t timeout_ms,
                                                          struct peeper_then then);

// Forgets a crash.
PEEPER_NODISCARD enum peeper_status
peeper_client_discard_crash(struct peeper_client *client, uint64_t crash, struct peeper_then then);

PEEPER_NODISCARD enum peeper_status peeper_client_ping(struct peeper_client *client,
                                                       struct peeper_then    then);

// --- The blocking client -------------------------------------------------------------------------

// Creates a client that is not connected.
// Owns:   the caller owns it; options and their strings are borrowed until the client is destroyed.
// Thread: any; one thread at a time from then on.   Blocks: no.
// Fails:  INVALID (unread_max over its bound), NO_MEMORY, INTERNAL (no loop).
PEEPER_NODISCARD enum peeper_status peeper_sync_create(const struct peeper_options *options,
                                                       struct peeper_sync         **ret_sync);

// Connects; after a lost connection, connects again.
// Shape:  `address` as in peeper_client_open().
// Thread: owner.   Blocks: up to connect_timeout_ms.
// Fails:  INVALID (address), UNREACHABLE (also no welcome in time), UNSUPPORTED_VERSION,
//         UNAUTHENTICATED and whatever else the server says, NO_MEMORY.
PEEPER_NODISCARD enum peeper_status peeper_sync_connect(struct peeper_sync *sync,
                                                        const char         *address);

// What the last function of this client that failed has to tell, beyond its status.
// Owns:   borrowed until the next function of this client.   Thread: owner.
const struct peeper_error *peeper_sync_error(const struct peeper_sync *sync);

// Closes the connection and frees the client. NULL is fine.   Thread: owner.   Blocks: no.
void peeper_sync_destroy(struct peeper_sync *sync);

// The requests, as above.
// Owns:   what the out-parameters point to is borrowed until the next function of this client.
// Thread: owner.   Blocks: for the request's own time and 250 ms.
// Fails:  whatever the server says, and the statuses that the client finds by itself.
PEEPER_NODISCARD enum peeper_status
peeper_sync_call(struct peeper_sync *sync, struct peeper_target target, struct peeper_value message,
                 uint32_t deadline_ms, struct peeper_value *ret_reply);
PEEPER_NODISCARD enum peeper_status peeper_sync_call_with(struct peeper_sync               *sync,
                                                          struct peeper_target              target,
                                                          struct peeper_value               message,
                                                          const struct peeper_call_options *options,
                                                          struct peeper_value *ret_reply);
PEEPER_NODISCARD enum peeper_status
peeper_sync_cast_with(struct peeper_sync *sync, struct peeper_target target,
                      struct peeper_value message, const struct peeper_call_options *options);
PEEPER_NODISCARD enum peeper_status peeper_sync_cast(struct peeper_sync  *sync,
                                                     struct peeper_target target,
                                                     struct peeper_value  message);
PEEPER_NODISCARD enum peeper_status peeper_sync_send(struct peeper_sync  *sync,
                                                     struct peeper_target target,
                                                     struct peeper_value  message);
PEEPER_NODISCARD enum peeper_status peeper_sync_start(struct peeper_sync                *sync,
                                                      const struct peeper_start_options *options,
                                                      struct peeper_started *ret_started);
PEEPER_NODISCARD enum peeper_status peeper_sync_stop(struct peeper_sync  *sync,
                                                     struct peeper_target target,
                                                     struct peeper_value  reason,
                                                     uint32_t             timeout_ms);
PEEPER_NODISCARD enum peeper_status peeper_sync_kill(struct peeper_sync  *sync,
                                                     struct peeper_target target);
PEEPER_NODISCARD enum peeper_status peeper_sync_suspend(struct peeper_sync  *sync,
                                                        struct peeper_target target);
PEEPER_NODISCARD enum peeper_status peeper_sync_resume(struct peeper_sync  *sync,
                                                       struct peeper_target target);
// Fails: also NOPROC, where nobody has the name or the incarnation is gone.
PEEPER_NODISCARD enum peeper_status
peeper_sync_whereis(struct peeper_sync *sync, struct peeper_target target, uint64_t *ret_id);
PEEPER_NODISCARD enum peeper_status peeper_sync_list(struct peeper_sync       *sync,
                                                     const struct peeper_page *page,
                                                     struct peeper_listing    *ret_listing);
PEEPER_NODISCARD enum peeper_status peeper_sync_inspect(struct peeper_sync  *sync,
                                                        struct peeper_target target,
                                                        struct peeper_actor *ret_actor);
PEEPER_NODISCARD enum peeper_status peeper_sync_get_state(struct peeper_sync  *sync,
                                                          struct peeper_target target,
                                                          struct peeper_state *ret_state);
PEEPER_NODISCARD enum peeper_status peeper_sync_replace_state(struct peeper_sync  *sync,
                                                              struct peeper_target target,
                                                              struct peeper_value  state,
                                                              uint32_t             timeout_ms);
PEEPER_NODISCARD enum peeper_status peeper_sync_crashes(struct peeper_sync       *sync,
                                                        const struct peeper_page *page,
                                                        struct peeper_crashes    *ret_crashes);
PEEPER_NODISCARD enum peeper_status peeper_sync_crash(struct peeper_sync *sync, uint64_t crash,
                                                      struct peeper_crash *ret_crash);
// `*ret_replied`: it was a call, and `*ret_reply` is its reply.
PEEPER_NODISCARD enum peeper_status peeper_sync_redrive(struct peeper_sync *sync, uint64_t crash,
                                                        uint32_t timeout_ms, bool *ret_replied,
                                                        struct peeper_value *ret_reply);
PEEPER_NODISCARD enum peeper_status peeper_sync_discard_crash(struct peeper_sync *sync,
                                                              uint64_t            crash);
PEEPER_NODISCARD enum peeper_status peeper_sync_ping(struct peeper_sync *sync);

#ifdef __cplusplus
}
#endif
