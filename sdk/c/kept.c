#include "kept.h"

#include <stdlib.h>
#include <string.h>

void kept_store(struct kept *kept, const struct peeper_answer *answer) {
    bool        framed = answer->frame.bytes > 0;
    const void *from = framed ? (const void *)answer->frame.data : answer->error.message;
    size_t      bytes = framed ? answer->frame.bytes : strlen(answer->error.message) + 1;

    *kept = (struct kept){.data = malloc(bytes), .bytes = (uint32_t)bytes, .framed = framed};
    kept->status = answer->error.status;
    kept->ref = answer->ref != 0 ? answer->ref : answer->started.monitor;
    if (kept->data != NULL) {
        memcpy(kept->data, from, bytes);
    } else if (framed) {
        *kept = (struct kept){.status = PEEPER_STATUS_NO_MEMORY};
    }
}

void kept_fini(struct kept *kept) {
    free(kept->data);
    *kept = (struct kept){0};
}

enum peeper_status opened_init(struct opened *opened) {
    *opened = (struct opened){0};
    opened->incoming.answer.error = error_of(PEEPER_STATUS_OK, NULL);
    // The client has already decoded the same frame within its own bound.
    return decoder_init(&opened->decoder, SIZE_MAX / 2);
}

void opened_fini(struct opened *opened) {
    decoder_fini(&opened->decoder);
    kept_fini(&opened->kept);
}

static void give_ref(struct incoming *incoming, uint64_t ref) {
    if (incoming->kind == FRAME_EVENT) {
        incoming->event.ref = ref;
    } else if (incoming->answer.ref != 0) {
        incoming->answer.ref = ref;
    } else {
        incoming->answer.started.monitor = ref;
    }
}

void opened_take(struct opened *opened, struct kept *kept) {
    kept_fini(&opened->kept);
    opened->kept = *kept;
    *kept = (struct kept){0};

    struct peeper_answer *answer = &opened->incoming.answer;
    enum peeper_status    status = opened->kept.status;
    const char           *text = NULL;
    if (opened->kept.framed) {
        struct peeper_value frame = {opened->kept.data, opened->kept.bytes};
        status = decoder_decode(&opened->decoder, frame, &opened->incoming);
        if (status == PEEPER_STATUS_OK && opened->kept.ref != 0) {
            give_ref(&opened->incoming, opened->kept.ref);
        }
        if (status == PEEPER_STATUS_OK) return;
    } else {
        text = (const char *)opened->kept.data;
    }
    opened->incoming = (struct incoming){0};
    answer->error = error_of(status, text);
}
