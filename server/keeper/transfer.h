// transfer: moves an actor from its supervisor to another one of this server.
//
// A transfer is a stop at the source, as of a child that falls with its group, and a restart at the
// target. Whether the target takes it is asked twice: before anything is done, and when the
// incarnation is over; if the answer is no then, it is restarted at the source. What each side may
// be doing:
//
//               | when it is asked for        | when the incarnation is over
//   ------------+-----------------------------+-------------------------------------------
//   source      |                             |
//     steady    | goes on                     | moves; or begins again at the source
//     starting  | refused, retryable          | the same: it is outside the group, or its group
//               |                             | would have waited for its end
//     stopping  | refused, retryable          | in the group: falls with it, and is refused;
//               |                             | outside of it: as steady
//     ending    | refused (DOWN)              | ends with it (DOWN)
//     terminate | -                           | ends (DOWN): the later order counts
//   target      |                             |
//     steady    | goes on                     | moves
//     starting, | refused, retryable          | refused, retryable: begins again at the source
//     stopping  |                             |
//     ending    | refused (DOWN)              | refused (DOWN): likewise
//     is gone   | refused (NOPROC)            | refused (DOWN): likewise
//   child       |                             |
//     running   | goes on                     | -
//     else      | refused, retryable          | -
//
// A temporary child begins only once, so it moves as it is, at once. The place in a spec moves
// along: what a restart of the source would have begun, one of the target does.
// Source: docs/supervision.md, "Transfer".
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

struct child;

// Transfer, PrepareTransfer and CommitTransfer.   Thread: net.
NODISCARD enum status transfer_run(struct shard *shard, struct caller caller,
                                   const struct request *request);

// The stop of a child that was to move to the supervisor with this incarnation is over. `waiters`
// are answered. The pointer may be dead afterwards.
void transfer_stopped(struct shard *shard, struct child *child, uint64_t target,
                      struct list *waiters);

#define TRANSFERS_PREPARED_MAX 1024u
#define TRANSFER_VALID_MS 60000u
