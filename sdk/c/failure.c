#include "failure.h"

#include "base/status.h"
#include "local_status.h"

#include <stddef.h>

struct row {
    enum peeper_status status;
    bool               retryable;
    const char        *name;
    const char        *text;
};

static const struct row ROWS[] = {{PEEPER_STATUS_OK, false, "OK", "ok"},
#define LOCAL_ROW(name, number, retry, text) {PEEPER_STATUS_##name, retry, #name, text},
                                  LOCAL_STATUS_TABLE(LOCAL_ROW)
#undef LOCAL_ROW
};

// Rows that travel are the server's, so they are asked for there.
static const struct row *local_row(enum peeper_status status) {
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        if (ROWS[i].status == status) return &ROWS[i];
    }
    return NULL;
}

const char *peeper_status_name(enum peeper_status status) {
    const struct row *row = local_row(status);
    return row != NULL ? row->name : status_name(status_from_wire((int)status));
}

const char *peeper_status_text(enum peeper_status status) {
    const struct row *row = local_row(status);
    return row != NULL ? row->text : status_text(status_from_wire((int)status));
}

enum peeper_status status_of_wire(int wire) {
    return (enum peeper_status)status_wire(status_from_wire(wire));
}

struct peeper_error error_of(enum peeper_status status, const char *message) {
    const struct row *row = local_row(status);
    return (struct peeper_error){
        .status = status,
        .message = message != NULL ? message : peeper_status_text(status),
        .retryable = row != NULL ? row->retryable : status_retryable(status_from_wire((int)status)),
        .kind = "",
    };
}
