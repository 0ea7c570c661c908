// turn: the layout of what travels between the keeper and a host's worker. The only thing the two
// programs share.
//
// Per worker there are two rings (base/ring). The *turns* ring is written by the keeper and mapped
// read-only by the host; the *commits* ring is written by the host, and the keeper copies and
// checks each record before it believes it.
//
// The rule that everything else follows from: a worker answers each turn record with exactly one
// *last* commit record, in ring order. A commit with COMMIT_MORE is followed by another for the
// same turn (the worker went on to the continue, or the zero timeout, that the callback asked for).
// The keeper frees a turn's space at its last commit.
// Source: docs/architecture.md, "Rings".
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define TURN_RING_BYTES (1u << 20)
// bounds a message with its state, and a commit with all its items
#define TURN_BULK_BYTES (64u << 20)
#define COMMIT_RING_BYTES (1u << 20)
#define COMMIT_BULK_BYTES (64u << 20)
#define COMMIT_ITEMS_MAX 1024 // effects of one turn
#define TRACE_LINES_MAX 16    // of a backtrace
#define TRACE_BYTES_MAX 2560u // of all its lines
#define HOST_WORKERS_MAX 64
#define CALL_TIMEOUT_MS_MAX 3600000u // of ITEM_CALL
// A timer's id is the number of its turn, and in the low bits its own number in that turn, from 1.
#define TIMER_INDEX_BITS 16
#define HOST_BEHAVIOURS_MAX 256
#define HOST_FILES_MAX 256 // of behaviours

// Descriptors of a host: for worker i: 3+3i turns memfd, 4+3i commits memfd, 5+3i the reading
// end of the pipe the worker sleeps on; then, at 3+3N, the writing end of the one that wakes the
// keeper; from 4+3N on the files of behaviours, in the order of the options that name them.
#define HOST_FD_FIRST 3

// Control page of the turns ring. The keeper writes, the host reads.
struct turns_control {
    _Alignas(64) _Atomic uint64_t head;         // end of the last whole turn record
    _Alignas(64) _Atomic uint64_t commits_tail; // how far the keeper has consumed the commits ring
    // Odd while the keeper sleeps. A worker that has published a commit writes to the pipe once per
    // odd value.
    _Alignas(64) _Atomic uint32_t keeper_sleep;
    // 1 while few turns travel at a time: then a worker may wait awake, for it takes no processor
    // from anybody who has work. A hint.
    _Atomic uint32_t lonely;
    // Records that begin before this position need not be run: answer them with COMMIT_SKIP. A hint
    // to save work.
    _Alignas(64) _Atomic uint64_t recall_to;
};

// Control page of the commits ring. The host writes, the keeper reads and does not believe.
struct commits_control {
    _Alignas(64) _Atomic uint64_t head; // end of the last whole commit record
    // 1 + the position of the turn record that the worker has begun; 0: none yet.
    _Alignas(64) _Atomic uint64_t claimed;
    // 1 while the worker sleeps on its pipe (for turns or for space); the keeper rings after
    // publishing.
    _Alignas(64) _Atomic uint32_t worker_sleep;
    // Set by a dying worker, last of all: enum death. The other fields from here on belong to it.
    _Alignas(64) _Atomic uint64_t death_address;
    _Atomic uint32_t death_signal; // number of the signal, or the exit status
    _Atomic uint32_t death;
    _Atomic uint32_t trace_bytes;
    char             trace[TRACE_BYTES_MAX]; // where it fell: lines with \n between them
};

enum death {
    DEATH_NONE = 0,
    DEATH_SIGNAL = 1,   // death_signal, death_address
    DEATH_EXIT = 2,     // something called exit()
    DEATH_MEMORY = 3,   // a signal, while the process was at its memory limit
    DEATH_OVERFLOW = 4, // SIGSEGV on the guard of the worker's stack
};

