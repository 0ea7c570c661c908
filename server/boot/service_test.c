// The service manager is a datagram socket of the test's own.
#include "boot/service.h"
#include "keeper/shard_fixture_test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(service, .timeout = 20);

static struct service service;
static int            manager = -1;

static void listen_as_manager(void) {
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof where.sun_path, "/tmp/peeper_notify_%d", (int)getpid());
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    cr_assert(manager >= 0 && bind(manager, (struct sockaddr *)&where, sizeof where) == 0);
    cr_assert(setenv("NOTIFY_SOCKET", where.sun_path, 1) == 0);
}

static void stop_listening(void) {
    unlink(getenv("NOTIFY_SOCKET"));
    unsetenv("NOTIFY_SOCKET");
    close(manager);
}

// What was told next; "" if nothing was.
static const char *heard(void) {
    static char text[256];
    ssize_t     bytes = recv(manager, text, sizeof text - 1, 0);
    text[bytes > 0 ? bytes : 0] = '\0';
    return text;
}

Test(service, tells_that_it_is_ready_and_that_it_stops) {
    listen_as_manager();
    service_ready("serving");
    cr_assert_str_eq(heard(), "READY=1\nSTATUS=serving");
    service_stopping();
    cr_assert_str_eq(heard(), "STOPPING=1\nSTATUS=stopping");
    stop_listening();
}

Test(service, is_alive_only_when_the_net_thread_has_got_there) {
    fx_init();
    listen_as_manager();
    service_beat(&service, &fx.shard);
    service_beat(&service, &fx.shard);
    cr_assert_str_eq(heard(), "");
    shard_receive(&fx.shard);
    cr_assert_str_eq(heard(), "WATCHDOG=1");
    cr_assert_str_eq(heard(), "");
    service_beat(&service, &fx.shard);
    shard_receive(&fx.shard);
    cr_assert_str_eq(heard(), "WATCHDOG=1");
    stop_listening();
    fx_fini();
}

Test(service, beats_twice_in_the_time_that_it_is_given) {
    char pid[16];
    cr_assert(service_beat_ms() == 0);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    cr_assert(service_beat_ms() == 1500);
    // It was meant for another process.
    setenv("WATCHDOG_PID", "1", 1);
    cr_assert(service_beat_ms() == 0);
}

Test(service, without_a_manager_nothing_is_told) {
    fx_init();
    unsetenv("NOTIFY_SOCKET");
    service_ready("serving");
    service_beat(&service, &fx.shard);
    shard_receive(&fx.shard);
    cr_assert(!atomic_load(&service.asked));
    fx_fini();
}
