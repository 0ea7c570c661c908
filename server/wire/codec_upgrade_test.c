// What is told of code: protobuf-c reads it back as it was meant.
#include "wire/codec.h"

#include "wire/frame.h"
#include "wire/turn.h"

#include "peeper/v1/peeper.pb-c.h"

#include <criterion/criterion.h>
#include <string.h>

static struct buf out;

static void fini(void) {
    buf_fini(&out);
}

TestSuite(codec_upgrade, .fini = fini, .timeout = 30);

static Peeper__V1__ServerFrame *written(void) {
    struct slice body;
    size_t       used;
    cr_assert(frame_next(out.data, out.bytes, FRAME_BODY_BYTES_MAX, &body, &used) == STATUS_OK);
    cr_assert(used == out.bytes);
    Peeper__V1__ServerFrame *frame = peeper__v1__server_frame__unpack(NULL, body.bytes, body.data);
    cr_assert_not_null(frame);
    return frame;
}

static struct slice text(const char *string) {
    return slice_of(string, strlen(string));
}

Test(codec_upgrade, behaviours_have_the_names_of_their_callbacks) {
    struct behaviour_info infos[2] = {
        {.name = "cart",
         .version = "1",
         .kind = "lua",
         .file = "cart.lua",
         .callbacks = CALLBACK_CALL | CALLBACK_CODE_CHANGE,
         .actors = 7},
        {.name = "cart",
         .version = "2",
         .kind = "lua",
         .file = "cart.lua",
         .callbacks = CALLBACK_ENDED | CALLBACK_CHANGED,
         .current = true},
    };
    cr_assert(codec_write_behaviours(&out, 5, infos, 2) == STATUS_OK);
    Peeper__V1__ServerFrame *frame = written();
    cr_assert(frame->id == 5);
    cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_BEHAVIOUR_LISTING);
    cr_assert(frame->behaviour_listing->n_behaviours == 2);
    const Peeper__V1__BehaviourInfo *first = frame->behaviour_listing->behaviours[0];
    cr_assert_str_eq(first->name, "cart");
    cr_assert_str_eq(first->kind, "lua");
    cr_assert_str_eq(first->file, "cart.lua");
    cr_assert(first->n_callbacks == 2 && first->actors == 7 && !first->current);
    cr_assert_str_eq(first->callbacks[0], "handle_call");
    cr_assert_str_eq(first->callbacks[1], "code_change");
    const Peeper__V1__BehaviourInfo *second = frame->behaviour_listing->behaviours[1];
    cr_assert(second->n_callbacks == 2 && second->current);
    cr_assert_str_eq(second->callbacks[0], "on_state_changed");
    cr_assert_str_eq(second->callbacks[1], "on_terminate");
    cr_assert_str_eq(second->version, "2");
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_upgrade, no_behaviours_are_an_empty_listing) {
    cr_assert(codec_write_behaviours(&out, 1, NULL, 0) == STATUS_OK);
    Peeper__V1__ServerFrame *frame = written();
    cr_assert(frame->behaviour_listing->n_behaviours == 0);
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}

Test(codec_upgrade, a_report_has_its_counts_and_those_who_refused) {
    struct upgrade_refusal refusals[2] = {
        {.name = text("a"), .unit = 3, .reason = text("no")},
        {.unit = 4, .reason = text("never")},
    };
    struct upgrade_report report = {
        .behaviour = text("cart"),
        .from = text("1"),
        .to = text("2"),
        .changed = 10,
        .moved = 20,
        .refused = 2,
        .gone = 30,
        .left = 40,
        .took_ms = 50,
        .dry_run = true,
        .stopped = "why",
        .refusals = refusals,
        .refusal_count = 2,
    };
    cr_assert(codec_write_upgrade_report(&out, 9, &report) == STATUS_OK);
    Peeper__V1__ServerFrame         *frame = written();
    const Peeper__V1__UpgradeReport *read = frame->upgrade_report;
    cr_assert(frame->id == 9);
    cr_assert(frame->body_case == PEEPER__V1__SERVER_FRAME__BODY_UPGRADE_REPORT);
    cr_assert_str_eq(read->behaviour, "cart");
    cr_assert_str_eq(read->from, "1");
    cr_assert_str_eq(read->to, "2");
    cr_assert_str_eq(read->stopped, "why");
    cr_assert(read->changed == 10 && read->moved == 20 && read->refused == 2);
    cr_assert(read->gone == 30 && read->left == 40 && read->took_ms == 50 && read->dry_run);
    cr_assert(read->n_refusals == 2);
    cr_assert_str_eq(read->refusals[0]->name, "a");
    cr_assert_str_eq(read->refusals[0]->reason, "no");
    cr_assert(read->refusals[0]->unit == 3);
    cr_assert_str_eq(read->refusals[1]->name, "");
    peeper__v1__server_frame__free_unpacked(frame, NULL);
}
