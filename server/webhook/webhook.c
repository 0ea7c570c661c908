#include "webhook/webhook.h"

#include "admin/gateway.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "webhook/backoff.h"
#include "webhook/cloud_event.h"
#include "webhook/courier.h"
#include "webhook/queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define POSTS_MAX 16u // of one webhook at a time
#define CLOSE_MS 2000u
#define WATCH_AGAIN_MS 1000u // after a watch was refused

struct hook;

struct hook_post {
    struct courier_post post;
    struct hook        *hook; // borrowed
    struct queue_lane  *lane; // whose first event is on its way; NULL: free
};

// One webhook.
struct hook {
    struct webhooks             *webhooks; // borrowed
    const struct webhook_config *config;   // borrowed
    struct webhook_counts       *counts;   // borrowed
    struct gateway               gateway;
    struct queue                 queue;
    struct hook_post             posts[POSTS_MAX];
    uv_timer_t                   again; // an event is due, or a refused watch
    uint64_t                     sequence;
    uint64_t                     watch_at_ms; // 0: it watches, or has asked to
    bool                         paused;      // the gateway is not read
    bool                         ended;       // there is no net thread any more
    bool                         failing;     // its last post went wrong
};

struct webhooks {
    struct webhooks_options options;
    struct thread           thread;
    uv_loop_t               loop;
    uv_async_t              wake;     // to close
    uv_timer_t              patience; // from then on
    struct courier          courier;
    struct hook            *hooks;  // owned
    struct webhook_counts  *counts; // owned
    uint64_t                life;
    uint32_t                count;
    uint32_t                random; // state of a small generator: jitter needs no better one
    bool                    closing;
    bool                    closed;
    atomic_bool             close_asked;
};

