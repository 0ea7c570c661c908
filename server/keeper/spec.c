#include "keeper/spec.h"

#include "base/check.h"
#include "keeper/actor.h"
#include "keeper/generations.h"
#include "keeper/isolation.h"
#include "keeper/keep.h"
#include "keeper/name_set.h"
#include "keeper/options.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- Words ---------------------------------------------------------------------------------------

struct word {
    const char *text;
    uint32_t    value;
};

static const struct word STRATEGIES[] = {
    {"one_for_one", ONE_FOR_ONE},
    {"one_for_all", ONE_FOR_ALL},
    {"rest_for_one", REST_FOR_ONE},
    {"simple_one_for_one", SIMPLE_ONE_FOR_ONE},
    {0},
};
static const struct word AUTO_SHUTDOWNS[] = {
    {"never", AUTO_NEVER},
    {"any_significant", AUTO_ANY_SIGNIFICANT},
    {"all_significant", AUTO_ALL_SIGNIFICANT},
    {0},
};
static const struct word RESTARTS[] = {
    {"permanent", RESTART_PERMANENT},
    {"transient", RESTART_TRANSIENT},
    {"temporary", RESTART_TEMPORARY},
    {0},
};
static const struct word ISOLATIONS[] = {
    {"shared", ISOLATION_SHARED},
    {"own", ISOLATION_OWN},
    {0},
};
static const struct word ON_INTENSITIES[] = {
    {"backoff", INTENSITY_BACKOFF},
    {"suspend", INTENSITY_SUSPEND},
    {"stop", INTENSITY_STOP},
    {0},
};

static const char *word_text(const struct word *words, uint32_t value) {
    while (words->text != NULL && words->value != value) words++;
    return words->text;
}

const char *strategy_text(enum strategy strategy) {
    return word_text(STRATEGIES, strategy);
}

const char *restart_text(uint8_t restart) {
    return word_text(RESTARTS, restart);
}

// --- Where the reader is, and what it complains about --------------------------------------------

// SPEC_DEPTH_MAX supervisors in each other, the last of a million children each.
#define PATH_BYTES 640
#define FIELDS_MAX 16  // of one map
#define SHOWN_BYTES 60 // of a wrong value

// What was asked for in a map, so that a field that means nothing can be told.
struct fields {
    const char *names[FIELDS_MAX];
    size_t      count;
};

struct reader {
    const struct behaviour_table *behaviours;
    struct spec_fault            *fault;
    struct fields                *fields; // of the map being read
    bool                          strict; // other fields are wrong
    struct name_set               names;  // of all units so far, when strict
    uint32_t                      depth;
    char                          path[PATH_BYTES]; // "children[2].start."; cut if too long
};

// Extends the path and answers where it was, for restore().
static size_t descend(struct reader *reader, const char *format, unsigned index) {
    size_t at = strlen(reader->path);
    snprintf(reader->path + at, sizeof reader->path - at, format, index);
    return at;
}

static void restore(struct reader *reader, size_t at) {
    reader->path[at] = '\0';
}

