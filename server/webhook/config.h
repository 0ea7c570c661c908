// config: the file of --webhooks: a YAML list of webhooks, checked field by field, with what it
// names read: a bad file is told before anything starts.
// Source: docs/webhooks.md, "The file".
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define WEBHOOKS_MAX 32u
#define WEBHOOK_HOST_BYTES 300u
#define WEBHOOK_SECRET_BYTES_MIN 16u
#define WEBHOOK_SECRET_BYTES_MAX 4096u

// One webhook. Strings are owned.
struct webhook_config {
    char    *url;
    char    *name;        // an actor's; NULL: `prefix` is given
    char    *prefix;      // "": all actors that have a name
    char    *secret_file; // whose text without its last line end is
    uint8_t *secret;
    size_t   secret_bytes;
    char    *ca_file; // NULL: the system's authorities
    char    *source;
    unsigned events; // 1 << enum cloud_event_kind
    bool     with_old;
    bool     insecure; // http:// to another machine
    uint32_t timeout_ms;
    uint32_t retries;
    uint32_t queue_max;
    char     host[WEBHOOK_HOST_BYTES]; // HOST:PORT of the URL: all of it that is shown
};

struct webhooks_config { // zeroed before
    struct webhook_config hooks[WEBHOOKS_MAX];
    uint32_t              count;
};

// A complaint for a person: "FILE:LINE: [INDEX].FIELD: what", in one line.
struct webhook_message {
    char text[1200];
};

// Reads the file at `path`.
// Fails:  STATUS_IO, STATUS_TOO_LARGE, STATUS_BAD_SPEC, STATUS_NO_MEMORY; `message` tells why.
// Thread: main.   Blocks: on the disk.
NODISCARD enum status webhooks_read(struct webhooks_config *config, const char *path,
                                    struct webhook_message *message);

// Forgets what it has, secrets first.
void webhooks_fini(struct webhooks_config *config);
