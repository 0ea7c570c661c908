#include "keeper/commit.h"

#include "base/tables_delta.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define DATA_BYTES 4096
#define BULK_BYTES 8192

static struct ring   ring;
static struct commit commit;
static uint64_t      head; // where the next record goes

static void begin(void) {
    cr_assert(ring_create(&ring, DATA_BYTES, BULK_BYTES, false) == STATUS_OK);
}

static void end(void) {
    commit_fini(&commit);
    ring_fini(&ring);
}

TestSuite(commit, .init = begin, .fini = end, .timeout = 10);

static struct slice raw(const char *text) {
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static bool same(struct slice a, const char *b) {
    return a.bytes == strlen(b) && memcmp(a.data, b, a.bytes) == 0;
}

// A record in the making.
struct out {
    struct commit_record record;
    uint8_t              items[BULK_BYTES + 4096];
};

static struct out out_of(enum commit_kind kind) {
    return (struct out){.record = {.kind = (uint8_t)kind, .turn = 1}};
}

static void add(struct out *out, unsigned kind, uint64_t token, struct slice name,
                struct slice body) {
    struct item_header header = {.kind = (uint16_t)kind,
                                 .name_bytes = (uint16_t)name.bytes,
                                 .body_bytes = (uint32_t)body.bytes,
                                 .token = token};
    uint8_t           *room = out->items + out->record.item_bytes;
    memcpy(room, &header, sizeof header);
    if (name.bytes > 0) memcpy(room + sizeof header, name.data, name.bytes);
    if (body.bytes > 0) memcpy(room + sizeof header + name.bytes, body.data, body.bytes);
    out->record.item_bytes += (uint32_t)(sizeof header + ring_round(name.bytes + body.bytes));
    out->record.item_count++;
}

static void add_body(struct out *out, unsigned kind, const char *body) {
    add(out, kind, 0, (struct slice){0}, raw(body));
}

// Puts the record at the head as it is, however wrong; answers where it begins.
static uint64_t put(struct out *out) {
    uint64_t at = head;
    if (out->record.record_bytes == 0) {
        out->record.record_bytes =
            (uint32_t)(sizeof out->record + ring_round(out->record.item_bytes));
    }
    memcpy(ring_at(&ring, at), &out->record, sizeof out->record);
    memcpy(ring_at(&ring, at) + sizeof out->record, out->items, out->record.item_bytes);
    head += out->record.record_bytes;
    return at;
}

static enum status read_put(struct out *out) {
    uint64_t at = put(out);
    return commit_read(&commit, &ring, at, head);
}

static void is_nonsense(struct out *out) {
    cr_assert(read_put(out) == STATUS_PROTOCOL);
}

// --- what fits ---

Test(commit, nothing_there_is_no_error) {
    cr_assert(commit_read(&commit, &ring, 0, 0) == STATUS_AGAIN);
    cr_assert(commit_read(&commit, &ring, 4096, 4096) == STATUS_AGAIN);
}

Test(commit, a_record_without_items) {
    struct out out = out_of(COMMIT_SKIP);
    out.record.turn = 77;
    cr_assert(read_put(&out) == STATUS_OK);
    cr_assert(commit.record.turn == 77);
    cr_assert(commit.record.kind == COMMIT_SKIP);
    cr_assert(commit.state.data == NULL);
    cr_assert(commit.reply.data == NULL);
    cr_assert(commit.next.data == NULL);
    cr_assert(commit.reason.data == NULL);
    cr_assert(commit.text.data == NULL);
    cr_assert(commit.effects == 0);
    uint32_t    at = 0;
    struct item item;
    cr_assert(!commit_item(&commit, &at, &item));
}

Test(commit, finds_the_single_items_and_walks_all_of_them) {
    struct out out = out_of(COMMIT_DONE);
    add_body(&out, ITEM_STATE, "state");
    add_body(&out, ITEM_REPLY, "reply");
    add_body(&out, ITEM_CONTINUE, "continue");
    add_body(&out, ITEM_REASON, "reason");
    add_body(&out, ITEM_TEXT, "text");
    add(&out, ITEM_SEND, 0, raw("to"), raw("message"));
    add(&out, ITEM_START, 4, raw("behaname"), raw(""));
    add(&out, ITEM_REPLY_TO, 1234567890123u, (struct slice){0}, raw("later"));
    cr_assert(read_put(&out) == STATUS_OK);
    cr_assert(same(commit.state, "state"));
    cr_assert(same(commit.reply, "reply"));
    cr_assert(same(commit.next, "continue"));
    cr_assert(same(commit.reason, "reason"));
    cr_assert(same(commit.text, "text"));
    cr_assert(commit.effects == 3);

    static const enum item_kind kinds[] = {ITEM_STATE, ITEM_REPLY, ITEM_CONTINUE, ITEM_REASON,
                                           ITEM_TEXT,  ITEM_SEND,  ITEM_START,    ITEM_REPLY_TO};
    uint32_t                    at = 0;
    struct item                 item;
    for (size_t i = 0; i < 8; i++) {
        cr_assert(commit_item(&commit, &at, &item));
        cr_assert(item.kind == kinds[i]);
        if (item.kind == ITEM_SEND) cr_assert(same(item.name, "to") && same(item.body, "message"));
        if (item.kind == ITEM_START) cr_assert(same(item.name, "behaname") && item.token == 4);
        if (item.kind == ITEM_REPLY_TO) cr_assert(item.token == 1234567890123u);
    }
    cr_assert(!commit_item(&commit, &at, &item));
}

Test(commit, an_empty_state_is_a_state) {
    struct out out = out_of(COMMIT_DONE);
    add_body(&out, ITEM_STATE, "");
    cr_assert(read_put(&out) == STATUS_OK);
    cr_assert(commit.state.data != NULL);
    cr_assert(commit.state.bytes == 0);
}

Test(commit, a_later_record_forgets_the_items_of_the_one_before) {
    struct out first = out_of(COMMIT_DONE), second = out_of(COMMIT_DONE);
    add_body(&first, ITEM_STATE, "state");
    add(&first, ITEM_CAST, 0, raw("x"), raw("y"));
    uint64_t at = put(&first);
    cr_assert(commit_read(&commit, &ring, at, head) == STATUS_OK);
    at = put(&second);
    cr_assert(commit_read(&commit, &ring, at, head) == STATUS_OK);
    cr_assert(commit.state.data == NULL);
    cr_assert(commit.effects == 0);
}

Test(commit, what_the_host_writes_after_the_look_changes_nothing) {
    struct out out = out_of(COMMIT_DONE);
    add_body(&out, ITEM_STATE, "good");
    uint64_t at = put(&out);
    cr_assert(commit_read(&commit, &ring, at, head) == STATUS_OK);
    memset(ring.data, 0xff, DATA_BYTES);
    cr_assert(same(commit.state, "good"));
    cr_assert(commit.record.kind == COMMIT_DONE);
    uint32_t    walk = 0;
    struct item item;
    cr_assert(commit_item(&commit, &walk, &item));
    cr_assert(same(item.body, "good"));
}

Test(commit, a_record_across_the_end_of_the_ring_is_whole) {
    head = DATA_BYTES - 16;
    struct out out = out_of(COMMIT_DONE);
    add_body(&out, ITEM_STATE, "on both sides of the end");
    cr_assert(read_put(&out) == STATUS_OK);
    cr_assert(same(commit.state, "on both sides of the end"));
}

Test(commit, several_records_are_read_one_by_one) {
    struct out out = out_of(COMMIT_DONE);
    for (uint64_t i = 0; i < 5; i++) {
        out.record.turn = i;
        put(&out);
    }
    uint64_t tail = 0;
    for (uint64_t i = 0; i < 5; i++) {
        cr_assert(commit_read(&commit, &ring, tail, head) == STATUS_OK);
        cr_assert(commit.record.turn == i);
        tail += commit.record.record_bytes;
    }
    cr_assert(commit_read(&commit, &ring, tail, head) == STATUS_AGAIN);
}

Test(commit, items_in_the_bulk_area) {
    struct out out = out_of(COMMIT_DONE);
    char       large[6001];
    memset(large, 'b', 6000);
    large[6000] = '\0';
    add_body(&out, ITEM_STATE, large);
    memcpy(ring.bulk, out.items, out.record.item_bytes);
    out.record.flags = COMMIT_BULK;
    out.record.record_bytes = sizeof out.record;
    memcpy(ring_at(&ring, 0), &out.record, sizeof out.record);
    head = sizeof out.record;
    cr_assert(commit_read(&commit, &ring, 0, head) == STATUS_OK);
    cr_assert(same(commit.state, large));
    memset(ring.bulk, 0, BULK_BYTES);
    cr_assert(same(commit.state, large));
}

Test(commit, as_many_items_as_the_limit) {
    struct out out = out_of(COMMIT_DONE);
    for (int i = 0; i < 254; i++) add(&out, ITEM_REPLY_TO, 1, (struct slice){0}, raw(""));
    cr_assert(read_put(&out) == STATUS_PROTOCOL, "over the ring");
    head = 0;
    out = out_of(COMMIT_DONE);
    for (int i = 0; i < 200; i++) add(&out, ITEM_REPLY_TO, 1, (struct slice){0}, raw(""));
    cr_assert(read_put(&out) == STATUS_OK);
    cr_assert(commit.effects == 200);
}

// --- what does not ---

Test(commit, a_head_that_is_behind_too_far_ahead_or_not_aligned) {
    struct out out = out_of(COMMIT_DONE);
    put(&out);
    cr_assert(commit_read(&commit, &ring, 8, 0) == STATUS_PROTOCOL);
    cr_assert(commit_read(&commit, &ring, 0, DATA_BYTES + 8) == STATUS_PROTOCOL);
    cr_assert(commit_read(&commit, &ring, 0, UINT64_MAX - 7) == STATUS_PROTOCOL);
    cr_assert(commit_read(&commit, &ring, 0, head + 1) == STATUS_PROTOCOL);
    cr_assert(commit_read(&commit, &ring, 0, sizeof(struct commit_record) - 8) == STATUS_PROTOCOL);
}

Test(commit, a_record_that_is_too_short_not_aligned_or_past_the_head) {
    static const uint32_t sizes[] = {0,
                                     8,
                                     sizeof(struct commit_record) - 8,
                                     sizeof(struct commit_record) + 4,
                                     DATA_BYTES,
                                     UINT32_MAX,
                                     UINT32_MAX - 7};
    struct out            out = out_of(COMMIT_DONE);
    put(&out);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        out.record.record_bytes = sizes[i];
        memcpy(ring_at(&ring, 0), &out.record, sizeof out.record);
        cr_assert(commit_read(&commit, &ring, 0, head) == STATUS_PROTOCOL, "%u", sizes[i]);
    }
}

