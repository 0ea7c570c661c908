// idempotency: requests with a key are run once, however often they are sent.
//
// The first request with a key is delivered for a caller that stands for all who wait for it; a
// repeat waits with it, each with a deadline of its own, or is told the outcome that is kept. What
// is kept is what must not run again: replies, the Done of casts, and failures of calls whose turn
// has committed. Any other failure releases the key, so that a retry runs. Calls that have been
// begun go on without those who waited, and their outcome is kept all the same.
//
// Keys are the keeper's: they outlive actors and hosts, but not the server.
#pragma once

#include "keeper/keys.h"

struct shard;

// A Call or a Cast with a key, whose other fields are good. Answers the caller now or later.
// Fails: STATUS_AGAIN (nothing has happened).   Thread: net.
NODISCARD enum status idempotency_call(struct shard *shard, struct caller caller,
                                       const struct request *request);
NODISCARD enum status idempotency_cast(struct shard *shard, struct caller caller,
                                       const struct request *request);

// The answer to the caller of a key: tells all who wait, and keeps it or releases the key.
void idempotency_answer(struct shard *shard, struct caller caller, const struct answer *answer);

// Until when somebody waits for what `caller` has asked for, if it is the caller of a key: then
// that deadline counts instead of the first one's. Else 0; also where nobody waits any more.
uint64_t idempotency_until(const struct shard *shard, struct caller caller);

// The deadline of one who waits has passed: the others, and the turn, go on.
void idempotency_waiter_expired(struct shard *shard, struct key_waiter *waiter);

// The oldest outcomes may have been kept long enough.
void idempotency_due(struct shard *shard);

// Forgets all keys, and who waits for them.
void idempotency_fini(struct shard *shard);
