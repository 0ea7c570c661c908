// webhook: the thread that posts changes and ends of states to receivers over HTTP. To the net
// thread each webhook is a client that watches, on a gateway of its own: so a receiver that is slow
// fills its queue, then its stream, and gets a gap; no actor and no other webhook waits for it.
// Source: docs/webhooks.md.
#pragma once

#include "admin/webhook_counts.h"
#include "base/status.h"
#include "webhook/config.h"

#include <stdint.h>

struct webhooks;

struct webhooks_options {
    const struct webhooks_config *config; // borrowed
    // Hands the socket of a webhook to the net thread: engine_adopt(), with one context for each.
    enum status (*adopt)(void *context, int fd);
    void *adopt_contexts[WEBHOOKS_MAX]; // borrowed
};

// Starts the thread. What the net thread comes to know from its first turn on is told.
// Fails:  STATUS_NO_MEMORY, STATUS_IO.   Thread: main, before the net thread runs.
NODISCARD enum status webhooks_create(const struct webhooks_options *options,
                                      struct webhooks              **ret_webhooks);

// One row for each webhook, in the order of the file.   Thread: any.
const struct webhook_counts *webhooks_counts(const struct webhooks *webhooks);

// Asks it to end: when the net thread has ended and all that it told is posted, but after two
// seconds in any case. NULL and twice is fine.   Thread: main.
void webhooks_close(struct webhooks *webhooks);

// Ends it, after webhooks_close() and the end of the net thread. NULL is fine.
// Thread: main.   Blocks: until the thread has ended.
void webhooks_destroy(struct webhooks *webhooks);