static void show(struct peeper_value value, char shown[SHOWN_BYTES]) {
    json_t *json = json_from_value(value);
    char   *text = json == NULL ? NULL : json_dumps(json, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    snprintf(shown, SHOWN_BYTES, "%s", text == NULL ? "?" : text);
    if (text != NULL && strlen(text) >= SHOWN_BYTES) memcpy(shown + SHOWN_BYTES - 4, "...", 4);
    free(text);
    json_decref(json);
}

static enum status complain(struct reader *reader, const char *field, const char *what) {
    snprintf(reader->fault->message, sizeof reader->fault->message, "%s%s: %s", reader->path, field,
             what);
    reader->fault->status = STATUS_BAD_SPEC;
    return STATUS_BAD_SPEC;
}

// The reason is a list that begins with this word.
static struct peeper_writer *reason(struct reader *reader, const char *word) {
    struct peeper_writer *writer = &reader->fault->reason;
    peeper_writer_reset(writer);
    peeper_write_list(writer);
    peeper_write_string(writer, word);
    return writer;
}

static enum status missing(struct reader *reader, const char *field, const char *word) {
    peeper_write_end(reason(reader, word));
    return complain(reader, field, "is missing");
}

// A field with a value that it must not have.
static enum status wrong(struct reader *reader, const char *field, const char *word,
                         struct peeper_value value, const char *wanted) {
    char shown[SHOWN_BYTES], what[200];
    show(value, shown);
    snprintf(what, sizeof what, "%s is not %s", shown, wanted);
    peeper_write_value(reason(reader, word), value);
    peeper_write_end(&reader->fault->reason);
    // Inside a list it may nest too deep; the message shows it all the same.
    if (!peeper_writer_done(&reader->fault->reason)) peeper_write_end(reason(reader, word));
    return complain(reader, field, what);
}

// Two fields, or a field and what it stands in, that exclude each other.
static enum status combination(struct reader *reader, const char *field, const char *value,
                               const char *other, const char *other_value) {
    char what[160];
    snprintf(what, sizeof what, "%s does not go with %s %s", value, other, other_value);
    struct peeper_writer *writer = reason(reader, "bad_combination");
    const char           *pairs[] = {other, other_value, field, value};
    for (int i = 0; i < 4; i += 2) {
        peeper_write_list(writer);
        peeper_write_string(writer, pairs[i]);
        peeper_write_string(writer, pairs[i + 1]);
        peeper_write_end(writer);
    }
    peeper_write_end(writer);
    return complain(reader, field, what);
}

static enum status no_memory(struct reader *reader) {
    reader->fault->status = STATUS_NO_MEMORY;
    return STATUS_NO_MEMORY;
}

void spec_fault_fini(struct spec_fault *fault) {
    peeper_writer_fini(&fault->reason);
}

// The field for a complaint about the whole that is being read. The path ends there.
static const char *whole(struct reader *reader) {
    size_t end = strlen(reader->path);
    if (end > 0 && reader->path[end - 1] == '.') reader->path[end - 1] = '\0';
    return end == 0 ? "spec" : "";
}

static enum status not_a_map(struct reader *reader, const char *word, struct peeper_value value) {
    return wrong(reader, whole(reader), word, value, "a map");
}

// --- Fields that nobody knows --------------------------------------------------------------------

static bool get(struct reader *reader, struct peeper_value map, const char *field,
                struct peeper_value *ret_value) {
    struct fields *fields = reader->fields;
    CHECK(fields->count < FIELDS_MAX);
    fields->names[fields->count++] = field;
    return peeper_value_get(map, field, ret_value);
}

static bool asked(const struct fields *fields, const char *key, size_t bytes) {
    for (size_t i = 0; i < fields->count; i++) {
        if (strlen(fields->names[i]) == bytes && memcmp(fields->names[i], key, bytes) == 0)
            return true;
    }
    return false;
}

static enum status unknown(struct reader *reader, const char *key, size_t bytes) {
    char   field[64], what[200] = "there is no such field here, only";
    size_t at = strlen(what);
    snprintf(field, sizeof field, "%.*s", bytes < 60 ? (int)bytes : 60, key);
    for (size_t i = 0; i < reader->fields->count && at < sizeof what; i++) {
        at += (size_t)snprintf(what + at, sizeof what - at, "%s %s", i == 0 ? "" : ",",
                               reader->fields->names[i]);
    }
    peeper_write_string_n(reason(reader, "unknown_field"), key, bytes);
    peeper_write_end(&reader->fault->reason);
    return complain(reader, field, what);
}

// The end of a map that was read into `status`; `before` are the fields of the one around it.
static enum status leave_map(struct reader *reader, struct fields *before, struct peeper_value map,
                             enum status status) {
    struct peeper_iter iter = peeper_value_iter(map);
    while (status == STATUS_OK && reader->strict && peeper_iter_next(&iter)) {
        if (!asked(reader->fields, iter.key, iter.key_bytes))
            status = unknown(reader, iter.key, iter.key_bytes);
    }
    reader->fields = before;
    return status;
}

// --- Fields of a map: absent ones leave the default alone ----------------------------------------

static enum status read_word(struct reader *reader, struct peeper_value map, const char *field,
                             const struct word *words, uint8_t *value) {
    struct peeper_value given;
    char                wanted[120] = "", invalid[48];
    if (!get(reader, map, field, &given)) return STATUS_OK;
    for (const struct word *word = words; word->text != NULL; word++) {
        if (peeper_value_is(given, word->text)) {
            *value = (uint8_t)word->value;
            return STATUS_OK;
        }
        size_t at = strlen(wanted);
        snprintf(wanted + at, sizeof wanted - at, "%s%s", at == 0 ? "" : " | ", word->text);
    }
    snprintf(invalid, sizeof invalid, "invalid_%s", field);
    return wrong(reader, field, invalid, given, wanted);
}

static enum status read_count(struct reader *reader, struct peeper_value map, const char *field,
                              uint32_t min, uint32_t max, uint32_t *value) {
    struct peeper_value given;
    int64_t             number;
    char                wanted[64], invalid[48];
    if (!get(reader, map, field, &given)) return STATUS_OK;
    if (peeper_value_int(given, &number) && number >= min && number <= max) {
        *value = (uint32_t)number;
        return STATUS_OK;
    }
    snprintf(wanted, sizeof wanted, "an integer from %u to %u", min, max);
    snprintf(invalid, sizeof invalid, "invalid_%s", field);
    return wrong(reader, field, invalid, given, wanted);
}

static bool plain_text(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
    }
    return true;
}

