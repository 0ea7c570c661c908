#include "host/lua_value.h"

#include "host/lua_machine_fixture_test.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(lua_value, .timeout = 10);

struct trip {
    struct peeper_value  in;     // pushed, if it has bytes
    const char          *source; // else the global function `make` gives the value
    struct peeper_writer out;
    bool                 whole;
    char                 fault[LUA_VALUE_FAULT_BYTES];
};

static int run_trip(lua_State *L) {
    struct trip *trip = lua_touserdata(L, 1);
    if (trip->in.bytes > 0) {
        lua_value_push(L, trip->in);
    } else {
        lua_machine_push_file(L);
        lua_getfield(L, -1, "init");
        lua_call(L, 0, 1);
    }
    trip->whole = lua_value_write(L, &machine->encoder, -1, &trip->out, 1 << 20, "value");
    memcpy(trip->fault, machine->encoder.fault, sizeof trip->fault);
    return 0;
}

static struct trip send(struct peeper_value value) {
    struct trip trip = {.in = value};
    cr_assert(lua_machine_run(machine, run_trip, &trip));
    return trip;
}

static struct trip make(const char *expression) {
    char source[1024];
    snprintf(source, sizeof source, "return {init = function() %s end}", expression);
    open_machine(source);
    struct trip trip = {0};
    cr_assert(lua_machine_run(machine, run_trip, &trip));
    close_machine();
    return trip;
}

static void refused(const char *expression, const char *fault) {
    struct trip trip = make(expression);
    cr_assert_not(trip.whole, "%s was written", expression);
    cr_assert(strstr(trip.fault, fault) != NULL, "'%s' does not tell '%s'", trip.fault, fault);
    peeper_writer_fini(&trip.out);
}

static void returns_same(const struct peeper_writer *writer) {
    cr_assert(peeper_writer_done(writer));
    struct trip trip = send(peeper_writer_value(writer));
    cr_assert(trip.whole, "%s", trip.fault);
    cr_assert_eq(trip.out.bytes, writer->bytes);
    cr_assert(memcmp(trip.out.data, writer->data, writer->bytes) == 0);
    peeper_writer_fini(&trip.out);
}

Test(lua_value, of_each_kind_comes_back_as_it_was) {
    struct peeper_writer writer = {0};
    open_machine("return {}");
    peeper_write_list(&writer);
    peeper_write_null(&writer);
    peeper_write_bool(&writer, false);
    peeper_write_int(&writer, INT64_MIN);
    peeper_write_int(&writer, INT64_MAX);
    peeper_write_double(&writer, 1.0);
    peeper_write_double(&writer, -0.0);
    peeper_write_string_n(&writer, "\xc3\xa4\0b", 4);
    peeper_write_bytes(&writer, "\xff\0", 2);
    peeper_write_bytes(&writer, "", 0);
    peeper_write_list(&writer);
    peeper_write_end(&writer);
    peeper_write_map(&writer);
    peeper_write_end(&writer);
    peeper_write_map(&writer);
    peeper_write_key(&writer, "");
    peeper_write_null(&writer);
    peeper_write_key(&writer, "1");
    peeper_write_string(&writer, "");
    peeper_write_end(&writer);
    peeper_write_end(&writer);
    returns_same(&writer);
    peeper_writer_fini(&writer);
    close_machine();
}

Test(lua_value, may_be_nested_as_deep_as_values_may_be) {
    struct peeper_writer writer = {0};
    open_machine("return {}");
    for (int i = 0; i < PEEPER_VALUE_DEPTH_MAX; i++) peeper_write_list(&writer);
    for (int i = 0; i < PEEPER_VALUE_DEPTH_MAX; i++) peeper_write_end(&writer);
    returns_same(&writer);
    peeper_writer_fini(&writer);
    close_machine();
}

Test(lua_value, is_encoded_the_same_whatever_order_its_keys_were_set_in) {
    struct trip one = make("local t = {} for i = 1, 50 do t['k' .. i] = i end return t");
    struct trip other = make("local t = {} for i = 50, 1, -1 do t['k' .. i] = i end return t");
    cr_assert(one.whole && other.whole);
    cr_assert_eq(one.out.bytes, other.out.bytes);
    cr_assert(memcmp(one.out.data, other.out.data, one.out.bytes) == 0);
    peeper_writer_fini(&one.out);
    peeper_writer_fini(&other.out);
}

Test(lua_value, that_is_empty_is_a_list_only_if_it_says_so) {
    struct trip map = make("return {}"), list = make("return peeper.list {}");
    cr_assert_eq(peeper_value_kind(peeper_writer_value(&map.out)), PEEPER_MAP);
    cr_assert_eq(peeper_value_kind(peeper_writer_value(&list.out)), PEEPER_LIST);
    peeper_writer_fini(&map.out);
    peeper_writer_fini(&list.out);
}

Test(lua_value, that_is_no_data_is_refused_with_its_place) {
    refused("return print", "value: a function is no data");
    refused("return {a = {1, 2, print}}", "value.a[3]: a function is no data");
    refused("local t = {} t.t = t return t", "nested deeper than 64 levels, or contains itself");
    refused("return {1, 2, x = 3}", "value: its keys are neither 1..n nor all strings");
    refused("return {x = {[2] = 1}}", "value.x: its keys are neither 1..n nor all strings");
    refused("return {[1.5] = 1}", "value: its keys are");
    refused("return {a = 1, [true] = 1}", "value: its keys are");
    refused("return {setmetatable({}, {})}", "value[1]: a table with a metatable is no data");
    refused("return {'\\xff'}", "value[1]: a string that is not UTF-8");
    refused("return {['\\xff'] = 1}", "a key that is not UTF-8");
    refused("return coroutine.create(print)", "value: a coroutine is no data");
    refused("return peeper.unchanged", "value: it is no data");
    refused("return ('x'):rep(2000000)", "value: it is too large");
}
