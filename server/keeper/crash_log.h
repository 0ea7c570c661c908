// crash_log: the crashes of this server that are still remembered, each with the message that did
// it.
//
// It outlives the actors: an entry stays until it ages out or is discarded. Bounded three times: by
// entries, by bytes, and per unit, so that one crash loop does not push the others out. The oldest
// go first; messages that killed their host and were *set aside* go last, because they are the ones
// somebody may still want to run again. It decides nothing: who crashed and why is for others to
// know.
#pragma once

#include "base/list.h"
#include "base/status.h"
#include "wire/info.h"
#include "wire/turn.h"

#include <stdint.h>

#define CRASHES_PER_UNIT_MAX 8u
#define CRASH_MESSAGE_BYTES_MAX (64u << 10) // of a longer message only this much is kept
#define CRASH_REASON_BYTES_MAX (16u << 10)  // a longer reason is replaced by one that says so
#define CRASH_TEXT_BYTES_MAX 255u

struct crash {
    // private
    struct list all;     // by id
    struct list plain;   // likewise of those that were not set aside, else alone
    struct list of_unit; // in a bucket
    struct list of_id;   // in a bucket
    uint32_t    bytes;   // of this entry
    // for readers; all but `redriven` stays as it was added
    enum turn_kind      turn; // of the message; 0: no message did it
    struct crash_report report;
    uint8_t             text[]; // what the report points to
};

struct crash_log {
    struct list  all;     // oldest first; owned
    struct list  plain;   // oldest first
    struct list *buckets; // owned: by unit, then by id, bucket_count each
    uint32_t     bucket_count;
    uint32_t     count;
    uint32_t     entries_max; // 0: nothing is kept
    uint64_t     bytes;
    uint64_t     bytes_max;
    uint64_t     id_last;
};

// Fails: STATUS_NO_MEMORY.   Thread: main.
NODISCARD enum status crash_log_init(struct crash_log *log, uint32_t entries_max,
                                     uint64_t bytes_max);
void                  crash_log_fini(struct crash_log *log);

// Remembers a crash: copies what `report` points to, cuts what is too long (message_cut tells), and
// writes text that came from a host so that it is printable. report->id and message_bytes are
// ignored. `turn` says what the message is; 0: there is none.
// Returns the new entry's id, or 0 where it could not be kept (memory; or entries_max is 0).
// Thread: net.
uint64_t crash_log_add(struct crash_log *log, const struct crash_report *report,
                       enum turn_kind turn);

// The entry with this id; NULL if it is not there any more.   Thread: net.
struct crash *crash_log_find(struct crash_log *log, uint64_t id);

// The newest entry whose id is below `id` (0: the newest of all); NULL if there is none. For
// walking backwards: entries that come or go meanwhile are no trouble.   Thread: net.
struct crash *crash_log_before(struct crash_log *log, uint64_t id);

// "call", "cast", ...; "" for none.   Thread: any.
const char *crash_turn_text(enum turn_kind turn);

// Whether the message can be run again; else what stands in the way.   Thread: any.
const char *crash_redrive_fault(const struct crash *crash);

// Forgets one entry; the pointer is dead afterwards.   Thread: net.
void crash_log_discard(struct crash_log *log, struct crash *crash);