Test(commit, an_unknown_kind) {
    struct out none = out_of(0), large = out_of(COMMIT_READY + 1);
    is_nonsense(&none);
    is_nonsense(&large);
}

Test(commit, item_bytes_that_are_not_those_of_the_record) {
    struct out out = out_of(COMMIT_DONE);
    add_body(&out, ITEM_STATE, "x");
    out.record.record_bytes = (uint32_t)(sizeof out.record + out.record.item_bytes);
    out.record.item_bytes -= 8;
    is_nonsense(&out);
    out.record.item_bytes = UINT32_MAX;
    memcpy(ring_at(&ring, 0), &out.record, sizeof out.record);
    cr_assert(commit_read(&commit, &ring, 0, head) == STATUS_PROTOCOL);
}

Test(commit, a_count_that_is_not_that_of_the_items) {
    struct out few = out_of(COMMIT_DONE), many = out_of(COMMIT_DONE), over = out_of(COMMIT_DONE);
    add_body(&few, ITEM_STATE, "x");
    few.record.item_count = 2;
    is_nonsense(&few);
    add_body(&many, ITEM_STATE, "x");
    many.record.item_count = 0;
    is_nonsense(&many);
    over.record.item_count = COMMIT_ITEMS_MAX + 1;
    is_nonsense(&over);
}

