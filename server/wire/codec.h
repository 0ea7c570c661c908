// codec: peeper.v1 frames <-> plain structs. Only codec*.c and codec_frame.h include protobuf-c's
// output.
//
// Decoding takes its memory from an arena that the next decode reuses, so it calls no allocator.
// The arena has one size for ever, that of the largest frame and a little more, whatever a client
// sends; so one codec serves a whole thread, not one connection. Text is passed on as it came:
// whether it is UTF-8, or free of NULs, is for the reader to check.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "wire/info.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verb {
    VERB_NONE, // a frame whose body is unset or unknown to this version
    VERB_HELLO,
    VERB_CALL,
    VERB_CAST,
    VERB_SEND,
    VERB_START,
    VERB_STOP,
    VERB_KILL,
    VERB_WHERE_IS,
    VERB_LIST,
    VERB_INSPECT,
    VERB_RESUME,
    VERB_PING,
    VERB_START_SUPERVISOR,
    VERB_START_CHILD,
    VERB_TERMINATE_CHILD,
    VERB_RESTART_CHILD,
    VERB_DELETE_CHILD,
    VERB_WHICH_CHILDREN,
    VERB_COUNT_CHILDREN,
    VERB_GET_CHILD_SPEC,
    VERB_CHECK_SPECS,
    VERB_CHANGE_SUPERVISOR,
    VERB_MONITOR,
    VERB_DEMONITOR,
    VERB_LINK,
    VERB_UNLINK,
    VERB_SUSPEND,
    VERB_GET_STATE,
    VERB_REPLACE_STATE,
    VERB_LIST_CRASHES,
    VERB_SHOW_CRASH,
    VERB_REDRIVE,
    VERB_DISCARD_CRASH,
    VERB_LIST_GENERATIONS,
    VERB_RESTORE_STATE,
    VERB_WATCH,
    VERB_UNWATCH,
    VERB_TRANSFER,
    VERB_PREPARE_TRANSFER,
    VERB_COMMIT_TRANSFER,
    VERB_LIST_BEHAVIOURS,
    VERB_DEPLOY,
    VERB_UPGRADE,
    VERB_LIST_TABLES,
    VERB_READ_TABLE,
    VERB_COUNT
};

// Start: which tables a restart gives back.
enum keep_choice {
    KEEP_ALL,
    KEEP_LISTED, // those in keep_names
    KEEP_BEYOND, // more was sent than the limits below allow
};

#define KEEP_NAMES_MAX 256u
#define KEEP_NAME_BYTES_MAX 255u
#define KEEP_BYTES_MAX 4096u // packed, so a name takes one byte more than it has

// One request; each verb uses the fields that its message has, the others are zero. (Of a Call, a
// Cast or a Send that came in a batch the others mean nothing: see fast_decode_hot.)
// Shape: slices point into the frame or into the codec's arena: valid until the next decode or
//        until the frame moves.
struct request {
    // also of Call, Cast and Send
    uint64_t     id;
    enum verb    verb;
    uint32_t     limit_ms; // deadline_ms / timeout_ms as sent
    struct slice name;     // target, prefix of List, name of Start
    uint64_t     target;   // incarnation id; 0: by name
    struct slice payload;  // message, argument of Start, reason of Stop, spec, state
    struct slice key;      // of idempotency; empty: none
    // of the other verbs
    struct slice child;       // id of a child; of WhichChildren maybe none
    uint64_t     incarnation; // of a child
    struct slice behaviour;   // Start
    uint32_t     restart;     // Start: the number in peeper.v1.Restart
    uint32_t     on_intensity;
    bool         has_intensity;
    uint32_t     intensity;
    uint32_t     period_ms;
    uint32_t     mailbox_max;
    uint32_t     hibernate_after_ms;
    bool         link; // Start
    bool         monitor;
    bool         no_trap_exit;
    uint32_t     generations; // Start
    bool         step_back;
    uint64_t     version; // GetState, Inspect, RestoreState
    struct slice to_name; // Transfer: the supervisor to move it to
    uint64_t     to_id;
    struct slice from_name; // Transfer: its supervisor; may be empty
    uint64_t     from_id;
    uint64_t     handle;           // CommitTransfer
    uint8_t      keep;             // enum keep_choice
    struct slice keep_names;       // packed: of each a byte with its length, then the name
    uint64_t     ref;              // Demonitor, Unwatch
    uint32_t     isolation;        // the number in peeper.v1.Isolation
    struct slice listener;         // Start: name of an actor
    uint32_t     protocol_version; // Hello
    bool         idempotency;      // is among its features
    struct slice token;
    struct slice client;
    uint64_t     cursor; // List
    uint64_t     crash;  // ShowCrash, Redrive, DiscardCrash
    bool         prefix; // Watch: name is one
    bool         with_old;
    uint64_t     from_version;
    uint64_t     unit;
    struct slice table;      // ReadTable
    struct slice key_prefix; // ReadTable
    struct slice after;      // ReadTable: `from`
    uint32_t     limit;
    struct slice file; // Deploy, Upgrade; its content is the payload
    struct slice extra;
    bool         dry_run;
};

