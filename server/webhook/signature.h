// signature: how a receiver knows that a webhook's body is ours and not an old one that somebody
// sends again: HMAC-SHA256 of "TIME.BODY" with a secret that both have.
// Source: RFC 2104; docs/webhooks.md, "The signature".
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdint.h>

#define SIGNATURE_BYTES 96u // of the text, with its end

// Writes "t=<seconds>,v1=<64 hexadecimal digits>".
// Fails:  STATUS_INTERNAL: the library refuses.   Thread: any.
NODISCARD enum status signature_make(struct slice secret, uint64_t unix_s, struct slice body,
                                     char room[static SIGNATURE_BYTES]);
