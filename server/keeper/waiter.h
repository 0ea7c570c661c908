// waiter: a caller who waits for a supervisor to start or to end, or for one of its children to
// end; or to be told when and why it ends, whoever asks for that.
//
// Each is answered once: when it is done, or when its time has passed; then what it waited for goes
// on, but for a start, which is given up.
#pragma once

#include "keeper/shard.h"

struct supervisor;

enum waiter_kind {
    WAITER_START,
    WAITER_STOP,
    WAITER_TERMINATE,
    WAITER_TRANSFER,
    WAITER_END, // whenever that is; the answer is DOWN, with the reason
};

struct waiter {
    struct timer       timer; // TIMER_WAITER
    struct list        link;  // of the supervisor's waiters, or of others for the same child
    struct supervisor *supervisor;
    struct caller      caller;
    enum waiter_kind   kind;
};

// With a limit of 0 its time never passes.
// Fails: NULL when memory ran out.   Thread: net, as all here.
struct waiter *waiter_create(struct shard *shard, struct supervisor *sup, enum waiter_kind kind,
                             struct caller caller, uint32_t limit_ms);

// Frees it without an answer.
void waiter_destroy(struct shard *shard, struct waiter *waiter);

// Answers it with Done, or one of a transfer with DOWN, because the child has ended, and frees it;
// the same for a whole list.
void waiter_done(struct shard *shard, struct waiter *waiter);
void waiter_done_all(struct shard *shard, struct list *waiters);

// Answers a list of those who wait for a transfer with `answer`, or with `failure` where that is
// NULL, and frees them.
void waiter_transfer_all(struct shard *shard, struct list *waiters, const struct answer *answer,
                         const struct failure *failure);

// Answers all of one kind that wait for the supervisor, and frees them: with `failure`, or with
// `answer`, or with Done.
void waiter_answer_all(struct shard *shard, struct supervisor *sup, enum waiter_kind kind,
                       const struct answer *answer, const struct failure *failure);

// Its timer is due.
void waiter_expired(struct shard *shard, struct waiter *waiter);