// Of the fields that a Call, a Cast or a Send has.
#define REQUEST_HOT_BYTES offsetof(struct request, child)

// What the arena has beyond the bytes of the largest frame: protobuf-c's bookkeeping, some 100
// bytes a field. A frame has at most 16 fields but for Hello's features, of which 256 fit beside
// anything; more may be refused.
#define CODEC_ARENA_SPARE_BYTES (64u << 10)

// Private.
struct codec {
    uint8_t *arena; // owned
    size_t   arena_bytes;
    size_t   used;
};

// Owns:  an arena of frame_bytes_max + CODEC_ARENA_SPARE_BYTES, taken from the system as it is
//        touched.
// Fails: STATUS_NO_MEMORY.   Thread: owner.
NODISCARD enum status codec_init(struct codec *codec, uint32_t frame_bytes_max);
void                  codec_fini(struct codec *codec);

// Decodes the body of one ClientFrame. In fields that stand more than once the last one counts.
// Fails: STATUS_PROTOCOL (no ClientFrame; or so many fields that they do not fit in the arena,
//        which no client has reason to send, and which repeating would not help).
// Thread: owner.
NODISCARD enum status codec_decode(struct codec *codec, struct slice frame,
                                   struct request *ret_request);

struct welcome {
    const char *server_version;
    uint32_t    frame_bytes_max;
    uint32_t    name_bytes_max;
    uint32_t    deadline_ms_max;
    uint32_t    mailbox_max;
    bool        idempotency; // a feature of both sides
};

// Each appends one whole delimited ServerFrame to `out`. Fields that clients know as limited to 255
// bytes (names) are cut there; the others are written as they are.
// Fails: STATUS_NO_MEMORY (also for a frame over FRAME_BODY_BYTES_MAX), nothing appended.
// Thread: the owner of `out`.
NODISCARD enum status codec_write_welcome(struct buf *out, uint64_t id,
                                          const struct welcome *welcome);
NODISCARD enum status codec_write_reply(struct buf *out, uint64_t id, struct slice payload);
// `retryable` is the advice of the status table unless the failure overrides it.
NODISCARD enum status codec_write_error(struct buf *out, uint64_t id,
                                        const struct failure *failure);
NODISCARD enum status codec_write_done(struct buf *out, uint64_t id);
NODISCARD enum status codec_write_started(struct buf *out, uint64_t id,
                                          const struct started_info *started);
NODISCARD enum status codec_write_located(struct buf *out, uint64_t id, uint64_t incarnation);
// States are left out, whether the infos have them or not.
NODISCARD enum status codec_write_listing(struct buf *out, uint64_t id,
                                          const struct actor_info *actors, size_t count,
                                          uint64_t next);
NODISCARD enum status codec_write_actor_info(struct buf *out, uint64_t id,
                                             const struct actor_info *info);
NODISCARD enum status codec_write_children(struct buf *out, uint64_t id,
                                           const struct child_info *children, size_t count,
                                           uint64_t next);
// The state that the info has.
NODISCARD enum status codec_write_state(struct buf *out, uint64_t id,
                                        const struct actor_info *info);
// At most 16 generations, and how many are kept.
NODISCARD enum status codec_write_generations(struct buf *out, uint64_t id,
                                              const struct generation_info *generations,
                                              size_t count, uint32_t kept);
NODISCARD enum status codec_write_transfer_prepared(struct buf *out, uint64_t id, uint64_t handle,
                                                    uint32_t valid_ms);
NODISCARD enum status codec_write_child_counts(struct buf *out, uint64_t id,
                                               const struct child_counts *counts);
// Messages are left out, whether the reports have them or not.
NODISCARD enum status codec_write_crash_listing(struct buf *out, uint64_t id,
                                                const struct crash_report *reports, size_t count,
                                                uint64_t next);
NODISCARD enum status codec_write_crash_report(struct buf *out, uint64_t id,
                                               const struct crash_report *report);
NODISCARD enum status codec_write_behaviours(struct buf *out, uint64_t id,
                                             const struct behaviour_info *behaviours, size_t count);
NODISCARD enum status codec_write_upgrade_report(struct buf *out, uint64_t id,
                                                 const struct upgrade_report *report);
NODISCARD enum status codec_write_table_listing(struct buf *out, uint64_t id,
                                                const struct table_info *tables, size_t count);
// `next` is the key to go on after; empty after the last page.
NODISCARD enum status codec_write_rows(struct buf *out, uint64_t id, const struct row_info *rows,
                                       size_t count, struct slice next);
NODISCARD enum status codec_write_pong(struct buf *out, uint64_t id);
NODISCARD enum status codec_write_monitored(struct buf *out, uint64_t id, uint64_t ref);
NODISCARD enum status codec_write_watching(struct buf *out, uint64_t id, uint64_t ref);
NODISCARD enum status codec_write_goodbye(struct buf *out, const char *message);
NODISCARD enum status codec_write_push(struct buf *out, const struct push *push);
