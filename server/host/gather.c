#include "host/gather.h"

#include "base/check.h"
#include "base/tables_delta.h"

// Of rows that a crash has left: no number of parts that ever came.
#define PARTS_KEPT UINT32_MAX

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

bool gather_keep(struct copies *copies, struct copy *copy) {
    const struct peeper_behaviour *behaviour = &copies->behaviours[copy->behaviour];
    struct copy_tables            *tables = copy_tables(copy);
    struct copy                   *rows = NULL;
    if (tables != NULL && tables->tables.count > 0) {
        rows = copy_create(&(struct copy_options){
            .slot = copy->slot,
            .epoch = copy->epoch,
            .behaviour = copy->behaviour,
            .rows_only = true,
        });
    }
    if (rows != NULL && copy_move_tables(rows, copy) != STATUS_OK) {
        copy_destroy(rows, behaviour);
        rows = NULL;
    }
    copies_drop(copies, copy->slot);
    if (rows == NULL) return false;
    tables->parts = PARTS_KEPT;
    if (copies_add(copies, rows) == STATUS_OK) return true;
    copies_destroy(copies, rows);
    return false;
}

struct copy *gather_find(struct copies *copies, const struct turn_record *record) {
    bool         kept = (record->flags & TURN_ROWS_KEPT) != 0;
    uint32_t     epoch = kept ? record->rows : record->epoch;
    uint32_t     parts = kept ? PARTS_KEPT : record->rows;
    struct copy *copy = copies_find(copies, record->slot);
    if (copy == NULL || copy->epoch != epoch || !copy->rows_only) return NULL;
    CHECK(copy->behaviour == record->behaviour);
    return copy_tables(copy)->parts == parts ? copy : NULL;
}

void gather(struct copies *copies, const struct turn_record *record, struct slice part,
            const struct writes *limits) {
    struct copy *copy =
        record->rows == 0 ? create(copies, record, limits) : gather_find(copies, record);
    if (copy == NULL) return;
    struct copy_tables *rows = copy_tables(copy);
    rows->parts++;
    if (rows->status == STATUS_OK) rows->status = tables_apply(&rows->tables, part);
    copies_count(copies, copy);
}

const char *gather_fault(const struct copy *rows) {
    enum status status = copy_tables(rows)->status;
    if (status == STATUS_OK) return NULL;
    // The rest cannot be: the keeper has made the parts from tables that it has itself.
    CHECK(status == STATUS_NO_MEMORY || status == STATUS_TOO_LARGE);
    return status == STATUS_NO_MEMORY ? "no_memory(tables)" : "table_bytes_max(tables)";
}
