#include "pending.h"

#include <criterion/criterion.h>

static void nothing(void *user, const struct peeper_answer *answer) {
    (void)user;
    (void)answer;
}

Test(pending, refuses_when_full_and_takes_again_after_a_take, .timeout = 5) {
    struct pending         pending;
    struct pending_request request;
    uint64_t               first, second;
    struct peeper_then     then = peeper_then(nothing, NULL);
    cr_assert(pending_init(&pending, 1) == PEEPER_STATUS_OK);
    cr_assert(pending_add(&pending, 0, 1, 1, then, &first) == PEEPER_STATUS_OK);
    cr_assert(pending_add(&pending, 0, 1, 1, then, &second) == PEEPER_STATUS_FULL);
    cr_assert(pending_take(&pending, first, &request));
    cr_assert(pending_add(&pending, 0, 1, 1, then, &second) == PEEPER_STATUS_OK);
    cr_assert(pending_take(&pending, second, &request));
    pending_fini(&pending);
}

Test(pending, never_gives_an_id_out_twice_and_finds_nothing_for_an_old_one, .timeout = 5) {
    struct pending         pending;
    struct pending_request request;
    uint64_t               ids[300];
    cr_assert(pending_init(&pending, 3) == PEEPER_STATUS_OK);
    for (int i = 0; i < 300; i++) {
        cr_assert(pending_add(&pending, 0, 1, 1, peeper_then(nothing, NULL), &ids[i]) ==
                  PEEPER_STATUS_OK);
        cr_assert(ids[i] >= 2, "0 and 1 have other meanings");
        for (int j = 0; j < i; j++) cr_assert(ids[i] != ids[j]);
        cr_assert(pending_take(&pending, ids[i], &request));
        cr_assert(!pending_take(&pending, ids[i], &request));
    }
    cr_assert(!pending_take(&pending, 0, &request));
    cr_assert(!pending_take(&pending, UINT64_MAX, &request));
    pending_fini(&pending);
}

Test(pending, hands_out_what_is_due_in_the_order_of_due_times, .timeout = 5) {
    struct pending         pending;
    struct pending_request request;
    uint64_t               id;
    const uint64_t         due_ms[] = {30, 10, 20};
    cr_assert(pending_init(&pending, 4) == PEEPER_STATUS_OK);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(pending_add(&pending, i, 1, due_ms[i], peeper_then(nothing, NULL), &id) ==
                  PEEPER_STATUS_OK);
    }
    cr_assert(!pending_take_due(&pending, 9, &request));
    cr_assert(pending_take_due(&pending, 20, &request));
    cr_assert(request.verb == 1);
    cr_assert(pending_take_due(&pending, 20, &request));
    cr_assert(request.verb == 2);
    cr_assert(!pending_take_due(&pending, 29, &request));
    cr_assert(pending_take_any(&pending, &request));
    cr_assert(request.verb == 0);
    cr_assert(!pending_take_any(&pending, &request));
    pending_fini(&pending);
}