Test(commit, an_item_that_is_cut_off) {
    struct out out = out_of(COMMIT_DONE);
    add_body(&out, ITEM_STATE, "0123456789");
    struct item_header header;
    memcpy(&header, out.items, sizeof header);
    static const uint32_t bodies[] = {17, 4096, COMMIT_BULK_BYTES, COMMIT_BULK_BYTES + 1,
                                      UINT32_MAX};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        header.body_bytes = bodies[i];
        memcpy(out.items, &header, sizeof header);
        is_nonsense(&out);
    }
    header.body_bytes = 0;
    header.name_bytes = UINT16_MAX;
    memcpy(out.items, &header, sizeof header);
    is_nonsense(&out);
}

Test(commit, half_an_item_header) {
    struct out out = out_of(COMMIT_DONE);
    add_body(&out, ITEM_STATE, "12345678");
    out.record.item_bytes += 8;
    is_nonsense(&out);
}

Test(commit, an_unknown_item) {
    struct out none = out_of(COMMIT_DONE), large = out_of(COMMIT_DONE);
    add_body(&none, 0, "x");
    is_nonsense(&none);
    add_body(&large, ITEM_TEXT + 1, "x");
    is_nonsense(&large);
}

Test(commit, two_of_an_item_that_there_may_be_one_of) {
    static const enum item_kind kinds[] = {ITEM_STATE, ITEM_REPLY, ITEM_CONTINUE, ITEM_REASON,
                                           ITEM_TEXT};
    for (size_t i = 0; i < 5; i++) {
        struct out out = out_of(COMMIT_DONE);
        add_body(&out, kinds[i], "");
        add_body(&out, kinds[i], "x");
        is_nonsense(&out);
    }
}

