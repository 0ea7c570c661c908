// Who holds a spec, and the end of one that nobody holds.
#include "keeper/spec.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

struct child_spec *child_spec_for_once(const struct child_spec *spec) {
    CHECK(spec->supervisor == NULL);
    size_t bytes =
        sizeof *spec + spec->id_bytes + spec->name_bytes + spec->listener_bytes + spec->keep_bytes;
    struct child_spec *copy = malloc(bytes);
    if (copy == NULL) return NULL;
    memcpy(copy, spec, bytes);
    copy->holders = 1;
    copy->argument_bytes = 0;
    return copy;
}

struct child_spec *child_spec_hold(struct child_spec *spec) {
    spec->holders++;
    return spec;
}

struct supervisor_spec *supervisor_spec_hold(struct supervisor_spec *spec) {
    spec->holders++;
    return spec;
}

void child_spec_release(struct child_spec *spec) {
    if (spec == NULL) return;
    CHECK(spec->holders > 0);
    if (--spec->holders > 0) return;
    supervisor_spec_release(spec->supervisor);
    free(spec);
}

void supervisor_spec_release(struct supervisor_spec *spec) {
    if (spec == NULL) return;
    CHECK(spec->holders > 0);
    if (--spec->holders > 0) return;
    for (uint32_t i = 0; i < spec->count; i++) child_spec_release(spec->children[i]);
    free(spec->children);
    free(spec);
}
