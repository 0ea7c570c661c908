// courier: posts bodies over HTTP, many at once, with libcurl on a libuv loop. It knows connections
// and no events: what an answer means, and whether to try again, is its callers' business.
//
// Certificates are always verified, redirects are not followed, no proxy is used, and what a
// receiver answers is thrown away and cut at 64 KiB.
// All functions: webhook thread, but courier_global_init(): main, before there are other threads.
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "webhook/config.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

struct courier {     // visible for embedding only
    uv_loop_t *loop; // borrowed
    CURLM     *multi;
    uv_timer_t timer;
    bool       closing;
};

// One post at a time; used again for the next one to the same webhook.
struct courier_post {
    struct courier    *courier; // borrowed
    CURL              *easy;    // owned
    struct curl_slist *fields;  // of the present post; owned
    size_t             taken;   // bytes of the answer
    bool               busy;
    char               error[CURL_ERROR_SIZE];
    void (*on_done)(struct courier_post *post);
    void *context; // borrowed
    // valid in on_done
    unsigned    code;    // of the answer; 0: none came
    uint64_t    asked_s; // of Retry-After
    const char *what;    // why there was no answer
};

NODISCARD enum status courier_global_init(void);

NODISCARD enum status courier_init(struct courier *courier, uv_loop_t *loop, uint32_t kept_max);

// Prepares posts to the webhook's URL.   Fails: STATUS_NO_MEMORY.
NODISCARD enum status courier_post_init(struct courier *courier, struct courier_post *post,
                                        const struct webhook_config *hook);

// Posts `body`, signed now. on_done() is told, not from within.
// Owns:   `body` stays the caller's and must stay until then.
// Fails:  STATUS_NO_MEMORY, STATUS_INTERNAL: nothing was begun.
NODISCARD enum status courier_post_send(struct courier_post *post, struct slice secret,
                                        struct slice body);

// What is on its way is let go, on_done() is not called / what libuv has must be closed by the
// loop before the courier's memory goes.
void courier_post_fini(struct courier_post *post);
void courier_close(struct courier *courier);
