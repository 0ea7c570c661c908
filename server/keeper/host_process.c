#define _GNU_SOURCE
#include "keeper/host_process.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_FDS_MAX (3 * HOST_WORKERS_MAX + 1 + HOST_FILES_MAX)
#define HOST_ARGUMENTS_MAX (16 + 2 * HOST_FILES_MAX)

extern char **environ;

static uint32_t collect_fds(const struct host *host, const struct code_set *code, int *fds) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < host->worker_count; i++) {
        fds[count++] = host->workers[i].turns.fd;
        fds[count++] = host->workers[i].commits.fd;
        fds[count++] = host->workers[i].doorbell_host;
    }
    fds[count++] = host->doorbell_host;
    for (uint32_t i = 0; i < code->count; i++) fds[count++] = code->files[i]->fd;
    return count;
}

// A descriptor may sit on a number that another one must get. So all are first lifted above the
// range, but no higher: each time the table of descriptors grows the kernel waits for all
// processors.
static bool lift_fds(int *fds, uint32_t count) {
    int above = HOST_FD_FIRST + (int)count;
    for (uint32_t i = 0; i < count; i++) {
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, above);
        if (fds[i] >= 0) continue;
        while (i-- > 0) close(fds[i]);
        return false;
    }
    return true;
}

// The command line of a host, with the numbers in it.
struct arguments {
    char        workers[16], memory[32], cache[16], tables[32], keeper[16];
    const char *list[HOST_ARGUMENTS_MAX]; // NULL at the end
};

static void fill_arguments(struct arguments *arguments, const struct keeper_options *options,
                           uint32_t workers, const struct code_set *code) {
    const char *head[] = {options->host_program, "--workers", arguments->workers, "--memory",
                          arguments->memory,     "--cache",   arguments->cache,   "--table-bytes",
                          arguments->tables,     "--keeper",  arguments->keeper};
    size_t      count = sizeof head / sizeof head[0];
    snprintf(arguments->workers, sizeof arguments->workers, "%u", workers);
    snprintf(arguments->memory, sizeof arguments->memory, "%llu",
             (unsigned long long)options->host_memory_bytes);
    snprintf(arguments->keeper, sizeof arguments->keeper, "%d", (int)getpid());
    snprintf(arguments->tables, sizeof arguments->tables, "%llu",
             (unsigned long long)options->table_bytes_max);
    snprintf(arguments->cache, sizeof arguments->cache, "%u", options->host_cache);
    memcpy(arguments->list, head, sizeof head);
    if (options->core_dumps) arguments->list[count++] = "--core-dumps";
    for (uint32_t i = 0; i < code->count; i++) {
        arguments->list[count++] = "--file";
        arguments->list[count++] = code->files[i]->name;
    }
    arguments->list[count] = NULL;
}

static int spawn(const struct arguments *arguments, const int *fds, uint32_t fd_count,
                 pid_t *ret_pid) {

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t          attributes;
    sigset_t                   none;
    int                        error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawnattr_init(&attributes);
    if (error != 0) goto destroy_actions;

    for (uint32_t i = 0; i < fd_count && error == 0; i++) {
        error = posix_spawn_file_actions_adddup2(&actions, fds[i], HOST_FD_FIRST + (int)i);
    }
    sigemptyset(&none);
    if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (error == 0) error = posix_spawnattr_setpgroup(&attributes, 0);
    if (error == 0) {
        error =
            posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    }
    if (error == 0) {
        error = posix_spawn(ret_pid, arguments->list[0], &actions, &attributes,
                            (char *const *)arguments->list, environ);
    }
    posix_spawnattr_destroy(&attributes);
destroy_actions:
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

enum status host_process_start(const struct keeper_options *options, uint32_t workers,
                               const struct code_set *code, struct host **ret_host) {
    struct arguments arguments;
    struct host     *host;
    enum status      status = host_create(workers, &host);
    if (status != STATUS_OK) return status;

    int      fds[HOST_FDS_MAX];
    uint32_t fd_count = collect_fds(host, code, fds);
    status = STATUS_IO;
    if (!lift_fds(fds, fd_count)) goto destroy_host;
    fill_arguments(&arguments, options, workers, code);
    int error = spawn(&arguments, fds, fd_count, &host->pid);
    for (uint32_t i = 0; i < fd_count; i++) close(fds[i]);
    if (error != 0) goto destroy_host;

    host->spawned_ms = clock_mono_ms();
    host->pidfd = (int)syscall(SYS_pidfd_open, host->pid, 0);
    if (host->pidfd < 0) {
        kill(host->pid, SIGKILL);
        waitpid(host->pid, NULL, 0);
        goto destroy_host;
    }
    *ret_host = host;
    return STATUS_OK;

destroy_host:
    host_destroy(host);
    return status;
}

void host_process_kill(const struct host *host) {
    // By pidfd, so that a pid which has been reused is never hit.
    (void)syscall(SYS_pidfd_send_signal, host->pidfd, SIGKILL, NULL, 0);
}

bool host_process_reap(struct host *host, int *ret_code, int *ret_status) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)host->pidfd, &info, WEXITED | WNOHANG) != 0) {
        if (errno != ECHILD) return false;
        *ret_code = *ret_status = 0;
        return true;
    }
    if (info.si_pid == 0) return false;
    *ret_code = info.si_code;
    *ret_status = info.si_status;
    return true;
}

uint64_t host_process_memory(const struct host *host) {
    char               path[48];
    unsigned long long size, resident, shared;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)host->pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    int found = fscanf(file, "%llu %llu %llu", &size, &resident, &shared);
    fclose(file);
    if (found != 3 || shared > resident) return 0;
    return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}
