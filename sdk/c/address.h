// address: "HOST:PORT" in its two parts. It does not resolve.
#pragma once

#include "failure.h"

#define ADDRESS_HOST_BYTES 256

struct address {
    char host[ADDRESS_HOST_BYTES]; // terminated, without brackets
    char port[6];                  // terminated decimal, 1 to 65535
};

// Shape:  HOST:PORT, HOST (port 7420), [IPV6]:PORT or [IPV6].
// Fails:  INVALID.   Thread: any.
NODISCARD enum peeper_status address_parse(const char *text, struct address *ret_address);
