#include "keeper/keys.h"

#include "keeper/timers.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static struct keys keys;

static void begin(void) {
    cr_assert(keys_init(&keys, 10000, 8u << 20, 7) == STATUS_OK);
}

static void end(void) {
    keys_fini(&keys);
}

TestSuite(keys, .init = begin, .fini = end, .timeout = 10);

static struct slice raw(const char *string) {
    return slice_of(string, strlen(string));
}

static struct key_asked asked(const char *name, const char *key, const char *message) {
    struct request request = {
        .verb = VERB_CALL, .name = raw(name), .key = raw(key), .payload = raw(message)};
    struct key_asked described;
    keys_describe(&keys, &request, &described);
    return described;
}

static struct key *add(const char *name) {
    struct key_asked described = asked("a", name, "m");
    struct key      *key;
    cr_assert(keys_add(&keys, &described, &key) == STATUS_OK);
    return key;
}

static void keep(struct key *key, const char *reply, uint64_t now_ms) {
    struct answer answer = {.kind = ANSWER_REPLY, .payload = raw(reply)};
    keys_keep(&keys, key, &answer, now_ms);
}

Test(keys, a_key_and_a_name_are_told_apart_wherever_one_ends) {
    struct key_asked first = asked("bc", "a", "m"), second = asked("c", "ab", "m");
    struct key      *key;
    cr_assert(keys_add(&keys, &first, &key) == STATUS_OK);
    cr_assert(keys_find(&keys, &first) == key);
    cr_assert(keys_find(&keys, &second) == NULL);
}

Test(keys, the_longest_name_and_the_longest_key_fit) {
    char name[256], text[65];
    memset(name, 'n', sizeof name);
    memset(text, 'k', sizeof text);
    name[255] = text[64] = '\0';
    struct key_asked longest = asked(name, text, "m");
    cr_assert(longest.scope_bytes == KEY_SCOPE_BYTES_MAX);
    struct key *key;
    cr_assert(keys_add(&keys, &longest, &key) == STATUS_OK);
    cr_assert(keys_find(&keys, &longest) == key);
    text[63] = 'l';
    longest = asked(name, text, "m");
    cr_assert(keys_find(&keys, &longest) == NULL);
}

Test(keys, the_payload_is_no_part_of_what_a_key_is_found_by_but_is_compared) {
    struct key      *key = add("k");
    struct key_asked same = asked("a", "k", "m"), other = asked("a", "k", "n");
    struct key_asked none = asked("a", "k", "");
    cr_assert(keys_find(&keys, &other) == key);
    cr_assert(key_same_payload(key, &same));
    cr_assert(!key_same_payload(key, &other));
    cr_assert(!key_same_payload(key, &none));
}

Test(keys, all_of_many_are_found_by_scope_and_as_callers_until_they_are_dropped) {
    char        name[8];
    struct key *all[5000];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "%d", i);
        all[i] = add(name);
    }
    cr_assert(keys.bucket_count > 64);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "%d", i);
        struct key_asked described = asked("a", name, "m");
        cr_assert(keys_find(&keys, &described) == all[i]);
        cr_assert(keys_find_caller(&keys, key_caller(all[i])) == all[i]);
        struct caller caller = key_caller(all[i]);
        cr_assert(caller.conn == CALLER_KEYED);
        if (i % 2 == 0) keys_drop(&keys, all[i]);
        cr_assert((keys_find(&keys, &described) == NULL) == (i % 2 == 0));
        cr_assert((keys_find_caller(&keys, caller) == NULL) == (i % 2 == 0));
    }
    cr_assert(keys.count == 2500);
}

Test(keys, the_caller_of_a_dropped_key_is_not_that_of_the_next_one_with_its_scope) {
    struct key   *key = add("k");
    struct caller before = key_caller(key);
    keys_drop(&keys, key);
    key = add("k");
    cr_assert(keys_find_caller(&keys, before) == NULL);
    cr_assert(keys_find_caller(&keys, key_caller(key)) == key);
}

Test(keys, a_serial_is_never_0) {
    keys.serial_next = UINT32_MAX;
    cr_assert(key_caller(add("a")).generation == UINT32_MAX);
    cr_assert(key_caller(add("b")).generation == 1);
}

Test(keys, room_is_made_by_the_oldest_that_are_kept_and_never_by_open_ones) {
    keys.count_max = 3;
    add("open");
    struct key *old = add("old");
    keep(add("older"), "r", 1);
    keep(old, "r", 2);
    add("new");
    struct key_asked open = asked("a", "open", "m"), older = asked("a", "older", "m");
    cr_assert(keys_find(&keys, &open) != NULL);
    cr_assert(keys_find(&keys, &older) == NULL);
    cr_assert(keys_oldest(&keys) == old);
    add("newer");
    struct key_asked more = asked("a", "more", "m");
    struct key      *key;
    cr_assert(keys_add(&keys, &more, &key) == STATUS_OVERLOADED);
    cr_assert(keys.evicted == 2);
}

Test(keys, outcomes_come_back_as_they_were) {
    struct answer  answer;
    struct failure failure;
    struct key    *key = add("reply");
    keep(key, "reply", 1);
    key_outcome(key, &answer, &failure);
    cr_assert(answer.kind == ANSWER_REPLY);
    cr_assert(answer.payload.bytes == 5 && memcmp(answer.payload.data, "reply", 5) == 0);

    key = add("done");
    keys_keep(&keys, key, &(struct answer){.kind = ANSWER_DONE}, 1);
    key_outcome(key, &answer, &failure);
    cr_assert(answer.kind == ANSWER_DONE && answer.payload.bytes == 0);

    key = add("error");
    char text[] = "it went";
    failure = (struct failure){
        .status = STATUS_DOWN, .message = text, .reason = raw("why"), .kind = "exit"};
    keys_keep(&keys, key, &(struct answer){.kind = ANSWER_ERROR, .failure = &failure}, 1);
    memset(text, 'x', sizeof text - 1);
    struct failure told;
    key_outcome(key, &answer, &told);
    cr_assert(answer.kind == ANSWER_ERROR && answer.failure == &told);
    cr_assert(told.status == STATUS_DOWN);
    cr_assert_str_eq(told.message, "it went");
    cr_assert_str_eq(told.kind, "exit");
    cr_assert(told.reason.bytes == 3 && memcmp(told.reason.data, "why", 3) == 0);
    cr_assert(told.not_retryable);

    key = add("bare error");
    failure = (struct failure){.status = STATUS_CRASHED};
    keys_keep(&keys, key, &(struct answer){.kind = ANSWER_ERROR, .failure = &failure}, 1);
    key_outcome(key, &answer, &told);
    cr_assert(told.message == NULL && told.reason.bytes == 0);
}

Test(keys, what_is_old_enough_expires_oldest_first_and_no_more_than_asked) {
    struct key *young = add("young");
    keep(add("a"), "r", 10);
    keep(add("b"), "r", 20);
    keep(add("c"), "r", 20);
    keep(young, "r", 30);
    keys_expire(&keys, 9, 100);
    cr_assert(keys.count == 4);
    keys_expire(&keys, 20, 2);
    cr_assert(keys.count == 2);
    keys_expire(&keys, 29, 100);
    cr_assert(keys.count == 1);
    cr_assert(keys_oldest(&keys) == young);
    cr_assert(keys.evicted == 0);
}
