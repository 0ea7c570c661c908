#include "keeper/behaviour_table.h"

#include <stdbool.h>
#include <string.h>

static bool name_valid(struct slice name) {
    if (name.bytes == 0 || name.bytes > BEHAVIOUR_NAME_BYTES_MAX) return false;
    for (size_t i = 0; i < name.bytes; i++) {
        char c = (char)name.data[i];
        bool good =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
        if (!good) return false;
    }
    return true;
}

static void text_copy(char *room, struct slice text) {
    size_t bytes = text.bytes > BEHAVIOUR_NAME_BYTES_MAX ? BEHAVIOUR_NAME_BYTES_MAX : text.bytes;
    if (bytes > 0) memcpy(room, text.data, bytes);
    room[bytes] = '\0';
}

enum status behaviour_find(const struct behaviour_table *table, struct slice name,
                           uint16_t *ret_index) {
    for (uint16_t i = 0; i < table->count; i++) {
        const char *row = table->rows[i].name;
        if (strlen(row) == name.bytes && memcmp(row, name.data, name.bytes) == 0) {
            *ret_index = i;
            return STATUS_OK;
        }
    }
    return STATUS_UNKNOWN_BEHAVIOUR;
}

enum status behaviour_enter(struct behaviour_table *table, struct slice name, uint16_t *ret_index) {
    if (!name_valid(name)) return STATUS_INVALID;
    if (behaviour_find(table, name, ret_index) == STATUS_OK) return STATUS_OK;
    if (table->count == BEHAVIOURS_MAX) return STATUS_FULL;
    *ret_index = table->count++;
    text_copy(table->rows[*ret_index].name, name);
    return STATUS_OK;
}

void behaviour_describe(struct behaviour *behaviour, struct slice name, struct slice version,
                        uint32_t turn_deadline_ms) {
    text_copy(behaviour->name, name);
    text_copy(behaviour->version, version);
    behaviour->turn_deadline_ms = turn_deadline_ms == 0 ? DEADLINE_MS_DEFAULT : turn_deadline_ms;
}

enum status behaviour_put(struct behaviour_table *table, struct slice name, struct slice version,
                          uint32_t turn_deadline_ms, uint16_t *ret_index) {
    enum status status = behaviour_enter(table, name, ret_index);
    if (status != STATUS_OK) return status;
    behaviour_describe(&table->rows[*ret_index], name, version, turn_deadline_ms);
    return STATUS_OK;
}