static enum status read_text(struct reader *reader, struct peeper_value map, const char *field,
                             struct slice *text) {
    struct peeper_value given;
    const char         *data;
    size_t              bytes;
    char                invalid[48];
    if (!get(reader, map, field, &given)) return STATUS_OK;
    if (peeper_value_string(given, &data, &bytes) && bytes > 0 && bytes <= NAME_BYTES_MAX &&
        plain_text(data, bytes)) {
        *text = slice_of(data, bytes);
        return STATUS_OK;
    }
    snprintf(invalid, sizeof invalid, "invalid_%s", field);
    return wrong(reader, field, invalid, given,
                 "a string of 1 to 255 bytes without control characters");
}

// The name of a unit, which nothing else in a file may have. A client may say what cannot be
// started: it hears that when it tries.
static enum status read_unit_name(struct reader *reader, struct peeper_value map,
                                  struct slice *name) {
    enum status status = read_text(reader, map, "name", name);
    if (status != STATUS_OK || !reader->strict || name->bytes == 0) return status;
    status = name_set_add(&reader->names, *name);
    if (status == STATUS_NO_MEMORY) return no_memory(reader);
    if (status == STATUS_OK) return STATUS_OK;
    struct peeper_value value;
    (void)!peeper_value_get(map, "name", &value);
    return wrong(reader, "name", "duplicate_name", value,
                 "a name of its own: another of this tree has it");
}

static enum status read_shutdown(struct reader *reader, struct peeper_value map,
                                 uint32_t *shutdown_ms) {
    struct peeper_value given;
    int64_t             number;
    if (!get(reader, map, "shutdown", &given)) return STATUS_OK;
    if (peeper_value_is(given, "brutal_kill")) {
        *shutdown_ms = SHUTDOWN_BRUTAL;
    } else if (peeper_value_is(given, "infinity")) {
        *shutdown_ms = SHUTDOWN_INFINITY;
    } else if (peeper_value_int(given, &number) && number >= 0 && number <= DEADLINE_MS_MAX) {
        // No time at all is a kill in all but name.
        *shutdown_ms = (uint32_t)number;
    } else {
        return wrong(reader, "shutdown", "invalid_shutdown", given,
                     "brutal_kill | infinity | milliseconds up to 3600000");
    }
    return STATUS_OK;
}

static enum status read_bool(struct reader *reader, struct peeper_value map, const char *field,
                             bool *value) {
    struct peeper_value given;
    char                invalid[48];
    if (!get(reader, map, field, &given) || peeper_value_bool(given, value)) return STATUS_OK;
    snprintf(invalid, sizeof invalid, "invalid_%s", field);
    return wrong(reader, field, invalid, given, "true or false");
}

// --- Children ------------------------------------------------------------------------------------

// A child's spec while it is being read; texts point into the Value.
struct draft {
    struct supervisor_spec *supervisor; // owned until the spec is made
    struct slice            id;
    struct slice            name;
    struct slice            listener;
    struct slice            argument;
    struct peeper_value     keep;  // a list of fixed.keep_bytes when packed
    struct child_spec       fixed; // last, because of its text
};

