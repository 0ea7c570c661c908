#include "keeper/keep.h"

#include "base/memory_fault_test.h"

#include "keeper/shard_fixture_test.h"
#include "wire/json.h"

TestSuite(keep, .init = fx_init, .fini = fx_fini, .timeout = 20);

static bool                 all;
static size_t               packed_bytes;
static uint8_t              packed[KEEP_BYTES_MAX];
static struct peeper_writer source;

// Reads a JSON text, and packs it.
static bool reads(const char *json) {
    peeper_writer_reset(&source);
    json_argument_to_value(&source, json);
    struct peeper_value value = peeper_writer_value(&source);
    all = false;
    packed_bytes = 0;
    if (!keep_read(value, &all, &packed_bytes)) return false;
    if (packed_bytes > 0) keep_pack(value, packed);
    return true;
}

// What is written again is what was read.
static bool comes_back(void) {
    struct peeper_writer writer = {0};
    keep_write(&writer, all, slice_of(packed, packed_bytes));
    bool back = same(slice_of(writer.data, writer.bytes), slice_of(source.data, source.bytes));
    peeper_writer_fini(&writer);
    return back;
}

Test(keep, all_none_and_a_list_are_read_and_written) {
    cr_assert(reads("\"all\"") && all && packed_bytes == 0 && comes_back());
    cr_assert(reads("\"none\"") && !all && packed_bytes == 0 && comes_back());
    cr_assert(reads("[\"ab\", \"\", \"c\"]") && !all && comes_back());
    cr_assert(same(slice_of(packed, packed_bytes), slice_of("\2ab\0\1c", 6)));
    cr_assert(reads("[]") && !all && packed_bytes == 0);
    peeper_writer_fini(&source);
}

Test(keep, what_is_no_choice_of_tables_is_refused) {
    static const char *const wrong[] = {"\"some\"", "7", "null", "{}", "[7]", "[\"a\", null]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) cr_assert(!reads(wrong[i]));
    peeper_writer_fini(&source);
}

static bool list_of(uint32_t count, size_t bytes) {
    static char name[300];
    memset(name, 'n', sizeof name);
    struct peeper_writer writer = {0};
    peeper_write_list(&writer);
    for (uint32_t i = 0; i < count; i++) peeper_write_string_n(&writer, name, bytes);
    peeper_write_end(&writer);
    bool fits = keep_read(peeper_writer_value(&writer), &all, &packed_bytes);
    peeper_writer_fini(&writer);
    return fits;
}

Test(keep, names_are_bounded_one_by_one_and_together) {
    cr_assert(list_of(16, 255) && packed_bytes == KEEP_BYTES_MAX);
    cr_assert(!list_of(17, 255));
    cr_assert(!list_of(1, 256));
    cr_assert(list_of(256, 15) && packed_bytes == KEEP_BYTES_MAX);
    cr_assert(!list_of(257, 1));
}

// --- Start ---

Test(keep, start_remembers_the_names_for_restarts) {
    host_joins(1);
    struct request start = start_request("a");
    start.keep = KEEP_LISTED;
    start.keep_names = slice_of("\1t\2uv", 5);
    struct actor *actor = up_with(&start);
    crash_once(actor, 1, "a");
    const struct keep *keep = actor->extra->keep;
    cr_assert(keep != NULL);
    cr_assert(same(slice_of(keep->names, keep->bytes), start.keep_names));
}

Test(keep, start_without_a_choice_keeps_all_and_takes_no_memory) {
    host_joins(1);
    cr_assert(up("a")->extra->keep == NULL);
}

Test(keep, start_that_asks_for_none_keeps_an_empty_list) {
    host_joins(1);
    struct request start = start_request("a");
    start.keep = KEEP_LISTED;
    struct actor *actor = up_with(&start);
    cr_assert(actor->extra->keep != NULL && actor->extra->keep->bytes == 0);
}

Test(keep, start_beyond_the_limits_is_refused) {
    host_joins(1);
    struct request start = start_request("a");
    start.keep = KEEP_BEYOND;
    ask(1, &start);
    cr_assert(failed(1, STATUS_INVALID));
    cr_assert(actor_named("a") == NULL);
}

#if CAN_REFUSE_MEMORY
Test(keep, without_memory_for_the_names_nothing_is_made) {
    struct keep   *keep;
    struct request request = {.keep = KEEP_LISTED, .keep_names = slice_of("\1t", 2)};
    refuse_memory(1);
    enum status status = keep_create(&request, &keep);
    refuse_memory(0);
    cr_assert(status == STATUS_NO_MEMORY && keep == NULL);
}

Test(keep, a_start_without_memory_leaves_nothing_behind) {
    host_joins(1);
    struct request start = start_request("a");
    start.keep = KEEP_LISTED;
    start.keep_names = slice_of("\1t", 2);
    int at = 0;
    do {
        refuse_memory(++at);
        cr_assert(ask((uint64_t)at, &start) == STATUS_OK);
        refuse_memory(0);
        if (failed((uint64_t)at, STATUS_NO_MEMORY)) cr_assert(actor_named("a") == NULL);
    } while (failed((uint64_t)at, STATUS_NO_MEMORY));
    cr_assert(at > 3);
}
#endif
