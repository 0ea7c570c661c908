// protobuf-c reads what our writer writes and packs the same bytes; our reader reads what it packs.
#include <peeper/value.h>

#include <criterion/criterion.h>
#include <peeper/v1/value.pb-c.h>
#include <stdlib.h>
#include <string.h>

#define TREES 2000

static struct peeper_writer writer;
static Peeper__V1__Value   *tree; // what was unpacked last; owned

static void fini(void) {
    peeper_writer_fini(&writer);
    peeper__v1__value__free_unpacked(tree, NULL);
}

TestSuite(value_wire, .fini = fini, .timeout = 60);

static uint32_t seed = 2463534242;

static uint32_t roll(uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

// protobuf-c ends strings at a NUL and leaves empty keys out, so neither is made here.
static void write_text(bool key) {
    char   text[400];
    size_t bytes = 1 + roll(roll(20) == 0 ? sizeof text - 1 : 12);
    for (size_t i = 0; i < bytes; i++) text[i] = (char)('a' + roll(26));
    if (key) {
        peeper_write_key_n(&writer, text, bytes);
    } else {
        peeper_write_string_n(&writer, text, bytes);
    }
}

static int64_t any_int(void) {
    uint64_t bits = (uint64_t)roll(UINT32_MAX) << 32 | roll(UINT32_MAX);
    int64_t  number = (int64_t)(bits >> roll(64));
    return roll(2) == 0 ? number : -number;
}

static void write_tree(int levels);

static void write_container(int levels) {
    bool     map = roll(2) == 0;
    uint32_t count = roll(6);
    if (map) {
        peeper_write_map(&writer);
    } else {
        peeper_write_list(&writer);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (map) write_text(true);
        write_tree(levels - 1);
    }
    peeper_write_end(&writer);
}

static void write_tree(int levels) {
    switch (roll(levels > 0 ? 12 : 6)) {
        case 0: peeper_write_null(&writer); return;
        case 1: peeper_write_bool(&writer, roll(2) == 0); return;
        case 2: peeper_write_int(&writer, any_int()); return;
        case 3: peeper_write_double(&writer, (double)any_int() / 7); return;
        case 4: write_text(false); return;
        case 5: peeper_write_bytes(&writer, &seed, roll(5)); return;
        default: write_container(levels);
    }
}

// What was written, as protobuf-c reads it. The writer is empty afterwards.
static const Peeper__V1__Value *written_tree(void) {
    struct peeper_value value = peeper_writer_value(&writer);
    peeper__v1__value__free_unpacked(tree, NULL);
    tree = peeper__v1__value__unpack(NULL, value.bytes, value.data);
    cr_assert_not_null(tree);
    peeper_writer_reset(&writer);
    return tree;
}

Test(value_wire, protobuf_c_packs_what_we_wrote_into_the_same_bytes) {
    for (int i = 0; i < TREES; i++) {
        write_tree(5);
        cr_assert(peeper_writer_done(&writer));
        struct peeper_value      value = peeper_writer_value(&writer);
        const Peeper__V1__Value *read = written_tree();
        cr_assert_eq(peeper__v1__value__get_packed_size(read), value.bytes, "tree %d", i);
        uint8_t *packed = malloc(value.bytes);
        peeper__v1__value__pack(read, packed);
        // Emptying the writer has kept its bytes.
        cr_assert(memcmp(packed, value.data, value.bytes) == 0, "tree %d", i);
        free(packed);
    }
}

Test(value_wire, each_kind_is_the_field_of_its_name) {
    peeper_write_int(&writer, INT64_MIN);
    const Peeper__V1__Value *read = written_tree();
    cr_assert(read->kind_case == PEEPER__V1__VALUE__KIND_INT && read->int_ == INT64_MIN);
    peeper_write_bool(&writer, true);
    read = written_tree();
    cr_assert(read->kind_case == PEEPER__V1__VALUE__KIND_BOOL && read->bool_);
    peeper_write_double(&writer, -0.5);
    read = written_tree();
    cr_assert(read->kind_case == PEEPER__V1__VALUE__KIND_DOUBLE);
    cr_assert(read->double_ > -0.6 && read->double_ < -0.4);
    peeper_write_null(&writer);
    read = written_tree();
    cr_assert(read->kind_case == PEEPER__V1__VALUE__KIND_NULL && read->null);
    peeper_write_map(&writer);
    peeper_write_key(&writer, "k");
    peeper_write_string(&writer, "text");
    peeper_write_end(&writer);
    read = written_tree();
    cr_assert(read->kind_case == PEEPER__V1__VALUE__KIND_MAP);
    cr_assert_str_eq(read->map->entries[0]->key, "k");
    cr_assert_str_eq(read->map->entries[0]->value->string, "text");
}

Test(value_wire, an_entry_that_protobuf_c_wrote_without_a_key_has_the_empty_key) {
    Peeper__V1__Value                   one = PEEPER__V1__VALUE__INIT;
    Peeper__V1__MapValue__EntriesEntry  entry = PEEPER__V1__MAP_VALUE__ENTRIES_ENTRY__INIT;
    Peeper__V1__MapValue__EntriesEntry *entries[] = {&entry};
    Peeper__V1__MapValue                map = PEEPER__V1__MAP_VALUE__INIT;
    Peeper__V1__Value                   value = PEEPER__V1__VALUE__INIT;
    uint8_t                             packed[64];
    int64_t                             number = 0;
    one.kind_case = PEEPER__V1__VALUE__KIND_INT;
    one.int_ = 1;
    entry.value = &one;
    map.n_entries = 1;
    map.entries = entries;
    value.kind_case = PEEPER__V1__VALUE__KIND_MAP;
    value.map = &map;

    struct peeper_value found;
    struct peeper_value read = {packed, peeper__v1__value__pack(&value, packed)};
    cr_assert(peeper_value_check(read));
    cr_assert(peeper_value_get(read, "", &found));
    cr_assert(peeper_value_int(found, &number) && number == 1);
}
