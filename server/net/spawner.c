#include "net/spawner.h"

#include "base/check.h"
#include "keeper/code_set.h"
#include "keeper/host_process.h"

static void read_code(struct spawner *spawner) {
    struct code_set *code = NULL;
    enum status      status = code_set_read(spawner->options->behaviours, &code);
    spawner->on_read(spawner->context, status == STATUS_OK ? code : NULL);
}

static void on_asked(uv_async_t *async) {
    struct spawner *spawner = async->data;
    unsigned        workers = atomic_exchange(&spawner->workers, 0);
    if (atomic_exchange(&spawner->read, false)) read_code(spawner);
    if (workers == 0) return;
    struct host *host;
    enum status  status = host_process_start(spawner->options, workers, spawner->code, &host);
    spawner->on_started(spawner->context, status == STATUS_OK ? host : NULL);
}

enum status spawner_init(struct spawner *spawner, uv_loop_t *loop,
                         const struct keeper_options *options,
                         void (*on_started)(void *, struct host *),
                         void (*on_read)(void *, struct code_set *), void *context) {
    *spawner = (struct spawner){
        .options = options, .on_started = on_started, .on_read = on_read, .context = context};
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

void spawner_ask_code(struct spawner *spawner) {
    atomic_store(&spawner->read, true);
    uv_async_send(&spawner->asked);
}

void spawner_close(struct spawner *spawner) {
    uv_close((uv_handle_t *)&spawner->asked, NULL);
}
