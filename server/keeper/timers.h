// timers: what a timer in the shard's heap belongs to.
#pragma once

enum timer_kind {
    TIMER_ENVELOPE = 1, // struct envelope: its caller stops waiting
    TIMER_PENDING,      // struct pending: its caller stops waiting
    TIMER_IDLE,         // struct actor: the timer that a callback returned
    TIMER_HIBERNATE,    // struct alarms: its actor may have been idle for long
    TIMER_SEND,         // struct send_timer: its message is due
    TIMER_BACKOFF,      // struct trouble: the next restart is due
    TIMER_SHUTDOWN,     // struct ending: a child's patience with its shutdown is over
    TIMER_WAITER,       // struct waiter: whoever waits for a supervisor stops waiting
    TIMER_SETTLE,       // the shard: there are more news of children
    TIMER_AWAIT,        // struct await: its actor stops waiting for an answer
    TIMER_POOL,         // struct pool: it has been without actors
    TIMER_QUARANTINE,   // struct trouble: it has killed no host for long
    TIMER_PENALTY,      // struct penalty: a callback that killed its host may run again
    TIMER_KEY_WAITER,   // struct key_waiter: it stops waiting for the outcome of a request
    TIMER_KEYS,         // struct keys: the oldest outcome has been kept long enough
    TIMER_HELLO,        // net's connections: no hello came in time
};
