// tables: the commands that show an actor's tables.
#include "commands.h"

#include "base/buf.h"
#include "table.h"
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_ROWS 500
#define COLUMNS 4

static enum exit_code no_memory(void) {
    return output_json(NULL);
}

static enum exit_code print_line(json_t *json) {
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
    if (text == NULL) return no_memory();
    puts(text);
    free(text);
    return EXIT_CODE_OK;
}

// --- The list of tables --------------------------------------------------------------------------

static struct table_info info_of(const struct peeper_table *table) {
    return (struct table_info){
        .name = slice_of(table->name, strlen(table->name)),
        .ordered = table->ordered,
        .is_private = table->is_private,
        .heir = table->heir,
        .rows = table->rows,
        .bytes = table->bytes,
    };
}

struct cells {
    const char *texts[COLUMNS];
    char        room[3][64];
};

static void fill(struct cells *cells, const struct peeper_table *table) {
    snprintf(cells->room[0], sizeof cells->room[0], "%s%s%s", table->ordered ? "ordered" : "hashed",
             table->is_private ? ", private" : "", table->heir ? ", heir" : "");
    snprintf(cells->room[1], sizeof cells->room[1], "%" PRIu32, table->rows);
    snprintf(cells->room[2], sizeof cells->room[2], "%" PRIu64, table->bytes);
    cells->texts[0] = table->name[0] == '\0' ? "(dictionary)" : table->name;
    for (int i = 1; i < COLUMNS; i++) cells->texts[i] = cells->room[i - 1];
}

static void print_tables(const struct peeper_tables *tables) {
    static const char *const titles[COLUMNS] = {"TABLE", "KIND", "ROWS", "BYTES"};
    struct cells             cells;
    int                      widths[COLUMNS] = {0};
    table_widen(widths, titles, COLUMNS);
    for (size_t i = 0; i < tables->count; i++) {
        fill(&cells, &tables->tables[i]);
        table_widen(widths, cells.texts, COLUMNS);
    }
    table_write(stdout, widths, titles, COLUMNS, 2);
    for (size_t i = 0; i < tables->count; i++) {
        fill(&cells, &tables->tables[i]);
        table_write(stdout, widths, cells.texts, COLUMNS, 2);
    }
}

enum exit_code command_tables(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_tables tables;
    enum peeper_status   status = peeper_sync_tables(peeper, invocation->target, &tables);
    if (status != PEEPER_STATUS_OK) return command_refused(peeper, invocation);
    if (!invocation->json && isatty(STDOUT_FILENO)) {
        print_tables(&tables);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < tables.count; i++) {
        struct table_info info = info_of(&tables.tables[i]);
        enum exit_code    code = print_line(json_from_table(&info));
        if (code != EXIT_CODE_OK) return code;
    }
    return EXIT_CODE_OK;
}

// --- Rows ----------------------------------------------------------------------------------------

static enum exit_code print_pair(const json_t *row) {
    char *key = json_dumps(json_object_get(row, "key"), JSON_COMPACT | JSON_ENCODE_ANY);
    char *value = json_dumps(json_object_get(row, "value"), JSON_COMPACT | JSON_ENCODE_ANY);
    bool  whole = key != NULL && value != NULL;
    if (whole) printf("%s\t%s\n", key, value);
    free(key);
    free(value);
    return whole ? EXIT_CODE_OK : no_memory();
}

static enum exit_code print_rows(const struct peeper_rows *rows, bool json) {
    enum exit_code code = EXIT_CODE_OK;
    for (size_t i = 0; i < rows->count && code == EXIT_CODE_OK; i++) {
        const struct peeper_row *row = &rows->rows[i];
        struct row_info          info = {slice_of(row->key.data, row->key.bytes),
                                         slice_of(row->value.data, row->value.bytes)};
        json_t                  *shown = json_from_row(&info);
        if (shown == NULL) return no_memory();
        if (json) {
            code = print_line(shown);
        } else {
            code = print_pair(shown);
            json_decref(shown);
        }
    }
    return code;
}

enum exit_code command_table(struct peeper_sync *peeper, const struct invocation *invocation) {
    struct peeper_rows_page page = {.table = invocation->table, .prefix = invocation->prefix};
    struct peeper_rows      rows;
    struct buf              from = {0};
    uint32_t                left = invocation->limit;
    bool                    json = invocation->json || !isatty(STDOUT_FILENO);
    enum exit_code          code = EXIT_CODE_OK;
    while (code == EXIT_CODE_OK && left > 0) {
        page.limit = left < PAGE_ROWS ? left : PAGE_ROWS;
        page.from = (struct peeper_value){from.data, from.bytes};
        if (peeper_sync_rows(peeper, invocation->target, &page, &rows) != PEEPER_STATUS_OK) {
            code = command_refused(peeper, invocation);
            break;
        }
        code = print_rows(&rows, json);
        left -= left == UINT32_MAX ? 0 : (uint32_t)rows.count;
        if (rows.next.bytes == 0) break;
        from.bytes = 0;
        if (buf_append(&from, rows.next.data, rows.next.bytes) != STATUS_OK) code = no_memory();
    }
    buf_fini(&from);
    return code;
}
