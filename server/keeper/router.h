// router: brings messages to actors, and actors to workers.
//
// A message goes straight into the ring of the worker that has the actor, or waits in the mailbox.
// *Pumping* an actor moves what waits as far as its life, its home and the ring allow, and notes
// where to go on when one of them does not.
#pragma once

#include "keeper/shard.h"

// Delivers one message to a live actor.
// Shape:  `kind` is CALL, CAST, INFO, CONTINUE or TERMINATE; limit_ms counts from shard->now_ms, 0:
//         none.
// With `may_wait` a full ring is answered by STATUS_AGAIN and nothing happened; without, the
// message waits in the mailbox.
// Fails:  STATUS_MAILBOX_FULL, STATUS_OVERLOADED (bytes of all mailboxes), STATUS_TOO_LARGE,
//         STATUS_NO_MEMORY, STATUS_AGAIN.   Thread: net.
NODISCARD enum status router_deliver(struct shard *shard, struct actor *actor, enum turn_kind kind,
                                     struct caller caller, uint32_t limit_ms, struct slice payload,
                                     bool may_wait);

// Delivers what a timer of the actor itself says, to handle_info. No limit refuses it: an actor has
// few such timers, and one that lost its tick would stand still for ever. It is for this
// incarnation alone: what was not begun when that ends is dropped, for the next one's init arms its
// own.
// Fails: STATUS_TOO_LARGE, STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status router_deliver_own(struct shard *shard, struct actor *actor,
                                         struct slice payload);

// Drops the messages of router_deliver_own that wait in the mailbox.
void router_drop_own(struct shard *shard, struct actor *actor);

// Makes the actor dormant: drops the host's copy. No turn of it may be in flight. False if the ring
// has no room now.
NODISCARD bool router_forget(struct shard *shard, struct actor *actor);
// A message of the keeper's own for handle_info, which no limit refuses: there are never more of
// them than the actor has asked for.   Fails: STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status router_notify(struct shard *shard, struct actor *actor, struct slice payload);

// Puts an envelope at the front of its lane / end of the mailbox and arms its deadline; no limits
// apply.
void router_return(struct shard *shard, struct actor *actor, struct envelope *envelope);
void router_enqueue(struct shard *shard, struct actor *actor, struct envelope *envelope);

// Puts an envelope on the control lane: before all messages of users, whose turns are taken back
// where they are not begun, and behind an init and what is on the lane already. It is run while the
// actor is held, too; no limits apply.
// Owns: the envelope.
void router_enqueue_control(struct shard *shard, struct actor *actor, struct envelope *envelope);

// Puts an envelope before all messages of users; it waits like them where the actor is held.
// Owns: the envelope.
void router_enqueue_first(struct shard *shard, struct actor *actor, struct envelope *envelope);

// Lets the messages of users wait from now on, those that are not begun included / go on, unless
// something else holds the actor. The turn that runs goes on; the control lane and stops pass,
// those that came before only if an operator holds it.
void router_hold(struct shard *shard, struct actor *actor, enum held why);
void router_let_go(struct shard *shard, struct actor *actor, enum held why);

// Lets nothing new of the actor begin, whatever it is but an init, and takes back what is not begun
// / lets it go on, where it is now.
void router_change(struct shard *shard, struct actor *actor);
void router_changed(struct shard *shard, struct actor *actor);

// Takes an envelope out of the mailbox and disarms its deadline; the caller owns it.
void router_unqueue(struct shard *shard, struct actor *actor, struct envelope *envelope);

// Moves what waits in the mailbox on.
void router_pump(struct shard *shard, struct actor *actor);

// Pumps the actors that wait to read the mirror, as far as it may owe us answers.
void router_feed(struct shard *shard);

// Makes the actor wait until the mirror may owe us answers again / until `worker` has room.
void router_starve(struct shard *shard, struct actor *actor);
void router_wait_for(struct worker *worker, struct actor *actor);

// Chooses a worker of the active host for a cold actor, under a new epoch. False if all are stuck:
// then the actor waits for another.
NODISCARD bool router_place(struct shard *shard, struct actor *actor);

// Runs the first message of an actor whose rows its worker has been sent, in so many parts,
// together with its state.
// Fails: STATUS_AGAIN (no room in the ring, nothing has changed). Whatever else goes wrong has been
//        dealt with, and the actor is cold then.   Thread: net.
NODISCARD enum status router_settle_fed(struct shard *shard, struct actor *actor,
                                        struct slice state, uint32_t parts);

// Pumps every actor in `list` once.
void router_pump_list(struct shard *shard, struct list *list);

// The worker that has a copy of the actor; NULL if none has.
struct worker *router_worker(const struct shard *shard, const struct actor *actor);
