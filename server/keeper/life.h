// life: decides what follows the end of an incarnation. A table of moves: life x event.
//
// It owns no processes and no rings; what it decides is carried out by router (mailboxes) and
// recall (turns).
// Source: docs/architecture.md, "The ladder of crashes"; OTP's supervisor where that is silent.
#pragma once

#include "keeper/shard.h"

// How an incarnation came to its end.
struct end {
    enum crash_kind kind;   // of a crash
    struct slice    reason; // encoded Value; borrowed
    const char     *text;   // for people; may be NULL
    // For the crash log; see crash_note.h. All zero where no turn did it.
    enum turn_kind turn;
    struct slice   message; // borrowed
    struct slice   trace;   // backtrace, as bytes from the host; borrowed, see worker_trace
    uint32_t       attempts;
    int32_t        host_pid;
    bool           killed_host;
    uint64_t       crash;  // filled by life: id in the crash log
    bool           abrupt; // the turn that runs now ends, too
};

// init has committed.
void life_started(struct shard *shard, struct actor *actor);

// The incarnation crashed. Its running turn must have been answered and removed from the ring
// already.
void life_crashed(struct shard *shard, struct actor *actor, const struct end *end);

// A callback ended the incarnation with `end->reason` (empty: normal), without a crash. With a
// reason that is not orderly it is reported like one.
void life_exited(struct shard *shard, struct actor *actor, const struct end *end);

// `turn` ended the incarnation, but was not the stop that may be under way for it: that one is
// still to come, and what follows is decided as for an actor that runs.
void life_unstop(struct actor *actor, const struct turn_record *turn);

// --- for the supervisor of an actor ---

// Begins the next incarnation of a unit that is down.
void life_restart(struct shard *shard, struct actor *actor);

// Ends the incarnation at once, without terminate and without news to its supervisor: the unit is
// down. One that was starting is gone altogether; then false.
bool life_take_down(struct shard *shard, struct actor *actor, struct slice reason);

// The same of one that goes on elsewhere at once: whoever called the turn that this cuts off is
// told to try again, as nothing of it was kept.
bool life_take_away(struct shard *shard, struct actor *actor, struct slice reason);

// Ends a unit that is down. `keep`: its last state stays readable under its name. The pointer is
// dead afterwards.
void life_end(struct shard *shard, struct actor *actor, struct slice reason, bool keep);

// Counts a restart of one that guards itself (on_intensity other than stop). False: it has to wait,
// or is suspended; then the supervisor gets NEWS_DUE when its time has come.
bool life_guard(struct shard *shard, struct actor *actor);

// --- in ---

// init answered ERROR or IGNORE.
void life_refused(struct shard *shard, struct actor *actor, bool ignore, struct slice reason);

// Somebody else's end, or an order to end, ends the incarnation at once, without terminate: for an
// actor that does not trap exits. Orderly reasons count as in life_exited. False if it runs nothing
// now.
bool life_struck(struct shard *shard, struct actor *actor, struct slice reason);

// The kill and resume verbs; `stop` for an actor that runs nothing now. False if the verb means
// nothing in this life.
bool life_kill(struct shard *shard, struct actor *actor);
bool life_resume(struct shard *shard, struct actor *actor);
bool life_stop_idle(struct shard *shard, struct actor *actor, struct slice reason);

// The back-off is over.
void life_backoff_over(struct shard *shard, struct actor *actor);

// The actor cannot be run: its behaviour is not loaded any more, its state is damaged or too large
// to send.
void life_unrunnable(struct shard *shard, struct actor *actor, enum status status);

// A recall had no memory to bring back the init that the actor needs to come up (`init_lost`).
// Called when it is pumped next: a start has failed, a restart is tried again.
void life_init_lost(struct shard *shard, struct actor *actor);

// Removes what is left of an actor that gave up. The pointer is dead afterwards.
void life_discard(struct shard *shard, struct actor *actor);

// Frees the slots of actors that could not be forgotten because the mirror's queue was full.
void life_bury(struct shard *shard);