enum turn_kind {
    // create the actor: payload is the argument. With a state: run init, then load the state.
    TURN_INIT = 1,
    TURN_CALL = 2,      // payload is the message
    TURN_CAST = 3,      // payload is the message
    TURN_INFO = 4,      // payload is the message
    TURN_CONTINUE = 5,  // payload is the argument of handle_continue
    TURN_TERMINATE = 6, // payload is the reason; the worker forgets the actor afterwards
    TURN_FORGET = 7,    // drop the copy of the actor, if there is one; answered with COMMIT_DONE
    // Payload is a state: load a fresh copy from it, which then replaces the one that is there.
    // Where there is none, and no HAS_ROWS, none is left, as there may be rows that are elsewhere.
    // The commit has its ITEM_STATE and nothing else. If load() refuses: COMMIT_REFUSED with
    // COMMIT_CODE_ERROR and a reason, and the old copy stays.
    TURN_REPLACE = 8,
    // With a state, which another version of the behaviour has saved; payload is the list [that
    // version, extra]. code_change makes a state of this version from it. No copy in the worker is
    // touched, and none is left. The commit has its ITEM_STATE and nothing else, or is
    // COMMIT_REFUSED with COMMIT_CODE_ERROR and a reason. It is run in any case, recalled or not.
    TURN_CODE_CHANGE = 10,
    // Payload is a delta (base/tables_delta): a part of the rows of the actor's tables. The worker
    // gathers the parts of one (slot, epoch), whose numbers count up from 0, in a copy that is none
    // yet; part 0 begins anew and replaces any copy of the slot. Answered with COMMIT_DONE, which
    // says nothing: the record that wants them finds out. It is run in any case, recalled or not.
    TURN_ROWS = 9,
    // What a behaviour hears of its actors, after the fact: nobody waits for it, and the actor may
    // be running elsewhere, or be gone. The name goes along. No copy in the worker is touched, and
    // none is left. Answered with one commit: COMMIT_DONE, whose items are ITEM_SEND and ITEM_CAST
    // only, or COMMIT_CRASH (ITEM_REASON, ITEM_TEXT, ITEM_TRACE; never COMMIT_ROWS). It is run in
    // any case, recalled or not.
    //
    // on_state_changed: payload is the state before, 0 bytes where there was none; with
    // TURN_HAS_STATE, and the state is the new one.
    TURN_CHANGED = 11,
    // on_terminate: payload is the reason; with TURN_HAS_STATE the state is the last one, without
    // it there is none.
    TURN_ENDED = 12,
};

enum turn_flag {
    // the body has the state: replace whatever copy there is by one loaded from it
    TURN_HAS_STATE = 1,
    TURN_BULK = 2,    // the body lies at the start of the bulk area, not behind the header
    TURN_RESTART = 4, // INIT after a crash
    // With TURN_HAS_STATE, or of REPLACE: the tables of the new copy are the `rows` parts that were
    // gathered for (slot, epoch). Where the worker has not got just those it answers COMMIT_SKIP.
    // Without this flag what TURN_HAS_STATE and INIT make has no tables.
    TURN_HAS_ROWS = 8,
    // With TURN_HAS_ROWS: the tables are those that were left by the crash of epoch `rows`, see
    // COMMIT_ROWS.
    TURN_ROWS_KEPT = 16,
};