static enum status read_supervisor(struct reader *reader, struct peeper_value map,
                                   struct supervisor_spec **ret_spec);

static enum status read_start_supervisor(struct reader *reader, struct peeper_value value,
                                         struct draft *draft) {
    size_t      at = descend(reader, "supervisor.", 0);
    enum status status = read_supervisor(reader, value, &draft->supervisor);
    restore(reader, at);
    draft->fixed.shutdown_ms = SHUTDOWN_INFINITY;
    return status;
}

static enum status read_keep(struct reader *reader, struct peeper_value start,
                             struct draft *draft) {
    bool   all = true;
    size_t bytes = 0;
    if (get(reader, start, "keep_tables", &draft->keep) && !keep_read(draft->keep, &all, &bytes)) {
        return wrong(reader, "keep_tables", "invalid_keep_tables", draft->keep,
                     "all | none | a list of at most 256 names, 4 KiB in all");
    }
    draft->fixed.keep_all = all;
    draft->fixed.keep_bytes = (uint16_t)bytes;
    return STATUS_OK;
}

static enum status read_start_actor(struct reader *reader, struct peeper_value start,
                                    struct draft *draft) {
    struct peeper_value value;
    struct slice        behaviour = {0};
    enum status         status = read_text(reader, start, "behaviour", &behaviour);
    if (status != STATUS_OK) return status;
    if (behaviour.bytes == 0) return missing(reader, "behaviour", "missing_start");
    if (behaviour_find(reader->behaviours, behaviour, &draft->fixed.behaviour) != STATUS_OK) {
        (void)!peeper_value_get(start, "behaviour", &value);
        (void)wrong(reader, "behaviour", "undef", value, "the name of a loaded behaviour");
        return reader->fault->status = STATUS_UNKNOWN_BEHAVIOUR;
    }
    if (get(reader, start, "argument", &value)) draft->argument = slice_of(value.data, value.bytes);
    status = read_unit_name(reader, start, &draft->name);
    if (status != STATUS_OK) return status;
    status = read_count(reader, start, "timeout_ms", 1, DEADLINE_MS_MAX, &draft->fixed.timeout_ms);
    if (status != STATUS_OK) return status;
    status = read_count(reader, start, "mailbox_max", 1, UINT32_MAX, &draft->fixed.mailbox_max);
    if (status != STATUS_OK) return status;
    status = read_count(reader, start, "hibernate_after_ms", 1, DEADLINE_MS_MAX,
                        &draft->fixed.hibernate_after_ms);
    if (status != STATUS_OK) return status;
    uint32_t generations = 0;
    status = read_count(reader, start, "generations", 1, GENERATIONS_KEPT_MAX, &generations);
    draft->fixed.generations = (uint8_t)generations;
    if (status != STATUS_OK) return status;
    bool step_back = false;
    status = read_bool(reader, start, "step_back", &step_back);
    draft->fixed.step_back = step_back;
    if (status != STATUS_OK) return status;
    status = read_text(reader, start, "listener", &draft->listener);
    if (status != STATUS_OK) return status;
    bool trap_exit = true;
    status = read_bool(reader, start, "trap_exit", &trap_exit);
    draft->fixed.no_trap_exit = !trap_exit;
    if (status != STATUS_OK) return status;
    uint8_t isolation = ISOLATION_SHARED;
    status = read_word(reader, start, "isolation", ISOLATIONS, &isolation);
    draft->fixed.own_host = isolation == ISOLATION_OWN;
    if (status != STATUS_OK) return status;
    return read_keep(reader, start, draft);
}

static enum status read_start(struct reader *reader, struct peeper_value map, struct draft *draft) {
    struct peeper_value start, supervisor;
    if (!get(reader, map, "start", &start)) return missing(reader, "start", "missing_start");
    if (peeper_value_kind(start) != PEEPER_MAP)
        return wrong(reader, "start", "invalid_mfa", start, "a map");
    struct fields own = {0}, *before = reader->fields;
    size_t        at = descend(reader, "start.", 0);
    reader->fields = &own;
    enum status status = get(reader, start, "supervisor", &supervisor)
                             ? read_start_supervisor(reader, supervisor, draft)
                             : read_start_actor(reader, start, draft);
    status = leave_map(reader, before, start, status);
    restore(reader, at);
    return status;
}

