#include "keeper/envelope.h"

#include "keeper/timers.h"
#include "wire/turn.h"

#include <criterion/criterion.h>

#include "base/memory_fault_test.h"

#include <stdlib.h>
#include <string.h>

TestSuite(envelope, .timeout = 10);

static const struct caller CALLER = {.conn = 1, .generation = 2, .request = 3};

Test(envelope, has_its_own_copy_of_the_payload_and_knows_who_waits) {
    char             payload[] = "payload";
    struct envelope *envelope =
        envelope_create(TURN_CALL, CALLER, 1000, 50, slice_of(payload, sizeof payload));
    cr_assert(envelope != NULL);
    memset(payload, 'x', sizeof payload);
    struct slice copy = envelope_payload(envelope);
    cr_assert(copy.bytes == 8);
    cr_assert_str_eq((const char *)copy.data, "payload");
    cr_assert(envelope->kind == TURN_CALL);
    cr_assert(envelope->caller.request == 3);
    cr_assert(envelope->begun_ms == 1000);
    cr_assert(envelope->limit_ms == 50);
    cr_assert(envelope->attempts == 0);
    cr_assert(envelope->deadline.kind == TIMER_ENVELOPE);
    cr_assert(!timer_armed(&envelope->deadline));
    cr_assert(list_empty(&envelope->link), "it is in no mailbox");
    free(envelope);
}

Test(envelope, may_be_empty) {
    struct envelope *envelope = envelope_create(TURN_INIT, CALLER_NOBODY, 0, 0, (struct slice){0});
    cr_assert(envelope != NULL);
    cr_assert(envelope_payload(envelope).bytes == 0);
    free(envelope);
}

#ifdef CAN_REFUSE_MEMORY
Test(envelope, without_memory_there_is_none) {
    refuse_memory(1);
    struct envelope *envelope = envelope_create(TURN_CALL, CALLER, 0, 0, (struct slice){0});
    refuse_memory(0);
    cr_assert(envelope == NULL);
}
#endif
