// cloud_event: what a watch tells as CloudEvents 1.0 in structured JSON. One table of kinds.
// Source: cloudevents.io, spec.md and formats/json-format.md, version 1.0; docs/webhooks.md.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "wire/codec_json.h"

#include <stdint.h>

#define CLOUD_EVENT_TYPE "application/cloudevents+json"

enum cloud_event_kind {
    CLOUD_EVENT_CHANGED,
    CLOUD_EVENT_TERMINATED,
    CLOUD_EVENT_GAP,
    CLOUD_EVENT_STEPPED_BACK,
    CLOUD_EVENT_KINDS
};

// "peeper.state.changed".   Thread: any.
const char *cloud_event_type(enum cloud_event_kind kind);

// Which kind an event of the wire is; CLOUD_EVENT_KINDS: none that is told.
enum cloud_event_kind cloud_event_kind(const struct codec_json_answer *answer);

struct cloud_event_origin {
    const char *source;   // a URI reference
    uint64_t    life;     // tells one life of the server from the next: units begin anew
    uint64_t    told_ms;  // Unix milliseconds, for events that have no time of their own
    uint64_t    sequence; // for events that are of no version
};

// The body, malloc'd and owned by the caller, and the name of the actor that it is about, in
// `answer->json`.
// Shape:  `kind` is the answer's and not CLOUD_EVENT_KINDS.
// Fails:  STATUS_NO_MEMORY.   Thread: any.
NODISCARD enum status cloud_event_make(const struct codec_json_answer  *answer,
                                       enum cloud_event_kind            kind,
                                       const struct cloud_event_origin *origin, char **ret_body,
                                       struct slice *ret_name);

// A gap of which nothing is known but that there is one: the watch itself was lost.
NODISCARD enum status cloud_event_make_lost(const struct cloud_event_origin *origin,
                                            char                           **ret_body);
