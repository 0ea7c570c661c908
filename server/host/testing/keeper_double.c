// For memfd-backed rings, pidfd-free waiting and fcntl's duplicates beside gnu11.
#define _GNU_SOURCE
#include "host/testing/keeper_double.h"

#include "base/clock.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// Above every number that the host's descriptors get.
#define LIFTED_FD 256
#define ARGUMENTS_MAX 64
#define FILES_MAX 32

static struct turns_control *turns_control(struct keeper_double *keeper, uint32_t worker) {
    return (struct turns_control *)(void *)keeper->turns[worker].control;
}

static struct commits_control *commits_control(struct keeper_double *keeper, uint32_t worker) {
    return (struct commits_control *)(void *)keeper->commits[worker].control;
}

// --- Start and end -------------------------------------------------------------------------------

static void lift(int fd, int *ret_fd) {
    *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, LIFTED_FD);
    if (*ret_fd < 0) _exit(126);
}

static int is_object(const struct dirent *entry) {
    size_t bytes = strlen(entry->d_name);
    if (bytes > 4 && strcmp(entry->d_name + bytes - 4, ".lua") == 0) return 1;
    return bytes > 3 && strcmp(entry->d_name + bytes - 3, ".so") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

// What becomes of "--behaviours DIR": its files by name, and behind the rings their descriptors; of
// "--versions NAME": that one of the versions.
static void add_file(const char *directory, const char *name, char **argv, int *argc, int *fds,
                     uint32_t *count) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    argv[(*argc)++] = (char *)"--file";
    argv[(*argc)++] = (char *)name;
    lift(open(path, O_RDONLY | O_CLOEXEC), &fds[(*count)++]);
}

static void add_files(const char *directory, char **argv, int *argc, int *fds, uint32_t *count) {
    struct dirent **entries = NULL;
    int             found = scandir(directory, &entries, is_object, by_bytes);
    for (int i = 0; i < found; i++) {
        add_file(directory, entries[i]->d_name, argv, argc, fds, count);
    }
}

static _Noreturn void become_host(struct keeper_double *keeper, const char *const *arguments) {
    int      fds[3 * DOUBLE_WORKERS_MAX + 1 + FILES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < keeper->workers; i++) {
        lift(keeper->turns[i].fd, &fds[count++]);
        lift(keeper->commits[i].fd, &fds[count++]);
        lift(keeper->wake_fds[i], &fds[count++]);
    }
    lift(keeper->keeper_fd, &fds[count++]);

    char *argv[ARGUMENTS_MAX] = {(char *)PEEPER_HOST_PATH};
    int   argc = 1;
    for (int i = 0; arguments[i] != NULL; i++) {
        if (strcmp(arguments[i], "--behaviours") == 0) {
            add_files(arguments[++i], argv, &argc, fds, &count);
        } else if (strcmp(arguments[i], "--versions") == 0) {
            add_file(PEEPER_VERSIONS, arguments[++i], argv, &argc, fds, &count);
        } else {
            argv[argc++] = (char *)arguments[i];
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (dup2(fds[i], HOST_FD_FIRST + (int)i) < 0) _exit(126);
    }
    execv(argv[0], argv);
    _exit(127);
}

void double_start(struct keeper_double *keeper, uint32_t workers, const char *const *arguments) {
    cr_assert(workers <= DOUBLE_WORKERS_MAX);
    memset(keeper, 0, sizeof *keeper);
    keeper->workers = workers;
    keeper->turn_next = 1;
    keeper->keeper_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    cr_assert(keeper->keeper_fd >= 0);
    for (uint32_t i = 0; i < workers; i++) {
        keeper->wake_fds[i] = eventfd(0, EFD_CLOEXEC);
        cr_assert(keeper->wake_fds[i] >= 0);
        cr_assert(ring_create(&keeper->turns[i], TURN_RING_BYTES, TURN_BULK_BYTES, true) ==
                  STATUS_OK);
        cr_assert(ring_create(&keeper->commits[i], COMMIT_RING_BYTES, COMMIT_BULK_BYTES, false) ==
                  STATUS_OK);
    }
    keeper->pid = fork();
    cr_assert(keeper->pid >= 0);
    if (keeper->pid == 0) become_host(keeper, arguments);
}

int double_wait_exit(struct keeper_double *keeper) {
    int status = 0;
    cr_assert(waitpid(keeper->pid, &status, 0) == keeper->pid);
    keeper->pid = 0;
    return status;
}

void double_stop(struct keeper_double *keeper) {
    if (keeper->pid > 0) {
        kill(keeper->pid, SIGKILL);
        double_wait_exit(keeper);
    }
    for (uint32_t i = 0; i < keeper->workers; i++) {
        ring_fini(&keeper->turns[i]);
        ring_fini(&keeper->commits[i]);
        close(keeper->wake_fds[i]);
    }
    close(keeper->keeper_fd);
}

// --- Turns ---------------------------------------------------------------------------------------

static void write_body(struct keeper_double *keeper, uint32_t worker, struct turn_record *record,
                       const void *const *parts) {
    const uint32_t sizes[] = {record->name_bytes, record->payload_bytes, record->state_bytes};
    uint8_t *at = record->flags & TURN_BULK ? keeper->turns[worker].bulk : (uint8_t *)(record + 1);
    for (int i = 0; i < 3; i++) {
        if (sizes[i] > 0) memcpy(at, parts[i], sizes[i]);
        at += sizes[i];
    }
}

uint64_t double_write(struct keeper_double *keeper, uint32_t worker, struct double_turn turn) {
    struct peeper_writer payload = {0}, state = {0};
    if (turn.payload != NULL) double_value(&payload, turn.payload);
    if (turn.state != NULL) double_value(&state, turn.state);
    struct peeper_value raw = turn.raw.bytes > 0 ? turn.raw : peeper_writer_value(&payload);
    const void         *parts[] = {turn.name, raw.data, state.data};
    struct ring        *ring = &keeper->turns[worker];
    struct turn_record  record = {
         .kind = (uint8_t)turn.kind,
         .flags = turn.flags,
         .behaviour = turn.behaviour,
         .slot = turn.slot,
         .epoch = turn.epoch,
         .turn = keeper->turn_next++,
         .incarnation = turn.incarnation,
         .name_bytes = turn.name != NULL ? (uint32_t)strlen(turn.name) : 0,
         .payload_bytes = (uint32_t)raw.bytes,
         .state_bytes = (uint32_t)state.bytes,
         .rows = turn.rows,
    };
    if (turn.state != NULL) record.flags |= TURN_HAS_STATE;
    size_t bytes = record.name_bytes + raw.bytes + state.bytes;
    if (sizeof record + bytes > ring_record_bytes_max(ring)) {
        record.flags |= TURN_BULK;
        bytes = 0;
    }
    record.record_bytes = (uint32_t)ring_round(sizeof record + bytes);

    struct turn_record *at =
        (struct turn_record *)(void *)ring_at(ring, keeper->turn_heads[worker]);
    *at = record;
    write_body(keeper, worker, at, parts);
    keeper->turn_heads[worker] += record.record_bytes;
    peeper_writer_fini(&payload);
    peeper_writer_fini(&state);
    return record.turn;
}

static void wake(struct keeper_double *keeper, uint32_t worker) {
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&commits_control(keeper, worker)->worker_sleep) == 0) return;
    uint64_t one = 1;
    cr_assert(write(keeper->wake_fds[worker], &one, sizeof one) == sizeof one);
}

