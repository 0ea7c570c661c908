// For close_range and setrlimit names.
#define _GNU_SOURCE
#include "host/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

// For what loading a shared object, a log or a curious behaviour opens for a moment.
#define SPARE_FDS 64

enum status process_bind(pid_t parent) {
    prctl(PR_SET_NAME, "peeper-host");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return STATUS_IO;
    // A parent that ended before the line above sends nothing any more.
    return getppid() == parent ? STATUS_OK : STATUS_CLOSED;
}

uint64_t process_data_bytes(void) {
    char text[256];
    int  fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t bytes = read(fd, text, sizeof text);
    close(fd);

    // Pages; data and stack are the sixth number.
    int      field = 0;
    uint64_t number = 0;
    for (ssize_t i = 0; i < bytes; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            number = number * 10 + (uint64_t)(text[i] - '0');
            continue;
        }
        if (++field == 6) return number * (uint64_t)sysconf(_SC_PAGESIZE);
        number = 0;
    }
    return 0;
}

static bool limit(int resource, uint64_t value) {
    struct rlimit limits = {.rlim_cur = value, .rlim_max = value};
    return setrlimit((__rlimit_resource_t)resource, &limits) == 0;
}

static enum status take_descriptors(int fd_count) {
    for (int fd = STDERR_FILENO + 1; fd < fd_count; fd++) {
        if (fcntl(fd, F_GETFD) < 0) return STATUS_INVALID;
    }
    if (close_range((unsigned)fd_count, ~0u, 0) != 0) return STATUS_IO;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0) return STATUS_IO;
    bool moved = dup2(null, STDIN_FILENO) == STDIN_FILENO;
    if (null != STDIN_FILENO) close(null);
    return moved ? STATUS_OK : STATUS_IO;
}

static void ignore_signals(void) {
    // A Ctrl-C goes to the whole group, and a service manager may signal it too; but only the
    // keeper decides when its hosts end, after the last turn has been answered.
    static const int IGNORED[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof IGNORED / sizeof IGNORED[0]; i++) signal(IGNORED[i], SIG_IGN);
}

static bool forbid_core(void) {
    // Not dumpable: where cores go through a pipe the limit alone does not spare the kernel the
    // work.
    return limit(RLIMIT_CORE, 0) && prctl(PR_SET_DUMPABLE, 0) == 0;
}

enum status process_confine(const struct process_limits *limits, uint64_t *ret_data_bytes_max) {
    enum status status = take_descriptors(limits->fd_count);
    if (status != STATUS_OK) return status;
    ignore_signals();
    if (!limits->core_dumps && !forbid_core()) return STATUS_IO;
    if (!limit(RLIMIT_NOFILE, (uint64_t)limits->fd_count + SPARE_FDS)) return STATUS_IO;
    if (limits->memory_bytes_max == 0) {
        *ret_data_bytes_max = 0;
        return STATUS_OK;
    }
    // DATA, not AS: it counts what a behaviour can use up (heap, anonymous mappings, stacks) and
    // not the rings, which are address space for the most part. On top of what is there already:
    // next to nothing, but terabytes of shadow under a sanitizer.
    uint64_t bytes = process_data_bytes() + limits->memory_bytes_max;
    if (!limit(RLIMIT_DATA, bytes)) return STATUS_IO;
    *ret_data_bytes_max = bytes;
    return STATUS_OK;
}