Test(commit, a_trace_up_to_its_limit_and_none_beyond) {
    static uint8_t lines[TRACE_BYTES_MAX + 1];
    struct out     fits = out_of(COMMIT_CRASH), over = out_of(COMMIT_CRASH);
    add(&fits, ITEM_TRACE, 0, (struct slice){0}, (struct slice){lines, TRACE_BYTES_MAX});
    cr_assert(read_put(&fits) == STATUS_OK);
    cr_assert(commit.trace.bytes == TRACE_BYTES_MAX);
    add(&over, ITEM_TRACE, 0, (struct slice){0}, (struct slice){lines, TRACE_BYTES_MAX + 1});
    is_nonsense(&over);
    struct out twice = out_of(COMMIT_CRASH);
    add_body(&twice, ITEM_TRACE, "a");
    add_body(&twice, ITEM_TRACE, "b");
    is_nonsense(&twice);
}

Test(commit, a_name_where_none_belongs) {
    static const enum item_kind kinds[] = {ITEM_STATE,  ITEM_REPLY, ITEM_CONTINUE,
                                           ITEM_REASON, ITEM_TEXT,  ITEM_REPLY_TO};
    for (size_t i = 0; i < 6; i++) {
        struct out out = out_of(COMMIT_DONE);
        add(&out, kinds[i], 0, raw("name"), raw("x"));
        is_nonsense(&out);
    }
}

Test(commit, tables_are_a_whole_delta_and_there_is_one) {
    struct buf delta = {0};
    cr_assert(tables_delta_write(&delta, &(struct table_op_view){.op = TABLE_OP_SELECT,
                                                                 .key = raw("t")}) == STATUS_OK);
    struct slice whole = slice_of(delta.data, delta.bytes);
    struct out   out = out_of(COMMIT_DONE), cut = out_of(COMMIT_DONE);
    add(&out, ITEM_TABLES, 0, (struct slice){0}, whole);
    cr_assert(read_put(&out) == STATUS_OK);
    cr_assert(commit.tables.bytes == delta.bytes && commit.effects == 0);
    add(&cut, ITEM_TABLES, 0, (struct slice){0}, slice_of(delta.data, delta.bytes - 1));
    is_nonsense(&cut);
    add(&out, ITEM_TABLES, 0, (struct slice){0}, whole);
    is_nonsense(&out);
    buf_fini(&delta);
}

Test(commit, a_start_whose_behaviour_is_longer_than_its_name) {
    struct out out = out_of(COMMIT_DONE);
    add(&out, ITEM_START, 5, raw("name"), raw(""));
    is_nonsense(&out);
    struct out huge = out_of(COMMIT_DONE);
    add(&huge, ITEM_START, UINT64_MAX, raw("name"), raw(""));
    is_nonsense(&huge);
}

Test(commit, bulk_items_over_the_area_or_with_a_body_in_the_ring) {
    struct out over = out_of(COMMIT_DONE), both = out_of(COMMIT_DONE);
    over.record.flags = COMMIT_BULK;
    over.record.record_bytes = sizeof over.record;
    over.record.item_bytes = BULK_BYTES + 1;
    memcpy(ring_at(&ring, 0), &over.record, sizeof over.record);
    cr_assert(commit_read(&commit, &ring, 0, sizeof over.record) == STATUS_PROTOCOL);
    both.record.flags = COMMIT_BULK;
    add_body(&both, ITEM_STATE, "x");
    is_nonsense(&both);
}

Test(commit, fini_twice_is_fine) {
    struct out out = out_of(COMMIT_DONE);
    add_body(&out, ITEM_STATE, "x");
    cr_assert(read_put(&out) == STATUS_OK);
    commit_fini(&commit);
    commit_fini(&commit);
}