void double_publish(struct keeper_double *keeper, uint32_t worker) {
    atomic_store_explicit(&turns_control(keeper, worker)->head, keeper->turn_heads[worker],
                          memory_order_release);
    wake(keeper, worker);
}

void double_recall(struct keeper_double *keeper, uint32_t worker) {
    atomic_store(&turns_control(keeper, worker)->recall_to, keeper->turn_heads[worker]);
}

void double_wait_sleep(struct keeper_double *keeper, uint32_t worker) {
    uint64_t deadline_ms = clock_mono_ms() + DOUBLE_WAIT_MS;
    while (atomic_load(&commits_control(keeper, worker)->worker_sleep) == 0) {
        cr_assert_lt(clock_mono_ms(), deadline_ms);
        sched_yield();
    }
}

// --- Commits -------------------------------------------------------------------------------------

// Sleeps as the keeper does: odd first, then one more look, then the eventfd.
static void sleep_until(struct keeper_double *keeper, uint32_t worker,
                        bool (*done)(struct keeper_double *, uint32_t)) {
    uint64_t deadline_ms = clock_mono_ms() + DOUBLE_WAIT_MS;
    while (!done(keeper, worker)) {
        atomic_fetch_add(&turns_control(keeper, worker)->keeper_sleep, 1);
        atomic_thread_fence(memory_order_seq_cst);
        struct pollfd ring = {.fd = keeper->keeper_fd, .events = POLLIN};
        int           left_ms = (int)(deadline_ms - clock_mono_ms());
        if (!done(keeper, worker)) cr_assert(left_ms > 0 && poll(&ring, 1, left_ms) >= 0);
        uint64_t count;
        if (read(keeper->keeper_fd, &count, sizeof count) < 0) cr_assert(errno == EAGAIN);
        atomic_fetch_add(&turns_control(keeper, worker)->keeper_sleep, 1);
    }
}

static bool has_commit(struct keeper_double *keeper, uint32_t worker) {
    return atomic_load_explicit(&commits_control(keeper, worker)->head, memory_order_acquire) !=
           keeper->commit_tails[worker];
}