// One record of the turns ring. Body: name, payload, state, in this order, unpadded.
struct turn_record {
    uint32_t record_bytes; // header and body in the ring, rounded up to 8
    uint8_t  kind;         // enum turn_kind
    uint8_t  flags;        // enum turn_flag
    uint16_t behaviour;    // index in the order of the host's COMMIT_BEHAVIOUR records
    // A worker's copy of an actor is known by (slot, epoch). A record without TURN_HAS_STATE that
    // is not INIT, FORGET or REPLACE and finds no copy with just this epoch is answered with
    // COMMIT_SKIP. INIT and HAS_STATE replace any copy of the slot. ROWS, CODE_CHANGE, CHANGED and
    // ENDED need none.
    uint32_t slot;
    uint32_t epoch;
    uint64_t turn;        // number of this turn, never 0; for CALL also its `from`
    uint64_t incarnation; // what peeper_self_id answers
    // <= 255; the name goes with INIT, REPLACE, CHANGED, ENDED and HAS_STATE only
    uint32_t name_bytes;
    uint32_t payload_bytes;
    uint32_t state_bytes; // 0 unless TURN_HAS_STATE
    // The keeper's own notes; the host does not look at them, but for one.
    uint32_t note_conn;       // slot of the connection that waits
    uint32_t note_generation; // and its generation; 0 if nobody waits
    uint32_t note_deadline_ms;
    uint64_t note_request; // correlation id
    uint64_t note_begun_ms;
    // The message was taken back: whatever the worker answers is ignored. The one note that the
    // host looks at: a hint that it need not run the record.
    uint8_t note_void;
    uint8_t note_attempts;
    uint8_t note_control; // came on the control lane, and goes back to it
    uint8_t note_own;     // the message ends with the incarnation that it was made for
    // No note, but here is room: of TURN_ROWS the number of this part, with TURN_HAS_ROWS how many
    // there are, with TURN_ROWS_KEPT an epoch.
    uint32_t rows;
};

enum behaviour_kind { BEHAVIOUR_NATIVE = 0, BEHAVIOUR_LUA = 1 };

// Which callbacks a behaviour has.
enum behaviour_callback {
    CALLBACK_INIT = 1,
    CALLBACK_CALL = 2,
    CALLBACK_CAST = 4,
    CALLBACK_INFO = 8,
    CALLBACK_CONTINUE = 16,
    CALLBACK_TERMINATE = 32,
    CALLBACK_CODE_CHANGE = 64,
    CALLBACK_CHANGED = 128, // on_state_changed
    CALLBACK_ENDED = 256,   // on_terminate
};

enum commit_kind {
    COMMIT_DONE = 1, // the callback returned; items are its effects
    // The turn crashed: ITEM_REASON and ITEM_TEXT; the worker has dropped its copy. Effects are
    // those of a terminate that ran after it, with the state that was committed last.
    COMMIT_CRASH = 2,
    // Not run: no copy of (slot, epoch), or recalled. After COMMIT_MORE: the next link was not run.
    COMMIT_SKIP = 3,
    // INIT answered IGNORE or ERROR (ITEM_REASON): there is no actor. REPLACE answered ERROR. Also
    // the answer to a payload that is no Value (code COMMIT_CODE_INVALID): not run, the actor's
    // copy is untouched.
    COMMIT_REFUSED = 4,
    // host start: one loaded behaviour; ITEM_TEXT = name, ITEM_REASON = version (raw text)
    COMMIT_BEHAVIOUR = 5,
    COMMIT_LOAD_FAILED = 6, // host start: ITEM_TEXT = file, ITEM_REASON = why (raw text)
    COMMIT_READY = 7,       // host start, worker 0 only: all behaviours were reported
};

enum commit_code {
    COMMIT_CODE_NONE = 0,
    // of COMMIT_CRASH
    COMMIT_CODE_RAISE = 1,
    COMMIT_CODE_EXIT = 2, // peeper_exit
    // bad return value, incomplete item, state that does not save or load, undef(..)
    COMMIT_CODE_CONTRACT = 3,
    COMMIT_CODE_MEMORY = 4, // over memory_bytes_max
    // of COMMIT_REFUSED
    COMMIT_CODE_IGNORE = 5,
    COMMIT_CODE_ERROR = 6,
    COMMIT_CODE_INVALID = 7,
    // Of COMMIT_CRASH: over the time, or the instructions, that a turn may take. Only where the
    // host can end a turn by itself; else the keeper ends the host.
    COMMIT_CODE_DEADLINE = 8,
};

