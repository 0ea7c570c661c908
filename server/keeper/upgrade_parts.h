// upgrade_parts: what upgrade.c and upgrade_change.c share, and nobody else needs.
#pragma once

#include "keeper/upgrade.h"

#include <peeper/value.h>

enum upgrade_phase {
    UPGRADE_READING, // the directory is being read
    UPGRADE_TRIAL,
    UPGRADE_OPENING,
    UPGRADE_MOVING,
};

enum change_state {
    CHANGE_FREE,
    CHANGE_WAITING, // for its turn to end; or for nothing, and is about to be read
    CHANGE_LOADING, // the mirror was asked for the state
    CHANGE_LOADED,  // waits for room in a ring of the pool of changes
    CHANGE_SENT,    // in that ring
};

// One actor on its way.
struct change {
    struct shard_message message;
    struct mirror_read   read; // the state, while LOADED
    struct shard        *shard;
    struct list          link; // in `busy` or `free`
    uint64_t             unit;
    uint64_t             version; // of the actor, when its state was asked for
    uint32_t             epoch;   // likewise
    uint64_t             turn;    // while SENT
    uint32_t             slot;
    enum change_state    state;
    uint8_t              losses; // hosts that were lost under it
    bool                 plain;  // its code is the same: it only moves
    bool                 newest; // the state that it had stepped back to is gone
    bool                 held;   // `changing` was set for it
};

struct upgrade {
    enum upgrade_phase phase;
    struct caller      caller;
    bool               dry_run;
    bool               deploys;    // no behaviour was named
    bool               stopped;    // no more are begun
    uint16_t           behaviour;  // unless it deploys
    const char        *why;        // static text; why it was stopped
    struct buf         extra;      // encoded Value; owned
    char               fault[256]; // of loading the new file
    struct code_file  *file;       // the new one; held
    struct code_set   *before;     // the present set when it began; held
    struct code_set   *code;       // the new one; held
    struct pool       *changes;    // its pool of changes
    struct pool       *general;    // OPENING: that is to be the one for everybody
    uint64_t           begun_ms, phase_ms, told_ms;
    uint64_t           hostless_ms; // since when there is no host to change anything; 0: there is
    // Made when first needed for one version, kept for the next.
    struct peeper_writer    payload;
    const struct behaviour *payload_from;
    // MOVING
    uint64_t                slot_next, slot_end;
    struct list             busy, free; // of `changes_room`
    uint32_t                loading;
    uint32_t                worker_next;
    uint32_t                deaths;
    uint64_t                total; // whose code is changed
    struct upgrade_report   report;
    struct upgrade_refusal *refusals; // owned, with their texts
    struct change           room[UPGRADE_CHANGES_MAX];
};

// Answers the error and forgets the upgrade. Not once actors are being moved.
void upgrade_fail(struct shard *shard, enum status status, const char *message);

// Lets it go no further; what has moved has moved. `why` is static text.
void upgrade_stop(struct upgrade *upgrade, const char *why);

// Begins with an actor, or has done with it at once. There must be a free change.
void change_begin(struct shard *shard, struct actor *actor);

// Takes all that are on their way as far as they get.
void changes_advance(struct shard *shard);

// A host of the pool of changes is lost: those that it had are asked again, or have refused.
void changes_lost(struct shard *shard, const struct host *host, enum host_end end,
                  const struct worker *culprit);