static enum status check_significant(struct reader *reader, enum auto_shutdown auto_shutdown,
                                     const struct child_spec *spec) {
    if (!spec->significant) return STATUS_OK;
    if (spec->restart == RESTART_PERMANENT)
        return combination(reader, "significant", "true", "restart", "permanent");
    if (auto_shutdown == AUTO_NEVER)
        return combination(reader, "significant", "true", "auto_shutdown", "never");
    return STATUS_OK;
}

static enum status read_draft(struct reader *reader, enum auto_shutdown auto_shutdown,
                              struct peeper_value map, struct draft *draft) {
    draft->fixed.restart = RESTART_PERMANENT;
    draft->fixed.on_intensity = INTENSITY_STOP;
    draft->fixed.shutdown_ms = SHUTDOWN_MS_DEFAULT;
    enum status status = read_text(reader, map, "id", &draft->id);
    if (status != STATUS_OK) return status;
    if (draft->id.bytes == 0) return missing(reader, "id", "missing_id");
    status = read_start(reader, map, draft);
    if (status != STATUS_OK) return status;
    status = read_word(reader, map, "restart", RESTARTS, &draft->fixed.restart);
    if (status != STATUS_OK) return status;
    status = read_word(reader, map, "on_intensity", ON_INTENSITIES, &draft->fixed.on_intensity);
    if (status != STATUS_OK) return status;
    status = read_shutdown(reader, map, &draft->fixed.shutdown_ms);
    if (status != STATUS_OK) return status;
    bool significant = false;
    status = read_bool(reader, map, "significant", &significant);
    draft->fixed.significant = significant;
    if (status != STATUS_OK) return status;
    return check_significant(reader, auto_shutdown, &draft->fixed);
}

static struct child_spec *child_spec_create(const struct draft *draft) {
    size_t keep_bytes = draft->fixed.keep_bytes;
    size_t text_bytes = draft->id.bytes + draft->name.bytes + draft->listener.bytes + keep_bytes +
                        draft->argument.bytes;
    struct child_spec *spec = malloc(sizeof *spec + text_bytes);
    if (spec == NULL) return NULL;
    *spec = draft->fixed;
    spec->holders = 1;
    spec->supervisor = draft->supervisor;
    spec->id_bytes = (uint8_t)draft->id.bytes;
    spec->name_bytes = (uint8_t)draft->name.bytes;
    spec->listener_bytes = (uint8_t)draft->listener.bytes;
    spec->argument_bytes = (uint32_t)draft->argument.bytes;
    uint8_t     *at = spec->text;
    struct slice parts[] = {draft->id, draft->name, draft->listener, draft->argument};
    for (int i = 0; i < 4; i++) {
        if (i == 3 && keep_bytes > 0) keep_pack(draft->keep, at);
        if (i == 3) at += keep_bytes;
        if (parts[i].bytes > 0) memcpy(at, parts[i].data, parts[i].bytes);
        at += parts[i].bytes;
    }
    return spec;
}

static enum status read_child(struct reader *reader, enum auto_shutdown auto_shutdown,
                              struct peeper_value map, struct child_spec **ret_spec) {
    if (peeper_value_kind(map) != PEEPER_MAP) return not_a_map(reader, "invalid_child_spec", map);
    struct draft  draft = {0};
    struct fields own = {0}, *before = reader->fields;
    reader->fields = &own;
    enum status status = read_draft(reader, auto_shutdown, map, &draft);
    status = leave_map(reader, before, map, status);
    if (status == STATUS_OK) {
        struct child_spec *spec = child_spec_create(&draft);
        if (spec != NULL) {
            *ret_spec = spec;
            return STATUS_OK;
        }
        status = no_memory(reader);
    }
    supervisor_spec_release(draft.supervisor);
    return status;
}

static int compare_ids(const void *left, const void *right) {
    struct slice a = child_spec_id(*(struct child_spec *const *)left);
    struct slice b = child_spec_id(*(struct child_spec *const *)right);
    if (a.bytes != b.bytes) return a.bytes < b.bytes ? -1 : 1;
    return memcmp(a.data, b.data, a.bytes);
}

