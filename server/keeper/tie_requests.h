// tie_requests: the verbs Monitor, Demonitor, Link and Unlink, what Start has of them, and the same
// when a turn asks for it.
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

// The verbs; each answers its caller once. A target that is not there is no failure: it has ended.
// Fails: never.   Thread: net.
NODISCARD enum status tie_run_monitor(struct shard *shard, struct caller caller,
                                      const struct request *request);
NODISCARD enum status tie_run_demonitor(struct shard *shard, struct caller caller,
                                        const struct request *request);
NODISCARD enum status tie_run_link(struct shard *shard, struct caller caller,
                                   const struct request *request);
NODISCARD enum status tie_run_unlink(struct shard *shard, struct caller caller,
                                     const struct request *request);

// Ties a new actor to whoever starts it, as Start asks.
// Fails: STATUS_OVERLOADED, STATUS_NO_MEMORY, with no tie left.   Thread: net.
NODISCARD enum status tie_start(struct shard *shard, struct caller caller, struct actor *actor,
                                const struct request *request);

// The reference of the monitor that the start of `actor` made; 0 if it made none.   Thread: net.
uint64_t tie_start_ref(const struct actor *actor);

// What a turn of `actor` asked for. `name` counts where `id` is 0. What the limits do not allow
// comes back as DOWN or EXIT with the reason "overloaded".   Thread: net.
void tie_effect_monitor(struct shard *shard, struct actor *actor, uint64_t ref, struct slice name,
                        uint64_t id);
void tie_effect_demonitor(struct shard *shard, struct actor *actor, uint64_t ref);
void tie_effect_link(struct shard *shard, struct actor *actor, struct slice name, uint64_t id);
void tie_effect_unlink(struct shard *shard, struct actor *actor, struct slice name, uint64_t id);
