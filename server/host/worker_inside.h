// worker_inside: what the parts of a worker share, and nobody else needs.
// Thread: worker, all of it.
#pragma once

#include "host/worker.h"

// The behaviour, and the state that came along, of the record that is being run.
const struct peeper_behaviour *worker_behaviour(const struct worker *worker);
struct peeper_value            worker_state(const struct worker *worker);

// A copy with the name that the record has, not in the table yet.
// Fails: NULL when memory ran out.
struct copy *worker_create_copy(const struct worker *worker);

// Saves the state of the copy. What it has saved lies in ctx->item afterwards. Crashes the turn if
// that is none.
void worker_save(struct worker *worker);

// Answers the record with what lies in the context's items.
void worker_commit(struct worker *worker, enum commit_kind kind, int flags, enum commit_code code,
                   uint64_t due_ms);

// Answers COMMIT_REFUSED, with `reason` as a string.
void worker_refuse(struct worker *worker, const char *reason);

// Appends an item to a commit that has nothing else. Without memory for it the commit goes without
// it.
void worker_add(struct worker *worker, enum item_kind kind, const void *data, size_t bytes);

// A crash: notes one that happened outside of a callback; puts the reason where it belongs, and who
// it was; makes the items that tell of it.
void worker_note_crash(struct worker *worker, enum commit_code code, const char *what);
void worker_describe_crash(struct worker *worker, const char *phase);
void worker_add_crash(struct worker *worker);