static void add(atomic_uint_least64_t *count, uint64_t more) {
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

static void show_queue(struct hook *hook) {
    atomic_store_explicit(&hook->counts->queued, hook->queue.count, memory_order_relaxed);
}

static void pump(struct hook *hook);
static void look_for_end(struct webhooks *webhooks);

// --- Posting -------------------------------------------------------------------------------------

static uint32_t draw(struct webhooks *webhooks) {
    webhooks->random = webhooks->random * 1664525u + 1013904223u;
    return webhooks->random >> 8;
}

static void log_failure(struct hook *hook, const struct courier_post *post, const char *event) {
    char        room[200];
    const char *what = post->code == 0 ? post->what : "";
    LOG_WARN(event, "webhook=%td host=%s code=%u reason=%s", hook - hook->webhooks->hooks,
             hook->counts->host, post->code,
             log_quote(room, sizeof room, what, (uint32_t)strlen(what)));
}

// The first failure is told, and that it works again; what is lost is told each time.
static void note_health(struct hook *hook, const struct courier_post *post, bool good) {
    if (good && hook->failing) {
        LOG_INFO("webhook.recovered", "webhook=%td host=%s", hook - hook->webhooks->hooks,
                 hook->counts->host);
    }
    if (!good && !hook->failing) log_failure(hook, post, "webhook.failing");
    hook->failing = !good;
}

static bool again(struct hook *hook, struct hook_post *post) {
    const struct queue_event *event = queue_first(post->lane);
    uint64_t                  now_ms = uv_now(&hook->webhooks->loop);
    uint32_t wait_ms = backoff_ms(event->attempts, draw(hook->webhooks), post->post.asked_s);
    if (!backoff_may(event->attempts, hook->config->retries, now_ms - event->since_ms, wait_ms))
        return false;
    queue_again(&hook->queue, post->lane, now_ms + wait_ms);
    return true;
}

static void on_posted(struct courier_post *courier_post) {
    struct hook_post    *post = courier_post->context;
    struct hook         *hook = post->hook;
    enum backoff_verdict verdict = backoff_judge(courier_post->code);
    note_health(hook, courier_post, verdict == BACKOFF_DONE);
    if (verdict != BACKOFF_AGAIN || !again(hook, post)) {
        if (verdict != BACKOFF_DONE) log_failure(hook, courier_post, "webhook.dropped");
        add(verdict == BACKOFF_DONE ? &hook->counts->posted : &hook->counts->dropped, 1);
        queue_done(&hook->queue, post->lane);
    }
    post->lane = NULL;
    pump(hook);
}

// What could not even be begun has no answer, and waits like it.
static void begin(struct hook *hook, struct hook_post *post, struct queue_lane *lane) {
    struct queue_event *event = queue_first(lane);
    if (event->attempts++ > 0) add(&hook->counts->retried, 1);
    struct slice secret = slice_of(hook->config->secret, hook->config->secret_bytes);
    enum status  status =
        courier_post_send(&post->post, secret, slice_of(event->body, event->bytes));
    post->lane = lane;
    if (status == STATUS_OK) return;
    post->post.code = 0;
    post->post.asked_s = 0;
    post->post.what = status_text(status);
    note_health(hook, &post->post, false);
    if (!again(hook, post)) {
        add(&hook->counts->dropped, 1);
        queue_done(&hook->queue, lane);
    }
    post->lane = NULL;
}

static struct hook_post *free_post(struct hook *hook) {
    for (uint32_t i = 0; i < POSTS_MAX; i++) {
        if (hook->posts[i].lane == NULL) return &hook->posts[i];
    }
    return NULL;
}

static void on_again(uv_timer_t *timer);

static void watch(struct hook *hook);

static void arm(struct hook *hook, uint64_t due_ms) {
    uint64_t now_ms = uv_now(&hook->webhooks->loop);
    if (hook->watch_at_ms != 0 && hook->watch_at_ms < due_ms) due_ms = hook->watch_at_ms;
    if (due_ms == UINT64_MAX) {
        uv_timer_stop(&hook->again);
    } else {
        uv_timer_start(&hook->again, on_again, due_ms > now_ms ? due_ms - now_ms : 0, 0);
    }
}

// Sends what may go, and reads on where there is room for it.
static void pump(struct hook *hook) {
    if (hook->webhooks->closed) return;
    uint64_t          due_ms = queue_due(&hook->queue, uv_now(&hook->webhooks->loop));
    struct hook_post *post;
    while ((post = free_post(hook)) != NULL) {
        struct queue_lane *lane = queue_take(&hook->queue);
        if (lane == NULL) break;
        begin(hook, post, lane);
    }
    arm(hook, due_ms);
    show_queue(hook);
    if (hook->paused && queue_has_room(&hook->queue)) {
        hook->paused = false;
        gateway_resume(&hook->gateway);
    }
    look_for_end(hook->webhooks);
}

static void on_again(uv_timer_t *timer) {
    struct hook *hook = timer->data;
    if (hook->watch_at_ms != 0 && uv_now(timer->loop) >= hook->watch_at_ms) watch(hook);
    pump(hook);
}

// --- What is told --------------------------------------------------------------------------------

static struct cloud_event_origin origin_of(struct hook *hook) {
    return (struct cloud_event_origin){
        .source = hook->config->source,
        .life = hook->webhooks->life,
        .told_ms = clock_wall_ms(),
        .sequence = ++hook->sequence,
    };
}

static void enqueue(struct hook *hook, enum status status, struct slice name, char *body) {
    uint64_t now_ms = uv_now(&hook->webhooks->loop);
    if (status == STATUS_OK) status = queue_push(&hook->queue, name, body, strlen(body), now_ms);
    if (status != STATUS_OK) {
        LOG_WARN("webhook.no_memory", "webhook=%td", hook - hook->webhooks->hooks);
        add(&hook->counts->dropped, 1);
        free(body);
        return;
    }
    if (queue_is_full(&hook->queue) && !hook->paused) {
        hook->paused = true;
        gateway_pause(&hook->gateway);
    }
    pump(hook);
}

static void tell(struct hook *hook, const struct codec_json_answer *answer) {
    enum cloud_event_kind kind = cloud_event_kind(answer);
    if (kind == CLOUD_EVENT_GAP) add(&hook->counts->gaps, 1);
    if (kind == CLOUD_EVENT_KINDS || (hook->config->events & (1u << kind)) == 0) return;
    struct cloud_event_origin origin = origin_of(hook);
    struct slice              name = {0};
    char                     *body = NULL;
    enum status               status = cloud_event_make(answer, kind, &origin, &body, &name);
    enqueue(hook, status, name, body);
}

static void on_refused(struct hook *hook, const struct codec_json_answer *answer) {
    char        room[200];
    const char *message = json_string_value(json_object_get(answer->json, "message"));
    if (message == NULL) message = "";
    LOG_ERROR("webhook.watch", "webhook=%td status=%s reason=%s", hook - hook->webhooks->hooks,
              status_name(answer->status),
              log_quote(room, sizeof room, message, (uint32_t)strlen(message)));
    hook->watch_at_ms = uv_now(&hook->webhooks->loop) + WATCH_AGAIN_MS;
    pump(hook);
}

static void on_frame(void *context, struct slice frame) {
    struct hook             *hook = context;
    struct codec_json_answer answer;
    enum status              status = codec_json_answer(frame, &answer);
    if (status != STATUS_OK) {
        LOG_WARN("webhook.frame", "status=%s bytes=%zu", status_name(status), frame.bytes);
        add(&hook->counts->dropped, 1);
        return;
    }
    if (answer.event) {
        tell(hook, &answer);
    } else if (answer.status != STATUS_OK) {
        on_refused(hook, &answer);
    }
    json_decref(answer.json);
}

static void watch(struct hook *hook) {
    const struct webhook_config *config = hook->config;
    struct codec_json_fault      fault;
    struct buf                  *out = gateway_output(&hook->gateway);
    bool                         prefix = config->prefix != NULL;
    json_t *members = json_pack("{s:s, s:b, s:b}", "name", prefix ? config->prefix : config->name,
                                "prefix", prefix, "with_old", config->with_old);
    enum status status = STATUS_NO_MEMORY;
    if (out != NULL && members != NULL)
        status = codec_json_request(out, ++hook->sequence, "watch", members, &fault);
    json_decref(members);
    hook->watch_at_ms = 0;
    if (status == STATUS_OK || hook->ended) return;
    LOG_WARN("webhook.watch", "webhook=%td status=%s", hook - hook->webhooks->hooks,
             status_name(status));
    hook->watch_at_ms = uv_now(&hook->webhooks->loop) + WATCH_AGAIN_MS;
}

// The net thread has ended, or had no memory for us; then changes are missed until it watches
// again, of whom is not known.
static void on_lost(void *context) {
    struct hook *hook = context;
    // Asked, for its turn may come later than this.
    if (atomic_load(&hook->webhooks->close_asked)) {
        hook->ended = true;
        pump(hook);
        return;
    }
    watch(hook);
    add(&hook->counts->gaps, 1);
    if ((hook->config->events & (1u << CLOUD_EVENT_GAP)) != 0) {
        struct cloud_event_origin origin = origin_of(hook);
        char                     *body = NULL;
        enum status               status = cloud_event_make_lost(&origin, &body);
        enqueue(hook, status, slice_of("", 0), body);
    }
    pump(hook);
}

// --- Down ----------------------------------------------------------------------------------------

static void close_hook(struct hook *hook) {
    if (hook->queue.count > 0) {
        LOG_WARN("webhook.let_go", "webhook=%td host=%s events=%u", hook - hook->webhooks->hooks,
                 hook->counts->host, hook->queue.count);
    }
    for (uint32_t i = 0; i < POSTS_MAX; i++) courier_post_fini(&hook->posts[i].post);
    gateway_close(&hook->gateway);
    uv_close((uv_handle_t *)&hook->again, NULL);
}

static void close_all(struct webhooks *webhooks) {
    if (webhooks->closed) return;
    webhooks->closed = true;
    for (uint32_t i = 0; i < webhooks->count; i++) close_hook(&webhooks->hooks[i]);
    courier_close(&webhooks->courier);
    uv_close((uv_handle_t *)&webhooks->wake, NULL);
    uv_close((uv_handle_t *)&webhooks->patience, NULL);
}

static void on_patience(uv_timer_t *timer) {
    close_all(timer->data);
}

// When no more can come and all is posted. It is closed from the loop, since libcurl may be on the
// way up to here.
static void look_for_end(struct webhooks *webhooks) {
    if (!webhooks->closing) return;
    for (uint32_t i = 0; i < webhooks->count; i++) {
        if (!webhooks->hooks[i].ended || webhooks->hooks[i].queue.count > 0) return;
    }
    uv_timer_start(&webhooks->patience, on_patience, 0, 0);
}

static void on_wake(uv_async_t *wake) {
    struct webhooks *webhooks = wake->data;
    if (!atomic_load(&webhooks->close_asked) || webhooks->closing) return;
    webhooks->closing = true;
    uv_timer_start(&webhooks->patience, on_patience, CLOSE_MS, 0);
    for (uint32_t i = 0; i < webhooks->count; i++) {
        struct hook *hook = &webhooks->hooks[i];
        if (!gateway_dial_no_more(&hook->gateway)) hook->ended = true;
    }
    look_for_end(webhooks);
}

// --- Up ------------------------------------------------------------------------------------------

static void body(struct thread *thread, void *context) {
    struct webhooks *webhooks = context;
    thread_role_set(ROLE_WEBHOOK);
    thread_ready(thread, STATUS_OK);
    uv_run(&webhooks->loop, UV_RUN_DEFAULT);
}

static enum status init_hook(struct webhooks *webhooks, uint32_t index) {
    struct hook                 *hook = &webhooks->hooks[index];
    const struct webhook_config *config = &webhooks->options.config->hooks[index];
    hook->webhooks = webhooks;
    hook->config = config;
    hook->counts = &webhooks->counts[index];
    hook->counts->host = config->host;
    hook->counts->prefix = config->prefix != NULL;
    hook->counts->watched = config->prefix != NULL ? config->prefix : config->name;
    queue_init(&hook->queue, config->queue_max);
    CHECK(uv_timer_init(&webhooks->loop, &hook->again) == 0);
    hook->again.data = hook;
    for (uint32_t i = 0; i < POSTS_MAX; i++) {
        struct hook_post *post = &hook->posts[i];
        enum status       status = courier_post_init(&webhooks->courier, &post->post, config);
        if (status != STATUS_OK) return status;
        post->hook = hook;
        post->post.context = post;
        post->post.on_done = on_posted;
    }
    struct gateway_options gateway = {
        .adopt = webhooks->options.adopt,
        .adopt_context = webhooks->options.adopt_contexts[index],
        .on_frame = on_frame,
        .on_lost = on_lost,
        .context = hook,
    };
    enum status status = gateway_open(&hook->gateway, &webhooks->loop, &gateway);
    if (status == STATUS_OK) watch(hook);
    return status;
}

static enum status init(struct webhooks *webhooks) {
    webhooks->count = webhooks->options.config->count;
    webhooks->life = clock_wall_ms();
    webhooks->random = (uint32_t)clock_mono_ns();
    webhooks->hooks = calloc(webhooks->count, sizeof *webhooks->hooks);
    webhooks->counts = calloc(webhooks->count, sizeof *webhooks->counts);
    if (webhooks->hooks == NULL || webhooks->counts == NULL) return STATUS_NO_MEMORY;
    enum status status = courier_global_init();
    if (status != STATUS_OK || uv_loop_init(&webhooks->loop) != 0) return STATUS_NO_MEMORY;
    CHECK(uv_async_init(&webhooks->loop, &webhooks->wake, on_wake) == 0);
    CHECK(uv_timer_init(&webhooks->loop, &webhooks->patience) == 0);
    webhooks->wake.data = webhooks->patience.data = webhooks;
    status = courier_init(&webhooks->courier, &webhooks->loop, webhooks->count * POSTS_MAX);
    for (uint32_t i = 0; i < webhooks->count && status == STATUS_OK; i++)
        status = init_hook(webhooks, i);
    return status;
}

enum status webhooks_create(const struct webhooks_options *options,
                            struct webhooks              **ret_webhooks) {
    struct webhooks *webhooks = calloc(1, sizeof *webhooks);
    if (webhooks == NULL) return STATUS_NO_MEMORY;
    webhooks->options = *options;
    // A start that fails is the end of the process, which frees what there is.
    enum status status = init(webhooks);
    if (status == STATUS_OK) status = thread_start(&webhooks->thread, "webhook", body, webhooks);
    if (status == STATUS_OK) *ret_webhooks = webhooks;
    return status;
}

const struct webhook_counts *webhooks_counts(const struct webhooks *webhooks) {
    return webhooks->counts;
}

void webhooks_close(struct webhooks *webhooks) {
    if (webhooks == NULL) return;
    atomic_store(&webhooks->close_asked, true);
    uv_async_send(&webhooks->wake);
}

void webhooks_destroy(struct webhooks *webhooks) {
    if (webhooks == NULL) return;
    thread_join(&webhooks->thread);
    CHECK(uv_loop_close(&webhooks->loop) == 0);
    for (uint32_t i = 0; i < webhooks->count; i++) {
        gateway_fini(&webhooks->hooks[i].gateway);
        queue_fini(&webhooks->hooks[i].queue);
    }
    free(webhooks->hooks);
    free(webhooks->counts);
    free(webhooks);
}
