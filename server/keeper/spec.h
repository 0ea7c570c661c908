// spec: what a supervisor and its children shall be, read from a Value and checked as a whole.
//
// It starts nothing. A spec is immutable and counted: a supervisor holds the spec that it was
// started with, each child holds its own.
// Source: docs/supervision.md; OTP's supervisor, "Child specification".
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "keeper/behaviour_table.h"

#include <peeper/value.h>

#include <stdbool.h>
#include <stdint.h>

enum strategy { ONE_FOR_ONE = 1, ONE_FOR_ALL, REST_FOR_ONE, SIMPLE_ONE_FOR_ONE };
enum auto_shutdown { AUTO_NEVER = 1, AUTO_ANY_SIGNIFICANT, AUTO_ALL_SIGNIFICANT };

#define SHUTDOWN_BRUTAL 0u           // kill, without terminate
#define SHUTDOWN_INFINITY UINT32_MAX // wait for terminate for ever
#define SHUTDOWN_MS_DEFAULT 5000u    // of an actor; a supervisor gets infinity
#define SPEC_CHILDREN_MAX 1000000u
#define SPEC_DEPTH_MAX 12 // supervisors in each other

struct supervisor_spec;

struct child_spec {
    struct supervisor_spec *supervisor; // held; NULL: an actor
    uint32_t                holders;
    uint32_t                argument_bytes;
    uint32_t                timeout_ms;  // of init; 0: the default
    uint32_t                shutdown_ms; // SHUTDOWN_BRUTAL, SHUTDOWN_INFINITY or milliseconds
    uint32_t                mailbox_max; // 0: the default
    uint32_t                hibernate_after_ms; // 0: the behaviour's
    uint16_t                behaviour;
    uint16_t                keep_bytes;
    uint8_t                 id_bytes;
    uint8_t                 name_bytes;
    uint8_t                 restart;      // enum restart_type
    uint8_t                 on_intensity; // enum on_intensity
    bool                    significant : 1;
    bool                    no_trap_exit : 1;
    bool                    own_host : 1;
    bool                    step_back : 1;
    bool                    keep_all : 1; // a restart gives all tables back, else those in `keep`
    uint8_t                 generations;  // 0: the default
    uint8_t                 listener_bytes;
    uint8_t                 text[]; // id, name, listener, keep (see keep.h), argument
};

struct supervisor_spec {
    uint32_t            holders;
    uint32_t            intensity;
    uint32_t            period_ms;
    uint32_t            children_max; // UINT32_MAX: no limit of its own
    uint32_t            count;
    uint8_t             strategy;      // enum strategy
    uint8_t             auto_shutdown; // enum auto_shutdown
    uint8_t             name_bytes;
    uint8_t             name[255];
    struct child_spec **children; // owned array, in start order; each held. The template of a
                                  // simple one is children[0].
};

static inline struct slice child_spec_id(const struct child_spec *spec) {
    return slice_of(spec->text, spec->id_bytes);
}
// Of the unit: what Start or the supervisor's own spec names.
static inline struct slice child_spec_name(const struct child_spec *spec) {
    if (spec->supervisor != NULL) {
        return slice_of(spec->supervisor->name, spec->supervisor->name_bytes);
    }
    return slice_of(spec->text + spec->id_bytes, spec->name_bytes);
}
static inline struct slice child_spec_listener(const struct child_spec *spec) {
    return slice_of(spec->text + spec->id_bytes + spec->name_bytes, spec->listener_bytes);
}
static inline struct slice child_spec_keep(const struct child_spec *spec) {
    return slice_of(spec->text + spec->id_bytes + spec->name_bytes + spec->listener_bytes,
                    spec->keep_bytes);
}
static inline struct slice child_spec_argument(const struct child_spec *spec) {
    return slice_of(spec->text + spec->id_bytes + spec->name_bytes + spec->listener_bytes +
                        spec->keep_bytes,
                    spec->argument_bytes);
}

// What is wrong with a spec, for the caller's error.
struct spec_fault {
    enum status          status;        // BAD_SPEC, UNKNOWN_BEHAVIOUR or NO_MEMORY
    char                 message[1024]; // "children[2].restart: \"often\" is not ..."
    struct peeper_writer reason;        // owned: as OTP names it, such as ["missing_id"]
};
void spec_fault_fini(struct spec_fault *fault);

// Each reads and checks a whole spec. `behaviours` is where names of behaviours are looked up;
// `above` is how many supervisors what it describes will be in.
// Owns:   the caller holds the spec once.   Thread: net.
// Fails:  fault->status; `fault` then tells why, else it is untouched.
NODISCARD enum status spec_read_supervisor(const struct behaviour_table *behaviours, uint32_t above,
                                           struct slice value, struct spec_fault *fault,
                                           struct supervisor_spec **ret_spec);
// Checks a supervisor's spec as a person wrote it: a field that no spec has is wrong, too, and so
// is a name that stands twice.
NODISCARD enum status spec_check_strictly(const struct behaviour_table *behaviours,
                                          struct slice value, struct spec_fault *fault);
// `auto_shutdown` is that of the supervisor that the child is for.
NODISCARD enum status spec_read_child(const struct behaviour_table *behaviours, uint32_t above,
                                      enum auto_shutdown auto_shutdown, struct slice value,
                                      struct spec_fault *fault, struct child_spec **ret_spec);
// A list of children's specs, to be checked only.
NODISCARD enum status spec_check(const struct behaviour_table *behaviours, struct slice value,
                                 struct spec_fault *fault);

// Writes a child's spec as a map, with all defaults filled in.   Thread: net.
void spec_write_child(struct peeper_writer *writer, const struct behaviour_table *behaviours,
                      const struct child_spec *spec);

// A copy without the argument, held once: for one that is started once. NULL without memory.
struct child_spec *child_spec_for_once(const struct child_spec *spec);

struct child_spec      *child_spec_hold(struct child_spec *spec);
struct supervisor_spec *supervisor_spec_hold(struct supervisor_spec *spec);
// The last release frees; NULL is fine.
void child_spec_release(struct child_spec *spec);
void supervisor_spec_release(struct supervisor_spec *spec);

const char *strategy_text(enum strategy strategy);
const char *restart_text(uint8_t restart);
