// What a connection is told unasked: protobuf-c reads it back as it was meant.
#include "wire/codec.h"

#include "wire/frame.h"

#include "peeper/v1/peeper.pb-c.h"

#include <criterion/criterion.h>
#include <string.h>

static struct buf out;

static void fini(void) {
    buf_fini(&out);
}

TestSuite(codec_event, .fini = fini, .timeout = 30);

static Peeper__V1__ServerFrame *told(const struct push *push) {
    struct slice body;
    size_t       used;
    cr_assert(codec_write_push(&out, push) == STATUS_OK);
    cr_assert(frame_next(out.data, out.bytes, FRAME_BODY_BYTES_MAX, &body, &used) == STATUS_OK);
    cr_assert(used == out.bytes);
    Peeper__V1__ServerFrame *frame = peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
    cr_assert_not_null(frame);
    cr_assert(frame->id == 0 && frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_EVENT);
    return frame;
}

static bool is(ProtobufCBinaryData data, const char *text) {
    return data.len == strlen(text) && memcmp(data.data, text, data.len) == 0;
}

Test(codec_event, a_change_has_its_version_and_the_state_before_only_where_it_is_known) {
    struct push push = {.kind = PUSH_CHANGED,
                        .ref = 5,
                        .name = slice_of("cart", 4),
                        .unit = 7,
                        .version = 9,
                        .at_ms = 11,
                        .value = slice_of("new", 3)};

    Peeper__V1__ServerFrame   *frame = told(&push);
    const Peeper__V1__Changed *changed = frame->event->changed;
    cr_assert(frame->event->kind_case == PEEPER__V1__EVENT__KIND_CHANGED);
    cr_assert(changed->ref == 5 && changed->unit == 7 && changed->version == 9);
    cr_assert(changed->at_ms == 11 && is(changed->value, "new"));
    cr_assert_str_eq(changed->name, "cart");
    cr_assert_null(changed->old);
    peeper__v1__server_frame__free_unpacked(frame, NULL);

    out.bytes = 0;
    push.has_old = true;
    push.old = slice_of("", 0);
    frame = told(&push);
    cr_assert_not_null(frame->event->changed->old, "an empty state is a state");
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_event, an_end_has_its_reason_and_the_last_state) {
    struct push              push = {.kind = PUSH_ENDED,
                                     .ref = 5,
                                     .name = slice_of("cart", 4),
                                     .unit = 7,
                                     .version = 9,
                                     .value = slice_of("last", 4),
                                     .reason = slice_of("why", 3)};
    Peeper__V1__ServerFrame *frame = told(&push);
    const Peeper__V1__Ended *ended = frame->event->ended;
    cr_assert(frame->event->kind_case == PEEPER__V1__EVENT__KIND_ENDED);
    cr_assert(ended->ref == 5 && ended->unit == 7 && ended->version == 9);
    cr_assert(is(ended->value, "last") && is(ended->reason, "why"));
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_event, a_gap_has_its_first_and_its_last_version) {
    struct push              push = {.kind = PUSH_GAP,
                                     .ref = 5,
                                     .name = slice_of("cart", 4),
                                     .unit = 7,
                                     .first = 3,
                                     .version = 8};
    Peeper__V1__ServerFrame *frame = told(&push);
    const Peeper__V1__Gap   *gap = frame->event->gap;
    cr_assert(frame->event->kind_case == PEEPER__V1__EVENT__KIND_GAP);
    cr_assert(gap->ref == 5 && gap->unit == 7 && gap->first_version == 3 && gap->last_version == 8);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_event, a_step_back_has_both_versions_and_how_many_were_missed) {
    struct push                 push = {.kind = PUSH_STEPPED,
                                        .ref = 5,
                                        .name = slice_of("cart", 4),
                                        .unit = 7,
                                        .step = {.from = 9, .to = 8, .at_ms = 11},
                                        .missed = 2};
    Peeper__V1__ServerFrame    *frame = told(&push);
    const Peeper__V1__StepBack *stepped = frame->event->stepped_back;
    cr_assert(frame->event->kind_case == PEEPER__V1__EVENT__KIND_STEPPED_BACK);
    cr_assert(stepped->ref == 5 && stepped->unit == 7 && stepped->missed == 2);
    cr_assert_str_eq(stepped->name, "cart");
    cr_assert(stepped->step->from == 9 && stepped->step->to == 8 && stepped->step->at_ms == 11);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_event, an_answer_to_a_watch_has_its_reference) {
    struct slice body;
    size_t       used;
    cr_assert(codec_write_watching(&out, 4, 77) == STATUS_OK);
    cr_assert(frame_next(out.data, out.bytes, FRAME_BODY_BYTES_MAX, &body, &used) == STATUS_OK);
    Peeper__V1__ServerFrame *frame = peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
    cr_assert(frame->id == 4 && frame->watching->ref == 77);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}
