#include "net/spawner.h"

#include "base/check.h"
#include "keeper/host_process.h"

static void on_asked(uv_async_t *async) {
    struct spawner *spawner = async->data;
    unsigned        workers = atomic_exchange(&spawner->workers, 0);
    if (workers == 0) return;
    struct host *host;
    enum status  status = host_process_start(spawner->options, workers, spawner->code, &host);
    spawner->on_started(spawner->context, status == STATUS_OK ? host : NULL);
}

enum status spawner_init(struct spawner *spawner, uv_loop_t *loop,
                         const struct keeper_options *options,
                         void (*on_started)(void *, struct host *), void *context) {
    *spawner = (struct spawner){.options = options, .on_started = on_started, .context = context};
    if (uv_async_init(loop, &spawner->asked, on_asked) != 0) return STATUS_NO_MEMORY;
    spawner->asked.data = spawner;
    return STATUS_OK;
}

void spawner_ask(struct spawner *spawner, uint32_t workers, const struct code_set *code) {
    CHECK(workers > 0);
    spawner->code = code;
    atomic_store(&spawner->workers, workers);
    uv_async_send(&spawner->asked);
}

void spawner_close(struct spawner *spawner) {
    uv_close((uv_handle_t *)&spawner->asked, NULL);
}
