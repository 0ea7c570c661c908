#include "keeper/envelope.h"

#include "keeper/timers.h"

#include <stdlib.h>
#include <string.h>

struct slice envelope_timeout(void) {
    static const uint8_t VALUE[] = {0x2a, 7, 't', 'i', 'm', 'e', 'o', 'u', 't'};
    return slice_of(VALUE, sizeof VALUE);
}

struct envelope *envelope_create(uint8_t kind, struct caller caller, uint64_t begun_ms,
                                 uint32_t limit_ms, struct slice payload) {
    struct envelope *envelope = malloc(sizeof *envelope + payload.bytes);
    if (envelope == NULL) return NULL;
    *envelope = (struct envelope){
        .deadline = {.kind = TIMER_ENVELOPE},
        .caller = caller,
        .begun_ms = begun_ms,
        .limit_ms = limit_ms,
        .bytes = (uint32_t)payload.bytes,
        .kind = kind,
    };
    list_init(&envelope->link);
    if (payload.bytes > 0) memcpy(envelope->payload, payload.data, payload.bytes);
    return envelope;
}