static bool has_death(struct keeper_double *keeper, uint32_t worker) {
    return atomic_load_explicit(&commits_control(keeper, worker)->death, memory_order_acquire) !=
           DEATH_NONE;
}

struct commits_control *double_wait_death(struct keeper_double *keeper, uint32_t worker) {
    sleep_until(keeper, worker, has_death);
    return commits_control(keeper, worker);
}

void double_take(struct keeper_double *keeper, uint32_t worker, struct double_commit *ret_commit) {
    sleep_until(keeper, worker, has_commit);
    struct ring                *ring = &keeper->commits[worker];
    const struct commit_record *record =
        (const struct commit_record *)(void *)ring_at(ring, keeper->commit_tails[worker]);
    const uint8_t *items = record->flags & COMMIT_BULK ? ring->bulk : (const uint8_t *)(record + 1);
    *ret_commit =
        (struct double_commit){.record = *record, .items = malloc(record->item_bytes + 1)};
    memcpy(ret_commit->items, items, record->item_bytes);
    keeper->commit_tails[worker] += record->record_bytes;
    atomic_store_explicit(&turns_control(keeper, worker)->commits_tail,
                          keeper->commit_tails[worker], memory_order_release);
    wake(keeper, worker);
}

void double_commit_free(struct double_commit *commit) {
    free(commit->items);
    commit->items = NULL;
}

void double_run(struct keeper_double *keeper, struct double_turn turn,
                struct double_commit *ret_commit) {
    uint64_t number = double_write(keeper, 0, turn);
    double_publish(keeper, 0);
    double_take(keeper, 0, ret_commit);
    cr_assert_eq(ret_commit->record.turn, number);
}

bool double_item(const struct double_commit *commit, enum item_kind kind, uint32_t index,
                 struct item_header *ret_head, struct peeper_value *ret_body,
                 const char **ret_name) {
    size_t at = 0;
    while (at < commit->record.item_bytes) {
        struct item_header head;
        memcpy(&head, commit->items + at, sizeof head);
        const uint8_t *name = commit->items + at + sizeof head;
        at += ring_round(sizeof head + head.name_bytes + head.body_bytes);
        if (head.kind != kind || index-- > 0) continue;
        *ret_head = head;
        *ret_body = (struct peeper_value){name + head.name_bytes, head.body_bytes};
        if (ret_name != NULL) *ret_name = (const char *)name;
        return true;
    }
    return false;
}

bool double_has(const struct double_commit *commit, enum item_kind kind, const char *text) {
    struct peeper_writer wanted = {0};
    struct item_header   head;
    struct peeper_value  body;
    double_value(&wanted, text);
    bool same = double_item(commit, kind, 0, &head, &body, NULL) && body.bytes == wanted.bytes &&
                memcmp(body.data, wanted.data, body.bytes) == 0;
    peeper_writer_fini(&wanted);
    return same;
}

// --- Values --------------------------------------------------------------------------------------

static const char *blank(const char *text) {
    while (*text == ' ' || *text == ',' || *text == ':') text++;
    return text;
}

static const char *string_end(const char *text) {
    const char *end = strchr(text + 1, '"');
    cr_assert(end != NULL);
    return end;
}

static const char *number(struct peeper_writer *writer, const char *text) {
    size_t bytes = strspn(text, "-+.0123456789e");
    cr_assert(bytes > 0, "no Value: %s", text);
    if (strcspn(text, ".e") < bytes) {
        peeper_write_double(writer, strtod(text, NULL));
    } else {
        peeper_write_int(writer, strtoll(text, NULL, 10));
    }
    return text + bytes;
}

static const char *word(struct peeper_writer *writer, const char *text) {
    if (strncmp(text, "null", 4) == 0) {
        peeper_write_null(writer);
    } else {
        peeper_write_bool(writer, *text == 't');
    }
    while (isalpha((unsigned char)*text)) text++;
    return text;
}

// One Value; answers where it ends.
static const char *read_value(struct peeper_writer *writer, const char *text) {
    text = blank(text);
    if (*text == '"') {
        const char *end = string_end(text);
        peeper_write_string_n(writer, text + 1, (size_t)(end - text - 1));
        return end + 1;
    }
    if (*text != '[' && *text != '{') {
        return isalpha((unsigned char)*text) ? word(writer, text) : number(writer, text);
    }
    bool map = *text == '{';
    if (map) peeper_write_map(writer);
    if (!map) peeper_write_list(writer);
    for (text = blank(text + 1); *text != ']' && *text != '}'; text = blank(text)) {
        if (map) {
            const char *end = string_end(text);
            peeper_write_key_n(writer, text + 1, (size_t)(end - text - 1));
            text = end + 1;
        }
        text = read_value(writer, text);
    }
    peeper_write_end(writer);
    return text + 1;
}

void double_value(struct peeper_writer *writer, const char *text) {
    read_value(writer, text);
    cr_assert(peeper_writer_done(writer), "no Value: %s", text);
}
