// mkdtemp.
#define _GNU_SOURCE

#include "keeper/host_process.h"

#include "wire/turn.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char                  folder[64];
static char                  program[96];
static char                  report[96];
static struct keeper_options options;
static struct code_set      *set; // two files

static void begin(void) {
    strcpy(folder, "/tmp/peeper-test-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(program, sizeof program, "%s/host", folder);
    snprintf(report, sizeof report, "%s/report", folder);
    options = (struct keeper_options){
        .host_program = program,
        .workers = 2,
        .host_memory_bytes = 1234567890123u,
        .host_cache = 77,
        .table_bytes_max = 4321,
    };
    struct code_file *files[2];
    cr_assert(code_file_create(slice_of("b.so", 4), slice_of("B", 1), &files[0]) == STATUS_OK);
    cr_assert(code_file_create(slice_of("a.so", 4), slice_of("A", 1), &files[1]) == STATUS_OK);
    cr_assert(code_set_create(files, 2, &set) == STATUS_OK);
    code_file_release(files[0]);
    code_file_release(files[1]);
}

static void end(void) {
    code_set_release(set);
    unlink(program);
    unlink(report);
    rmdir(folder);
}

TestSuite(host_process, .init = begin, .fini = end, .timeout = 20);

// Makes the program a script.
static void script(const char *body) {
    FILE *file = fopen(program, "w");
    cr_assert(file != NULL);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    fclose(file);
    cr_assert(chmod(program, 0700) == 0);
}

static struct host *start(void) {
    struct host *host;
    cr_assert(host_process_start(&options, options.workers, set, &host) == STATUS_OK);
    return host;
}

// Waits for the end without reaping it.
static void await_end(const struct host *host) {
    siginfo_t info;
    cr_assert(waitid(P_PIDFD, (id_t)host->pidfd, &info, WEXITED | WNOWAIT) == 0);
}

static const char *reported(void) {
    static char text[8192];
    FILE       *file = fopen(report, "r");
    cr_assert(file != NULL);
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    text[bytes] = '\0';
    fclose(file);
    return text;
}

static void reap(struct host *host) {
    int code, status;
    await_end(host);
    cr_assert(host_process_reap(host, &code, &status));
    host_destroy(host);
}

Test(host_process, is_told_its_options) {
    char body[200];
    snprintf(body, sizeof body, "echo \"$@\" > %s", report);
    script(body);
    reap(start());
    char expected[200];
    snprintf(expected, sizeof expected,
             "--workers 2 --memory 1234567890123 --cache 77 --table-bytes 4321 "
             "--keeper %d --file a.so --file b.so\n",
             (int)getpid());
    cr_assert_str_eq(reported(), expected);
}

Test(host_process, makes_core_dumps_only_if_asked) {
    char body[200];
    snprintf(body, sizeof body, "echo \"$@\" > %s", report);
    script(body);
    options.core_dumps = true;
    reap(start());
    cr_assert(strstr(reported(), "--core-dumps") != NULL);
}

Test(host_process, gets_its_own_descriptors_and_no_others) {
    char body[300];
    // Of the names only the numbers: 0 to 11, for 3 + 3 * 2 + 1 descriptors and two of code.
    snprintf(body, sizeof body,
             "ls -l /proc/$$/fd | sed -n 's/.* \\([0-9]*\\) -> \\(.*\\)/\\1 \\2/p' > %s", report);
    script(body);
    int extra = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert(extra >= 0);
    reap(start());
    const char *text = reported();
    char        line[40];
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "\n%d /memfd:peeper-ring", HOST_FD_FIRST + 3 * i);
        cr_assert(strstr(text, line) != NULL, "%s", text);
        snprintf(line, sizeof line, "\n%d /memfd:peeper-ring", HOST_FD_FIRST + 3 * i + 1);
        cr_assert(strstr(text, line) != NULL, "%s", text);
        snprintf(line, sizeof line, "\n%d pipe:[", HOST_FD_FIRST + 3 * i + 2);
        cr_assert(strstr(text, line) != NULL, "%s", text);
    }
    snprintf(line, sizeof line, "\n%d pipe:[", HOST_FD_FIRST + 6);
    cr_assert(strstr(text, line) != NULL, "%s", text);
    snprintf(line, sizeof line, "\n%d /memfd:a.so", HOST_FD_FIRST + 7);
    cr_assert(strstr(text, line) != NULL, "%s", text);
    snprintf(line, sizeof line, "\n%d /memfd:b.so", HOST_FD_FIRST + 8);
    cr_assert(strstr(text, line) != NULL, "%s", text);
    cr_assert(strstr(text, "/dev/null") == NULL || strstr(text, "\n13 ") == NULL, "%s", text);
    close(extra);
}

Test(host_process, has_no_signal_blocked) {
    char body[200];
    snprintf(body, sizeof body, "exec grep SigBlk /proc/self/status > %s", report);
    script(body);
    sigset_t all, before;
    sigfillset(&all);
    cr_assert(sigprocmask(SIG_BLOCK, &all, &before) == 0);
    struct host *host = start();
    sigprocmask(SIG_SETMASK, &before, NULL);
    reap(host);
    cr_assert(strstr(reported(), "0000000000000000") != NULL, "%s", reported());
}

Test(host_process, tells_how_it_exited) {
    script("exit 7");
    struct host *host = start();
    int          code = 0, status = 0;
    await_end(host);
    cr_assert(host_process_reap(host, &code, &status));
    cr_assert(code == CLD_EXITED);
    cr_assert(status == 7);
    host_destroy(host);
}

Test(host_process, is_not_reaped_while_it_runs_and_can_be_killed) {
    script("exec tail -f /dev/null");
    struct host *host = start();
    int          code = 0, status = 0;
    cr_assert(!host_process_reap(host, &code, &status));
    cr_assert(code == 0);
    cr_assert(host_process_memory(host) > 0);
    host_process_kill(host);
    await_end(host);
    host_process_kill(host);
    cr_assert(host_process_reap(host, &code, &status));
    cr_assert(code == CLD_KILLED);
    cr_assert(status == SIGKILL);
    host_process_kill(host);
    cr_assert(host_process_memory(host) == 0);
    host_destroy(host);
}

Test(host_process, one_that_somebody_else_has_reaped_counts_as_reaped) {
    script("exit 0");
    struct host *host = start();
    cr_assert(waitpid(host->pid, NULL, 0) == host->pid);
    int code, status;
    cr_assert(host_process_reap(host, &code, &status));
    host_destroy(host);
}

Test(host_process, a_program_that_is_not_there_is_a_failure) {
    struct host *host = NULL;
    cr_assert(host_process_start(&options, options.workers, set, &host) == STATUS_IO);
    cr_assert(host == NULL);
}

Test(host_process, a_killing_without_a_process_is_harmless) {
    struct host *host;
    cr_assert(host_create(1, &host) == STATUS_OK);
    host_process_kill(host);
    cr_assert(host_process_memory(host) == 0);
    host_destroy(host);
}
