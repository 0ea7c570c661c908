// info: plain descriptions that leave the keeper: of a failure, of an actor. No protobuf, no JSON.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

// With whom an actor shares its hosts; the numbers of peeper.v1.Isolation.
enum isolation { ISOLATION_SHARED = 1, ISOLATION_OWN = 2 };

// One failed request. Everything is borrowed.
struct failure {
    enum status  status;
    const char  *message;        // one sentence; NULL means the text of the status
    uint32_t     retry_after_ms; // 0 where nothing is known
    struct slice reason;         // encoded Value; may be empty
    const char  *kind;           // of a crash, as in crash_info; NULL elsewhere
    bool         not_retryable;  // true overrides the table's advice
    bool         retryable;      // likewise: it is only not the moment
    bool         ran;            // of a call: its turn has committed, but no reply follows
};

struct crash_info {
    const char  *kind; // static text; NULL: it never crashed
    struct slice reason;
    uint64_t     at_ms; // wall clock
    uint64_t     id;    // in the crash log; 0: it was not kept there
    // from the crash log, as long as it has them
    struct slice text;  // as in crash_report
    struct slice trace; // likewise
};

// One crash as the crash log has it.
struct crash_report {
    uint64_t     id;          // counts up, never 0
    uint64_t     unit;        //
    uint64_t     incarnation; // that ended
    struct slice name;        // empty: an anonymous actor
    struct slice behaviour;
    struct slice version; // of the code
    const char  *kind;    // as in crash_info
    struct slice reason;  // encoded Value
    struct slice text;    // where and how: "handle_call of probe"
    struct slice trace;   // lines of text with \n between them, innermost first; may be empty
    // The message that did it.
    const char  *turn;          // static text: init, call, cast, info, continue, terminate; or ""
    struct slice message;       // encoded Value, or what is left of it
    uint64_t     message_bytes; // of the whole
    bool         message_cut;   // only the first bytes are kept
    bool         message_set_aside; // it killed its host
    uint32_t     attempts;          // hosts that were lost under it before
    uint32_t     redriven;          // how often it was run again
    uint64_t     state_version;     // before the turn; 0: there was no state
    int32_t      host_pid;          // 0: no host ran it
    uint64_t     at_ms;             // wall clock
};

// A state without its value.
struct generation_info {
    uint64_t version;
    uint64_t turn;  // of the server, that committed it
    uint64_t at_ms; // wall clock
    uint64_t bytes; // of the state
};

// A restart with an older state than the newest.
struct step_info {
    uint64_t from; // the newest version; 0: there was no such restart
    uint64_t to;
    uint64_t at_ms; // wall clock
};

struct actor_info {
    struct slice      name;
    struct slice      behaviour;
    const char       *status; // static text
    uint64_t          unit;
    uint64_t          incarnation;
    uint64_t          restarts;
    uint32_t          mailbox;
    int32_t           worker;
    int32_t           host_pid;
    uint64_t          turn_ms;
    bool              suspended; // by an operator
    bool              is_supervisor;
    const char       *strategy;      // static text; NULL: no supervisor
    struct slice      supervisor;    // name of its own; may be empty
    uint64_t          supervisor_id; // 0: it has none
    struct slice      awaits; // name or "@id" of the actor whose answer it waits for; else empty
    bool              hibernating;
    uint32_t          timers; // of send_after, pending
    uint32_t          links;
    uint32_t          monitors;
    bool              trap_exit;
    enum isolation    isolation;
    bool              quarantined; // it has killed hosts repeatedly
    struct step_info  stepped_back;
    uint32_t          watchers; // streams of clients that are about it
    uint64_t          events_dropped;
    uint64_t          newest_version; // that was committed; 0: none
    struct slice      code_version;   // of its behaviour
    struct slice      code_refused;   // text; why it was not upgraded, else empty
    uint32_t          tables;         // that it has; with table_bytes, where one is inspected
    uint64_t          table_bytes;
    struct crash_info last_crash;
    // of the newest generation
    bool         has_state;
    struct slice state; // encoded Value
    uint64_t     version;
    uint64_t     state_at_ms; // wall clock
    uint64_t     state_turn;
};

// Whoever was started.
struct started_info {
    uint64_t     id; // incarnation; 0 where init said ignore
    uint64_t     unit;
    struct slice name;
    struct slice info;    // encoded Value from init; may be empty
    uint64_t     monitor; // reference; 0: none was asked for
    bool         ignored;
};

// What a connection is told without a request. Everything is borrowed.
enum push_kind {
    PUSH_DOWN,
    PUSH_EXIT,
    PUSH_CHANGED, // ref, name, unit, version, at_ms, value, old
    PUSH_ENDED,   // ref, name, unit, version, at_ms, value, reason
    PUSH_UPGRADE, // name (of the behaviour), done, total, refused
    PUSH_GAP,     // ref, name, unit, first, version; with an empty name: nobody knows of whom
    PUSH_STEPPED, // ref, name, unit, step, missed
};

struct push {
    enum push_kind kind;
    uint64_t       ref; // of a monitor or watch
    uint64_t       id;
    struct slice   name;
    struct slice   reason; // encoded Value
    uint64_t       unit;
    uint64_t       first;   // version, of a gap
    uint64_t       version; // of the value; of a gap the last one
    uint64_t       at_ms;   // wall clock
    struct slice   value;   // encoded Value; may be empty in PUSH_ENDED
    struct slice   old;
    bool           has_old;
    // PUSH_UPGRADE
    uint64_t done;
    uint64_t total;
    uint64_t refused;
    // PUSH_STEPPED
    struct step_info step;
    uint64_t         missed; // steps before it that were not told
};

// One version of a behaviour.
struct behaviour_info {
    const char *name;
    const char *version;
    const char *kind; // static text
    const char *file;
    uint16_t    callbacks; // bits of enum behaviour_callback
    uint64_t    actors;
    bool        current; // new actors run it
};

struct upgrade_refusal {
    struct slice name;
    uint64_t     unit;
    struct slice reason; // text
};

// What has become of an upgrade. Everything is borrowed.
struct upgrade_report {
    struct slice                  behaviour;
    struct slice                  from; // versions
    struct slice                  to;
    uint64_t                      changed;
    uint64_t                      moved; // of other behaviours
    uint64_t                      refused;
    uint64_t                      gone;
    uint64_t                      left;
    uint64_t                      took_ms;
    bool                          dry_run;
    const char                   *stopped; // static text; NULL: it was not
    const struct upgrade_refusal *refusals;
    size_t                        refusal_count;
};

// One child of a supervisor, or a unit that has none.
struct child_info {
    struct slice id;
    struct slice name;
    struct slice behaviour;
    const char  *status;      // static text
    const char  *strategy;    // static text; NULL: no supervisor
    const char  *restart;     // static text
    uint64_t     incarnation; // 0: none now
    uint64_t     unit;
    uint64_t     restarts;
    uint32_t     mailbox;
    uint32_t     children;
    bool         significant;
};

// One table of an actor.
struct table_info {
    struct slice name; // empty: the dictionary
    bool         ordered;
    bool         is_private;
    bool         heir;
    uint32_t     rows;
    uint64_t     bytes;
};

// One row of a table: encoded Values.
struct row_info {
    struct slice key;
    struct slice value;
};

struct child_counts {
    uint32_t specs;
    uint32_t active;
    uint32_t supervisors;
    uint32_t workers;
};
