#include "kept.h"

#include <criterion/criterion.h>
#include <peeper/v1/peeper.pb-c.h>
#include <string.h>

#define FRAME_BYTES 128

// An answer as the client tells it: decoded, with its frame in memory that goes away.
static struct peeper_answer answer_with_frame(uint8_t *room) {
    Peeper__V1__Error       error = PEEPER__V1__ERROR__INIT;
    Peeper__V1__ServerFrame frame = PEEPER__V1__SERVER_FRAME__INIT;
    error.status = PEEPER__V1__STATUS__STATUS_DOWN;
    error.message = (char *)"it ended";
    error.reason = (ProtobufCBinaryData){2, (uint8_t *)"\x18\x02"};
    frame.id = 9;
    frame.body_case = PEEPER__V1__SERVER_FRAME__BODY_ERROR;
    frame.error = &error;
    size_t bytes = peeper__v1__server_frame__pack(&frame, room);
    cr_assert(bytes <= FRAME_BYTES);
    return (struct peeper_answer){.error = error_of(PEEPER_STATUS_DOWN, NULL),
                                  .frame = {room, bytes}};
}

Test(kept, tells_all_of_an_answer_after_its_frame_is_gone, .timeout = 5) {
    uint8_t              frame[FRAME_BYTES];
    struct peeper_answer answer = answer_with_frame(frame);
    struct kept          kept;
    struct opened        opened;
    int64_t              reason;
    cr_assert(opened_init(&opened) == PEEPER_STATUS_OK);
    kept_store(&kept, &answer);
    memset(frame, 0xff, sizeof(frame));

    opened_take(&opened, &kept);
    cr_assert(kept.data == NULL);
    cr_assert(opened.incoming.id == 9);
    const struct peeper_error *error = &opened.incoming.answer.error;
    cr_assert(error->status == PEEPER_STATUS_DOWN);
    cr_assert_str_eq(error->message, "it ended");
    cr_assert(peeper_value_int(error->reason, &reason) && reason == 1);
    opened_fini(&opened);
}

Test(kept, tells_the_status_and_text_of_an_answer_that_had_no_frame, .timeout = 5) {
    char                 text[] = "no answer within 7 ms";
    struct peeper_answer answer = {.error = error_of(PEEPER_STATUS_TIMEOUT, text)};
    uint8_t              frame[FRAME_BYTES];
    struct peeper_answer before = answer_with_frame(frame);
    struct kept          kept;
    struct opened        opened;
    cr_assert(opened_init(&opened) == PEEPER_STATUS_OK);
    kept_store(&kept, &before);
    opened_take(&opened, &kept);

    kept_store(&kept, &answer);
    text[0] = '?';
    opened_take(&opened, &kept);
    const struct peeper_error *error = &opened.incoming.answer.error;
    cr_assert(error->status == PEEPER_STATUS_TIMEOUT);
    cr_assert_str_eq(error->message, "no answer within 7 ms");
    cr_assert(error->reason.bytes == 0, "nothing of the answer before is left");
    opened_fini(&opened);
}

Test(kept, without_memory_for_a_text_the_status_has_its_own, .timeout = 5) {
    struct kept   kept = {.status = PEEPER_STATUS_CLOSED};
    struct opened opened;
    cr_assert(opened_init(&opened) == PEEPER_STATUS_OK);
    opened_take(&opened, &kept);
    cr_assert_str_eq(opened.incoming.answer.error.message,
                     peeper_status_text(PEEPER_STATUS_CLOSED));
    opened_fini(&opened);
}
