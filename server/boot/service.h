// service: tells the service manager that started us how we are: ready, alive, stopping. Where none
// asked, which is where NOTIFY_SOCKET is not set, it does nothing.
//
// A sign of life comes from the net thread, because that is the one whose standstill nobody else
// would notice: the main thread asks for one in time, the net thread tells it when it gets there.
// Source: sd_notify(3), systemd.service(5) "Type=notify", "WatchdogSec=".
#pragma once

#include "keeper/shard.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct service {
    struct shard_message beat;
    atomic_bool          asked; // the last beat has not been told yet; then there is no other
};

// How often service_beat is wanted; 0: never.   Units: ms.   Thread: main.
uint64_t service_beat_ms(void);

// It serves; `what` is one line for `systemctl status`.   Thread: main.
void service_ready(const char *what);

// It ends, in order.   Thread: main.
void service_stopping(void);

// Asks the shard's net thread for a sign of life.   Thread: main.   Blocks: no.
void service_beat(struct service *service, struct shard *shard);
