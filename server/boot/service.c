#include "boot/service.h"

#include <systemd/sd-daemon.h>

uint64_t service_beat_ms(void) {
    uint64_t allowed_us = 0;
    if (sd_watchdog_enabled(0, &allowed_us) <= 0) return 0;
    uint64_t half_ms = allowed_us / 2000;
    return half_ms > 0 ? half_ms : 1;
}

void service_ready(const char *what) {
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", what);
}

void service_stopping(void) {
    (void)sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

// Net thread.
static void beats(struct shard_message *message, struct shard *shard) {
    struct service *service = LIST_ENTRY(message, struct service, beat);
    (void)shard;
    (void)sd_notify(0, "WATCHDOG=1");
    atomic_store(&service->asked, false);
}

void service_beat(struct service *service, struct shard *shard) {
    if (atomic_exchange(&service->asked, true)) return;
    service->beat.deliver = beats;
    // A queue that is full is no sign of life either; it is asked for again.
    if (mailbox_push(&shard->inbox, &service->beat.link) == STATUS_FULL)
        atomic_store(&service->asked, false);
}
