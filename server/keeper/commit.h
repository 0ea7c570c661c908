// commit: reads what a host has written, and believes nothing.
//
// The host can change its ring at any time, so a record is first copied into memory of the keeper
// and then checked as a whole, before any part of it has an effect. Whatever does not fit is
// STATUS_PROTOCOL: the host is to be killed.
#pragma once

#include "base/buf.h"
#include "base/ring.h"
#include "base/status.h"
#include "wire/turn.h"

#include <stdint.h>

struct item {
    enum item_kind kind;
    struct slice   name;
    struct slice   body;
    uint64_t       token;
};

struct commit {
    struct commit_record record;
    struct slice         items; // in `copy`
    struct buf           copy;  // owned; reused from record to record
    // The items of which there is at most one, found while checking; data NULL where absent.
    struct slice state;
    struct slice reply;
    struct slice next; // ITEM_CONTINUE
    struct slice idle; // ITEM_IDLE
    struct slice reason;
    struct slice text;
    struct slice trace;
    struct slice tables;  // ITEM_TABLES; a whole delta
    uint32_t     effects; // items of other kinds
    uint32_t     timers;  // ITEM_TIMER among them
    uint32_t     calls;   // ITEM_CALL among them; at most one
};

// Copies and checks the record at `tail`; `head` is what the host claims to have written up to.
// Shape:  the slices of `commit` stay valid until the next call.
// Fails:  STATUS_AGAIN (nothing there), STATUS_PROTOCOL (nonsense), STATUS_NO_MEMORY.
// Thread: net.   Blocks: no.
NODISCARD enum status commit_read(struct commit *commit, const struct ring *ring, uint64_t tail,
                                  uint64_t head);

// Walks the checked items from offset *at (0 first); false at the end.   Thread: net.
bool commit_item(const struct commit *commit, uint32_t *at, struct item *ret_item);

void commit_fini(struct commit *commit);