enum commit_flag {
    COMMIT_MORE = 1,      // not the last commit of this turn
    COMMIT_BULK = 2,      // the items lie at the start of the bulk area
    COMMIT_STOP = 4,      // the actor ends: ITEM_REASON, else normal
    COMMIT_HIBERNATE = 8, // the worker has dropped its copy
    COMMIT_TIMEOUT = 16,  // due_ms counts; with ITEM_IDLE, else the message is "timeout"
    // Of COMMIT_CRASH: the worker still has the tables as they are now. Whoever restarts the actor
    // there need not send them, see TURN_ROWS_KEPT; that they are lost meanwhile is no fault.
    COMMIT_ROWS = 32,
};

// One record of the commits ring, followed by `item_count` items in `item_bytes` bytes.
struct commit_record {
    uint32_t record_bytes; // header and items in the ring, rounded up to 8
    uint8_t  kind;         // enum commit_kind
    uint8_t  flags;        // enum commit_flag
    uint16_t item_count;   // <= COMMIT_ITEMS_MAX
    uint64_t turn;         // of the record that is answered; 0 for the host's own announcements
    // With COMMIT_TIMEOUT: when the actor gets its message if none came before. Monotonic and
    // absolute: what the commit waits for until it is read is not added.
    uint64_t due_ms;
    uint32_t item_bytes; // of all items, padding included
    uint8_t  code;       // enum commit_code
    // COMMIT_BEHAVIOUR only:
    uint8_t  behaviour_kind; // enum behaviour_kind
    uint16_t callbacks;      // bits of enum behaviour_callback
    uint32_t turn_deadline_ms;
    uint32_t hibernate_after_ms;
};

enum item_kind {
    ITEM_STATE = 1,    // the new state
    ITEM_REPLY = 2,    // to the present call
    ITEM_REPLY_TO = 3, // to the call `token`
    ITEM_SEND = 4,     // to the actor called name
    ITEM_CAST = 5,     // to the actor called name
    // name = behaviour name and actor name; `token` = bytes of the behaviour's name
    ITEM_START = 6,
    ITEM_STOP = 7,     // the actor called name
    ITEM_CONTINUE = 8, // with COMMIT_MORE: what the worker now runs handle_continue with
    ITEM_REASON = 9,   // of COMMIT_STOP, COMMIT_CRASH, COMMIT_REFUSED
    ITEM_TEXT = 10,    // of COMMIT_CRASH: where and how, for a person (raw UTF-8 text, not a Value)
    // Watch the actor called name, or the incarnation whose id the body is (8 bytes, native order);
    // `token` is the reference, made by the worker: the turn's number and a count within the turn.
    ITEM_MONITOR = 11,
    ITEM_DEMONITOR = 12, // `token` is the reference
    ITEM_LINK = 13,      // with the actor called name, or the incarnation `token`
    ITEM_UNLINK = 14,    // likewise
    // A message for later: `token` is the timer's id, the name is the due time (8 bytes, monotonic
    // ms) and then whom it is for; nobody: the actor itself.
    ITEM_TIMER = 15,
    // A call to the actor called name, whose answer comes as a message; `token` is how long it is
    // waited for, in ms, 0: the default. At most one, in a turn that neither stops nor is an init.
    ITEM_CALL = 18,
    ITEM_CANCEL_TIMER = 16, // `token` is the timer's id
    // The message of COMMIT_TIMEOUT; or with COMMIT_MORE what the worker now runs handle_info with.
    ITEM_IDLE = 17,
    // Of COMMIT_CRASH: the backtrace, lines with \n between them (raw text); at most
    // TRACE_BYTES_MAX.
    ITEM_TRACE = 19,
    // What the callback wrote to the actor's tables: a delta (base/tables_delta). At most one. Also
    // of COMMIT_CRASH, where it is what terminate wrote; not of COMMIT_REFUSED.
    ITEM_TABLES = 20,
};

// One item, followed by the name and the body, padded together to 8.
struct item_header {
    uint16_t kind; // enum item_kind
    uint16_t name_bytes;
    uint32_t body_bytes;
    uint64_t token;
};