// Which of two children comes later in the list.
static uint32_t later_of(const struct supervisor_spec *spec, const struct child_spec *left,
                         const struct child_spec *right) {
    uint32_t at = spec->count;
    do at--;
    while (at > 0 && spec->children[at] != left && spec->children[at] != right);
    return at;
}

// Sorted copies stand side by side.
static enum status check_duplicates(struct reader *reader, const struct supervisor_spec *spec) {
    if (spec->count < 2) return STATUS_OK;
    struct child_spec **sorted = malloc(spec->count * sizeof(struct child_spec *));
    if (sorted == NULL) return no_memory(reader);
    memcpy(sorted, spec->children, spec->count * sizeof(struct child_spec *));
    qsort(sorted, spec->count, sizeof(struct child_spec *), compare_ids);
    enum status status = STATUS_OK;
    for (uint32_t i = 1; i < spec->count && status == STATUS_OK; i++) {
        if (compare_ids(&sorted[i - 1], &sorted[i]) != 0) continue;
        struct slice id = child_spec_id(sorted[i]);
        char         field[32], what[300];
        snprintf(field, sizeof field, "children[%u].id", later_of(spec, sorted[i - 1], sorted[i]));
        snprintf(what, sizeof what, "the id \"%.*s\" stands twice", (int)id.bytes,
                 (const char *)id.data);
        peeper_write_string_n(reason(reader, "duplicate_child_name"), (const char *)id.data,
                              id.bytes);
        peeper_write_end(&reader->fault->reason);
        status = complain(reader, field, what);
    }
    free(sorted);
    return status;
}

static enum status read_children(struct reader *reader, struct peeper_value list,
                                 struct supervisor_spec *spec) {
    size_t count = peeper_value_count(list);
    if (peeper_value_kind(list) != PEEPER_LIST || count > SPEC_CHILDREN_MAX)
        return wrong(reader, "children", "badarg", list, "a list of at most 1000000 specs");
    spec->children = calloc(count + 1, sizeof(struct child_spec *));
    if (spec->children == NULL) return no_memory(reader);
    struct peeper_iter iter = peeper_value_iter(list);
    while (peeper_iter_next(&iter)) {
        size_t      at = descend(reader, "children[%u].", spec->count);
        enum status status = read_child(reader, (enum auto_shutdown)spec->auto_shutdown, iter.value,
                                        &spec->children[spec->count]);
        if (status != STATUS_OK) return status;
        restore(reader, at);
        spec->count++;
    }
    return check_duplicates(reader, spec);
}

// --- Supervisors ---------------------------------------------------------------------------------

// A simple one has one template and no significant children.
static enum status check_simple(struct reader *reader, const struct supervisor_spec *spec) {
    if (spec->strategy != SIMPLE_ONE_FOR_ONE) return STATUS_OK;
    if (spec->count != 1) {
        peeper_write_end(reason(reader, "bad_start_spec"));
        return complain(reader, "children", "simple_one_for_one needs exactly one template");
    }
    if (spec->auto_shutdown != AUTO_NEVER) {
        return combination(reader, "auto_shutdown", word_text(AUTO_SHUTDOWNS, spec->auto_shutdown),
                           "strategy", "simple_one_for_one");
    }
    return STATUS_OK;
}

static enum status read_flags(struct reader *reader, struct peeper_value map,
                              struct supervisor_spec *spec) {
    struct slice name = {0};
    enum status  status = read_unit_name(reader, map, &name);
    if (status != STATUS_OK) return status;
    spec->name_bytes = (uint8_t)name.bytes;
    if (name.bytes > 0) memcpy(spec->name, name.data, name.bytes);
    status = read_word(reader, map, "strategy", STRATEGIES, &spec->strategy);
    if (status != STATUS_OK) return status;
    status = read_count(reader, map, "intensity", 0, INT32_MAX, &spec->intensity);
    if (status != STATUS_OK) return status;
    status = read_count(reader, map, "period_ms", 1, PERIOD_MS_MAX, &spec->period_ms);
    if (status != STATUS_OK) return status;
    status = read_count(reader, map, "max_children", 0, INT32_MAX, &spec->children_max);
    if (status != STATUS_OK) return status;
    return read_word(reader, map, "auto_shutdown", AUTO_SHUTDOWNS, &spec->auto_shutdown);
}

