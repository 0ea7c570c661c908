#include "host/gather.h"

#include "base/check.h"
#include "base/tables_delta.h"

// A place for rows. Fails: NULL, out of memory.
static struct copy *create(struct copies *copies, const struct turn_record *record,
                           const struct writes *limits) {
    const struct peeper_behaviour *behaviour = &copies->behaviours[record->behaviour];
    copies_drop(copies, record->slot);
    struct copy *copy = copy_create(&(struct copy_options){
        .slot = record->slot,
        .epoch = record->epoch,
        .behaviour = record->behaviour,
        .rows_only = true,
    });
    if (copy == NULL) return NULL;
    if (copy_make_tables(copy, limits->seed, limits->bytes_max) != NULL &&
        copies_add(copies, copy) == STATUS_OK) {
        return copy;
    }
    copy_destroy(copy, behaviour);
    return NULL;
}

struct copy *gather_find(struct copies *copies, const struct turn_record *record) {
    struct copy *copy = copies_find(copies, record->slot);
    if (copy == NULL || copy->epoch != record->epoch || !copy->rows_only) return NULL;
    CHECK(copy->behaviour == record->behaviour);
    return copy_tables(copy)->parts == record->rows ? copy : NULL;
}

void gather(struct copies *copies, const struct turn_record *record, struct slice part,
            const struct writes *limits) {
    struct copy *copy =
        record->rows == 0 ? create(copies, record, limits) : gather_find(copies, record);
    if (copy == NULL) return;
    struct copy_tables *rows = copy_tables(copy);
    rows->parts++;
    if (rows->status == STATUS_OK) rows->status = tables_apply(&rows->tables, part);
}

const char *gather_fault(const struct copy *rows) {
    enum status status = copy_tables(rows)->status;
    if (status == STATUS_OK) return NULL;
    // The rest cannot be: the keeper has made the parts from tables that it has itself.
    CHECK(status == STATUS_NO_MEMORY || status == STATUS_TOO_LARGE);
    return status == STATUS_NO_MEMORY ? "no_memory(tables)" : "table_bytes_max(tables)";
}
