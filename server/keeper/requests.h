// requests: the verbs of the client protocol, carried out on the shard.
//
// Each answers its caller through the port exactly once, now or later. The one exception is
// STATUS_AGAIN: nothing has happened, and the same request is to be tried again after port.on_room.
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

// Any verb but Hello and those that only look: List, Inspect, GetState, ListCrashes, ShowCrash.
// Fails: STATUS_AGAIN.   Thread: net.
NODISCARD enum status request_run(struct shard *shard, struct caller caller,
                                  const struct request *request);

// Answers that a message was not let in, with the advice that the status calls for.   Thread: net.
void request_refuse_delivery(struct shard *shard, struct caller caller, enum status status);

// What a turn asked for; there is nobody to answer, so failures are logged and counted.   Thread:
// net.
void request_effect_message(struct shard *shard, enum turn_kind kind, struct slice name,
                            struct slice payload);
void request_effect_stop(struct shard *shard, struct slice name, struct slice reason);
void request_effect_start(struct shard *shard, struct slice behaviour, struct slice name,
                          struct slice argument);

// Gives a live actor that is no supervisor another state, by a TURN_REPLACE on its control lane;
// the limit counts from `begun_ms`. Answers the caller, now or when it is done.   Thread: net.
void request_replace(struct shard *shard, struct caller caller, struct actor *actor,
                     uint64_t begun_ms, uint32_t limit_ms, struct slice state);

// UTF-8 without control characters.
bool request_name_valid(struct slice name);

// ALREADY_STARTED with the holder's id as its reason. `message` NULL: the name is held.
void request_answer_already_started(struct shard *shard, struct caller caller,
                                    const struct actor *holder, const char *message);

// The live actor that a request means, by id or name; NULL if there is none (an ended one is none).
struct actor *request_target(const struct shard *shard, const struct request *request);