static enum status read_into(struct reader *reader, struct peeper_value map,
                             struct supervisor_spec *spec) {
    struct peeper_value children;
    enum status         status = read_flags(reader, map, spec);
    if (status != STATUS_OK) return status;
    if (get(reader, map, "children", &children)) {
        status = read_children(reader, children, spec);
        if (status != STATUS_OK) return status;
    }
    return check_simple(reader, spec);
}

static enum status read_supervisor(struct reader *reader, struct peeper_value map,
                                   struct supervisor_spec **ret_spec) {
    if (peeper_value_kind(map) != PEEPER_MAP) return not_a_map(reader, "bad_start_spec", map);
    if (reader->depth >= SPEC_DEPTH_MAX) {
        peeper_write_end(reason(reader, "too_deep"));
        return complain(reader, whole(reader), "more than 12 supervisors in each other");
    }
    struct supervisor_spec *spec = calloc(1, sizeof *spec);
    if (spec == NULL) return no_memory(reader);
    spec->holders = 1;
    spec->strategy = ONE_FOR_ONE;
    spec->auto_shutdown = AUTO_NEVER;
    spec->intensity = INTENSITY_DEFAULT;
    spec->period_ms = PERIOD_MS_DEFAULT;
    spec->children_max = UINT32_MAX;
    struct fields own = {0}, *before = reader->fields;
    reader->fields = &own;
    reader->depth++;
    enum status status = read_into(reader, map, spec);
    reader->depth--;
    status = leave_map(reader, before, map, status);
    if (status != STATUS_OK) {
        supervisor_spec_release(spec);
        return status;
    }
    *ret_spec = spec;
    return STATUS_OK;
}

// --- In ------------------------------------------------------------------------------------------

// Fails where the bytes are no Value at all, or leaves the reader ready.
static enum status open_value(struct reader *reader, struct slice bytes,
                              struct peeper_value *ret_value) {
    struct peeper_value value = {bytes.data, bytes.bytes};
    if (!peeper_value_check(value)) {
        peeper_write_end(reason(reader, "badarg"));
        return complain(reader, "spec", "not a well-formed Value");
    }
    *ret_value = value;
    return STATUS_OK;
}

enum status spec_read_supervisor(const struct behaviour_table *behaviours, uint32_t above,
                                 struct slice value, struct spec_fault *fault,
                                 struct supervisor_spec **ret_spec) {
    struct reader       reader = {.behaviours = behaviours, .fault = fault, .depth = above};
    struct peeper_value map;
    enum status         status = open_value(&reader, value, &map);
    return status != STATUS_OK ? status : read_supervisor(&reader, map, ret_spec);
}

enum status spec_check_strictly(const struct behaviour_table *behaviours, struct slice value,
                                struct spec_fault *fault) {
    struct reader       reader = {.behaviours = behaviours, .fault = fault, .strict = true};
    struct peeper_value map;
    enum status         status = open_value(&reader, value, &map);
    if (status != STATUS_OK) return status;
    struct supervisor_spec *spec;
    status = read_supervisor(&reader, map, &spec);
    if (status == STATUS_OK) supervisor_spec_release(spec);
    name_set_fini(&reader.names);
    return status;
}

enum status spec_read_child(const struct behaviour_table *behaviours, uint32_t above,
                            enum auto_shutdown auto_shutdown, struct slice value,
                            struct spec_fault *fault, struct child_spec **ret_spec) {
    struct reader       reader = {.behaviours = behaviours, .fault = fault, .depth = above};
    struct peeper_value map;
    enum status         status = open_value(&reader, value, &map);
    return status != STATUS_OK ? status : read_child(&reader, auto_shutdown, map, ret_spec);
}

enum status spec_check(const struct behaviour_table *behaviours, struct slice value,
                       struct spec_fault *fault) {
    struct reader       reader = {.behaviours = behaviours, .fault = fault};
    struct peeper_value list;
    enum status         status = open_value(&reader, value, &list);
    if (status != STATUS_OK) return status;
    struct supervisor_spec *spec = calloc(1, sizeof *spec);
    if (spec == NULL) return no_memory(&reader);
    spec->holders = 1;
    // Significance is judged where it is known for whom: as OTP does it, not here.
    spec->auto_shutdown = AUTO_ANY_SIGNIFICANT;
    status = read_children(&reader, list, spec);
    supervisor_spec_release(spec);
    return status;
}

