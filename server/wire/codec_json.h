// codec_json: frames of the client protocol as JSON and back, for those who speak it by HTTP. One
// walk over the schema's descriptors serves every verb; how fields look is in codec_shape.
//
// A request is a flat JSON object of members; where each came from (a path, a query, a body) is its
// writer's business. "@12" as the `name` of who is addressed stands for the incarnation 12.
#pragma once

#include "base/buf.h"
#include "base/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

// What is wrong with a request.
struct codec_json_fault {
    char field[64]; // "intensity.restarts"; "" where it is none of them
    char text[192]; // for a person, with the field in front
};

// Whether ClientFrame has a verb of this name.   Thread: any.
bool codec_json_is_verb(const char *verb);

// The name of the verb at `index`, in the order of the schema; NULL after the last.   Thread: any.
const char *codec_json_verb_name(unsigned index);

// Reads a parameter as the member that it is: "12" as 12, a Value as JSON.
// Fails: NULL, told in `fault`.   Thread: any.
json_t *codec_json_parameter(const char *verb, const char *name, const char *text,
                             struct codec_json_fault *fault);

// Appends the whole delimited ClientFrame of a verb. `members` are those of its message; null
// stands for an absent one, but where a Value is wanted.
// Fails: STATUS_INVALID (told in `fault`: a member that is unknown, missing, or of another type),
//        STATUS_TOO_LARGE (no frame is so large), STATUS_NO_MEMORY; nothing appended.
// Thread: the owner of `out`.
NODISCARD enum status codec_json_request(struct buf *out, uint64_t id, const char *verb,
                                         const json_t *members, struct codec_json_fault *fault);

// Appends a request that gives up what `ref` names ("unwatch", "demonitor"), and wants no answer.
// Fails: as codec_json_request().   Thread: the owner of `out`.
NODISCARD enum status codec_json_release(struct buf *out, const char *verb, uint64_t ref,
                                         struct codec_json_fault *fault);

// One ServerFrame.
struct codec_json_answer {
    uint64_t    id;
    const char *body;   // "reply", "error", ..., or of an event "changed"; static
    bool        event;  // pushed
    uint64_t    ref;    // of a watch or monitor; 0: it has none
    enum status status; // not OK: `json` is an Error
    json_t     *json;   // owned; the members of its message
};

// Reads the body of a frame.
// Owns:  the answer's `json` is the caller's.
// Fails: STATUS_PROTOCOL (no frame of a known kind), STATUS_NO_MEMORY.   Thread: any.
NODISCARD enum status codec_json_answer(struct slice frame, struct codec_json_answer *ret_answer);

// --- Descriptions ---

// JSON Schema (2020-12, as of OpenAPI 3.1) of a message that an answer is or has, by its name; of
// the messages in it there are references: "#/components/schemas/NAME".
// Fails: NULL (memory, or no such message).   Thread: any.
json_t *codec_json_schema(const char *message);

// Names of the messages that the schema of `message` refers to, for which there must be schemas,
// are set as keys of `names`, itself included.
void codec_json_schema_names(const char *message, json_t *names);

// Schema of one member of a verb's request / of all of them but those that `without` names (a
// JSON object whose keys they are).
// Fails: NULL (memory, or no such member).   Thread: any.
json_t *codec_json_member_schema(const char *verb, const char *member);
json_t *codec_json_request_schema(const char *verb, const json_t *without);

// The member at `index` of a verb's request, and whether it must be there; NULL after the last.
const char *codec_json_member(const char *verb, unsigned index, bool *ret_required);
