#include "base/status.h"

#include <stddef.h>

struct status_row {
    const char *name;
    const char *text;
    int         wire;
    int         http;
    bool        retryable;
};

static const struct status_row ROWS[STATUS_COUNT] = {
#define STATUS_ROW(name, wire, http, retry, text) {#name, text, wire, http, retry},
    STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

static const struct status_row *row_of(enum status status) {
    return &ROWS[(size_t)status < STATUS_COUNT ? status : STATUS_INTERNAL];
}

const char *status_name(enum status status) {
    return row_of(status)->name;
}

const char *status_text(enum status status) {
    return row_of(status)->text;
}

int status_wire(enum status status) {
    const struct status_row *row = row_of(status);
    bool                     internal = row->wire == 0 && status != STATUS_OK;
    return internal ? ROWS[STATUS_INTERNAL].wire : row->wire;
}

enum status status_from_wire(int wire) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        if (ROWS[i].wire == wire && wire != 0) return (enum status)i;
    }
    return STATUS_INTERNAL;
}

int status_http(enum status status) {
    return row_of(status)->http;
}

bool status_retryable(enum status status) {
    return row_of(status)->retryable;
}