// --- Out -----------------------------------------------------------------------------------------

static void write_text(struct peeper_writer *writer, const char *key, struct slice text) {
    peeper_write_key(writer, key);
    peeper_write_string_n(writer, (const char *)text.data, text.bytes);
}

static void write_word(struct peeper_writer *writer, const char *key, const char *word) {
    peeper_write_key(writer, key);
    peeper_write_string(writer, word);
}

static void write_count(struct peeper_writer *writer, const char *key, uint32_t value) {
    peeper_write_key(writer, key);
    peeper_write_int(writer, value);
}

static void write_supervisor(struct peeper_writer *writer, const struct behaviour_table *behaviours,
                             const struct supervisor_spec *spec) {
    peeper_write_key(writer, "supervisor");
    peeper_write_map(writer);
    if (spec->name_bytes > 0) write_text(writer, "name", slice_of(spec->name, spec->name_bytes));
    write_word(writer, "strategy", strategy_text((enum strategy)spec->strategy));
    write_count(writer, "intensity", spec->intensity);
    write_count(writer, "period_ms", spec->period_ms);
    if (spec->children_max != UINT32_MAX) write_count(writer, "max_children", spec->children_max);
    write_word(writer, "auto_shutdown", word_text(AUTO_SHUTDOWNS, spec->auto_shutdown));
    peeper_write_key(writer, "children");
    peeper_write_list(writer);
    for (uint32_t i = 0; i < spec->count; i++)
        spec_write_child(writer, behaviours, spec->children[i]);
    peeper_write_end(writer);
    peeper_write_end(writer);
}

static void write_actor(struct peeper_writer *writer, const struct behaviour_table *behaviours,
                        const struct child_spec *spec) {
    struct slice argument = child_spec_argument(spec);
    write_word(writer, "behaviour", behaviours->rows[spec->behaviour].name);
    if (spec->name_bytes > 0) write_text(writer, "name", child_spec_name(spec));
    peeper_write_key(writer, "argument");
    peeper_write_value(writer, (struct peeper_value){argument.data, argument.bytes});
    if (spec->timeout_ms != 0) write_count(writer, "timeout_ms", spec->timeout_ms);
    if (spec->mailbox_max != 0) write_count(writer, "mailbox_max", spec->mailbox_max);
    if (spec->hibernate_after_ms != 0) {
        write_count(writer, "hibernate_after_ms", spec->hibernate_after_ms);
    }
    if (spec->generations != 0) write_count(writer, "generations", spec->generations);
    if (spec->step_back) {
        peeper_write_key(writer, "step_back");
        peeper_write_bool(writer, true);
    }
    if (spec->listener_bytes > 0) write_text(writer, "listener", child_spec_listener(spec));
    write_word(writer, "isolation", spec->own_host ? "own" : "shared");
    peeper_write_key(writer, "trap_exit");
    peeper_write_bool(writer, !spec->no_trap_exit);
    peeper_write_key(writer, "keep_tables");
    keep_write(writer, spec->keep_all, child_spec_keep(spec));
}

void spec_write_child(struct peeper_writer *writer, const struct behaviour_table *behaviours,
                      const struct child_spec *spec) {
    peeper_write_map(writer);
    write_text(writer, "id", child_spec_id(spec));
    peeper_write_key(writer, "start");
    peeper_write_map(writer);
    if (spec->supervisor != NULL) {
        write_supervisor(writer, behaviours, spec->supervisor);
    } else {
        write_actor(writer, behaviours, spec);
    }
    peeper_write_end(writer);
    write_word(writer, "restart", restart_text(spec->restart));
    write_word(writer, "on_intensity", word_text(ON_INTENSITIES, spec->on_intensity));
    if (spec->shutdown_ms == SHUTDOWN_INFINITY) {
        write_word(writer, "shutdown", "infinity");
    } else if (spec->shutdown_ms == SHUTDOWN_BRUTAL) {
        write_word(writer, "shutdown", "brutal_kill");
    } else {
        write_count(writer, "shutdown", spec->shutdown_ms);
    }
    peeper_write_key(writer, "significant");
    peeper_write_bool(writer, spec->significant);
    peeper_write_end(writer);
}
