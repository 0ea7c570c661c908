// mkdtemp.
#define _GNU_SOURCE

#include "keeper/code_set.h"

#include "base/log.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct slice text(const char *string) {
    return slice_of(string, strlen(string));
}

static struct code_file *file_of(const char *name, const char *content) {
    struct code_file *file;
    cr_assert(code_file_create(text(name), text(content), &file) == STATUS_OK);
    return file;
}

static void check_content(const struct code_file *file, const char *content) {
    char room[64] = "";
    cr_assert_eq(file->bytes, strlen(content));
    cr_assert_eq(pread(file->fd, room, sizeof room, 0), (ssize_t)strlen(content));
    cr_assert(memcmp(room, content, strlen(content)) == 0);
}

Test(code_set, takes_a_file_for_code_by_the_end_of_its_name, .timeout = 5) {
    cr_assert(code_name_valid(text("a.so")));
    cr_assert(code_name_valid(text("two words.so")));
    const char *const bad[] = {"", ".so", "a", "a.so.1", "a.txt", "d/a.so", "../a.so", "a\n.so"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!code_name_valid(text(bad[i])), "%s", bad[i]);
    }
    char name[CODE_NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof name);
    memcpy(name + CODE_NAME_BYTES_MAX - 3, ".so", 3);
    cr_assert(code_name_valid(slice_of(name, CODE_NAME_BYTES_MAX)));
    memcpy(name + CODE_NAME_BYTES_MAX - 2, ".so", 3);
    cr_assert(!code_name_valid(slice_of(name, CODE_NAME_BYTES_MAX + 1)));
}

Test(code_set, a_file_cannot_be_changed_by_those_who_get_it, .timeout = 5) {
    struct code_file *file = file_of("a.so", "content");
    check_content(file, "content");
    cr_assert_eq(pwrite(file->fd, "x", 1, 0), -1);
    cr_assert_eq(errno, EPERM);
    cr_assert_eq(ftruncate(file->fd, 1), -1);
    void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    cr_assert(mapped == MAP_FAILED);
    code_file_release(file);
}

Test(code_set, refuses_what_is_no_name_or_too_large, .timeout = 20) {
    struct code_file *file = NULL;
    cr_assert(code_file_create(text("a"), text("x"), &file) == STATUS_INVALID);
    // The size alone decides; the bytes are not looked at.
    struct slice large = slice_of("x", CODE_FILE_BYTES_MAX + 1);
    cr_assert(code_file_create(text("a.so"), large, &file) == STATUS_TOO_LARGE);
    cr_assert(file == NULL);
}

Test(code_set, files_are_the_same_if_their_content_is, .timeout = 5) {
    struct code_file *a = file_of("a.so", "one"), *b = file_of("b.so", "one"),
                     *c = file_of("c.so", "two"), *d = file_of("d.so", "three");
    cr_assert(code_file_same(a, a));
    cr_assert(code_file_same(a, b));
    cr_assert(!code_file_same(a, c));
    cr_assert(!code_file_same(a, d));
    code_file_release(a);
    code_file_release(b);
    code_file_release(c);
    code_file_release(d);
    code_file_release(NULL);
}

Test(code_set, is_in_the_order_of_names_and_shares_files_with_its_successor, .timeout = 5) {
    struct code_file *files[] = {file_of("b.so", "B"), file_of("a.so", "A")};
    struct code_file *again = file_of("b2.so", "B2"), *more = file_of("c.so", "C");
    struct code_set  *first, *second, *third;
    cr_assert(code_set_create(files, 2, &first) == STATUS_OK);
    code_file_release(files[0]);
    code_file_release(files[1]);
    cr_assert_str_eq(first->files[0]->name, "a.so");
    cr_assert_str_eq(first->files[1]->name, "b.so");

    cr_assert(code_set_with(first, text("b.so"), again, &second) == STATUS_OK);
    code_file_release(again);
    cr_assert_eq(second->count, 2);
    cr_assert(second->files[0] == first->files[0]);
    cr_assert(code_set_find(second, text("b.so")) == NULL);

    cr_assert(code_set_with(second, text("c.so"), more, &third) == STATUS_OK);
    code_file_release(more);
    cr_assert_eq(third->count, 3);
    code_set_release(first);
    code_set_release(second);
    check_content(code_set_find(third, text("a.so")), "A");
    check_content(code_set_find(third, text("b2.so")), "B2");
    check_content(code_set_find(third, text("c.so")), "C");
    code_set_release(third);
    code_set_release(NULL);
}

Test(code_set, refuses_more_files_than_a_host_may_load, .timeout = 5) {
    static struct code_file *files[HOST_FILES_MAX + 1];
    struct code_file        *one = file_of("a.so", "A"), *other = file_of("b.so", "B");
    struct code_set         *set = NULL, *larger = NULL;
    for (uint32_t i = 0; i <= HOST_FILES_MAX; i++) files[i] = one;
    cr_assert(code_set_create(files, HOST_FILES_MAX + 1, &set) == STATUS_FULL);
    cr_assert(code_set_create(files, HOST_FILES_MAX, &set) == STATUS_OK);
    cr_assert(code_set_with(set, text("b.so"), other, &larger) == STATUS_FULL);
    code_set_release(set);
    code_file_release(one);
    code_file_release(other);
}

static void put_file(const char *folder, const char *name, const char *content) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL);
    fputs(content, file);
    fclose(file);
}

Test(code_set, of_a_directory_is_its_code_as_it_was_then, .timeout = 10) {
    char folder[64] = "/tmp/peeper-test-XXXXXX", path[128];
    cr_assert(mkdtemp(folder) != NULL);
    put_file(folder, "z.so", "Z");
    put_file(folder, "a.so", "A");
    put_file(folder, "notes.txt", "no code");
    snprintf(path, sizeof path, "%s/folder.so", folder);
    cr_assert(mkdir(path, 0700) == 0);
    // A pipe must not be waited for.
    snprintf(path, sizeof path, "%s/pipe.so", folder);
    cr_assert(mkfifo(path, 0600) == 0);

    struct code_set *set;
    log_level_set((enum log_level)(LOG_LEVEL_ERROR + 1));
    cr_assert(code_set_read(folder, &set) == STATUS_OK);
    put_file(folder, "a.so", "changed");
    cr_assert_eq(set->count, 2);
    check_content(set->files[0], "A");
    check_content(set->files[1], "Z");
    code_set_release(set);

    snprintf(path, sizeof path, "rm -r %s", folder);
    cr_assert(system(path) == 0);
    cr_assert(code_set_read(folder, &set) == STATUS_IO);
}
