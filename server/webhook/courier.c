#include "webhook/courier.h"

#include "base/check.h"
#include "base/clock.h"
#include "webhook/cloud_event.h"
#include "webhook/signature.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_BYTES_MAX (64u << 10)

// A socket of libcurl's. It closes it itself, so only the watching of it is ours.
struct courier_socket {
    uv_poll_t       poll;
    curl_socket_t   fd;
    struct courier *courier; // borrowed
};

// --- libcurl and the loop ------------------------------------------------------------------------

static void finish(CURL *easy, CURLcode result) {
    struct courier_post *post = NULL;
    long                 code = 0;
    curl_off_t           asked_s = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&post);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &asked_s);
    curl_multi_remove_handle(post->courier->multi, easy);
    // An answer that is too long is an answer.
    bool answered = result == CURLE_OK || (result == CURLE_WRITE_ERROR && code != 0);
    post->busy = false;
    post->code = answered ? (unsigned)code : 0;
    post->asked_s = asked_s > 0 ? (uint64_t)asked_s : 0;
    post->what = post->error[0] != '\0' ? post->error : curl_easy_strerror(result);
    curl_slist_free_all(post->fields);
    post->fields = NULL;
    post->on_done(post);
}

static void finish_all(struct courier *courier) {
    CURLMsg *message;
    int      left;
    while ((message = curl_multi_info_read(courier->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
    }
}

static void act(struct courier *courier, curl_socket_t fd, int events) {
    int running;
    curl_multi_socket_action(courier->multi, fd, events, &running);
    finish_all(courier);
}

static void on_timer(uv_timer_t *timer) {
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct courier_socket *socket = poll->data;
    int                    flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if ((events & UV_READABLE) != 0) flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0) flags |= CURL_CSELECT_OUT;
    act(socket->courier, socket->fd, flags);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context) {
    struct courier *courier = context;
    (void)multi;
    if (courier->closing || timeout_ms < 0) {
        uv_timer_stop(&courier->timer);
    } else {
        uv_timer_start(&courier->timer, on_timer, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

static void on_socket_closed(uv_handle_t *handle) {
    free(handle->data);
}

static struct courier_socket *watch(struct courier *courier, curl_socket_t fd) {
    struct courier_socket *socket = calloc(1, sizeof *socket);
    if (socket == NULL) return NULL;
    socket->courier = courier;
    socket->fd = fd;
    if (uv_poll_init_socket(courier->loop, &socket->poll, fd) != 0) {
        free(socket);
        return NULL;
    }
    socket->poll.data = socket;
    curl_multi_assign(courier->multi, fd, socket);
    return socket;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known) {
    struct courier        *courier = context;
    struct courier_socket *socket = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (socket == NULL) return 0;
        uv_poll_stop(&socket->poll);
        uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
        curl_multi_assign(courier->multi, fd, NULL);
        return 0;
    }
    if (socket == NULL) socket = watch(courier, fd);
    if (socket == NULL) return -1;
    int events = what == CURL_POLL_IN    ? UV_READABLE
                 : what == CURL_POLL_OUT ? UV_WRITABLE
                                         : UV_READABLE | UV_WRITABLE;
    return uv_poll_start(&socket->poll, events, on_poll) == 0 ? 0 : -1;
}

// --- Up and down ---------------------------------------------------------------------------------

enum status courier_global_init(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status courier_init(struct courier *courier, uv_loop_t *loop, uint32_t kept_max) {
    *courier = (struct courier){.loop = loop, .multi = curl_multi_init()};
    if (courier->multi == NULL) return STATUS_NO_MEMORY;
    CHECK(uv_timer_init(loop, &courier->timer) == 0);
    courier->timer.data = courier;
    curl_multi_setopt(courier->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(courier->multi, CURLMOPT_SOCKETDATA, courier);
    curl_multi_setopt(courier->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(courier->multi, CURLMOPT_TIMERDATA, courier);
    curl_multi_setopt(courier->multi, CURLMOPT_MAXCONNECTS, (long)kept_max);
    return STATUS_OK;
}

void courier_close(struct courier *courier) {
    if (courier->multi == NULL) return;
    courier->closing = true;
    // It gives its sockets back while it closes connections that were kept.
    curl_multi_cleanup(courier->multi);
    courier->multi = NULL;
    uv_close((uv_handle_t *)&courier->timer, NULL);
}

// --- Posts ---------------------------------------------------------------------------------------

static size_t on_answer(char *data, size_t size, size_t count, void *context) {
    struct courier_post *post = context;
    (void)data;
    post->taken += size * count;
    return post->taken > ANSWER_BYTES_MAX ? 0 : size * count;
}

enum status courier_post_init(struct courier *courier, struct courier_post *post,
                              const struct webhook_config *hook) {
    post->courier = courier;
    post->easy = curl_easy_init();
    CURL *easy = post->easy;
    if (easy == NULL) return STATUS_NO_MEMORY;
    bool set = curl_easy_setopt(easy, CURLOPT_URL, hook->url) == CURLE_OK;
    set = set && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    set = set && curl_easy_setopt(easy, CURLOPT_USERAGENT, "peeper/" PEEPER_VERSION) == CURLE_OK;
    set = set && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    set = set && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    set = set && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    if (hook->ca_file != NULL) {
        // That one and no other.
        set = set && curl_easy_setopt(easy, CURLOPT_CAINFO, hook->ca_file) == CURLE_OK;
        set = set && curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)hook->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, post->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, post);
    return set ? STATUS_OK : STATUS_NO_MEMORY;
}

static bool add_field(struct courier_post *post, const char *line) {
    struct curl_slist *more = curl_slist_append(post->fields, line);
    if (more == NULL) return false;
    post->fields = more;
    return true;
}

static enum status write_fields(struct courier_post *post, struct slice secret, struct slice body) {
    char        signature[SIGNATURE_BYTES], line[SIGNATURE_BYTES + 24];
    enum status status = signature_make(secret, clock_wall_ms() / 1000, body, signature);
    if (status != STATUS_OK) return status;
    snprintf(line, sizeof line, "Peeper-Signature: %s", signature);
    // The last one: nobody is to be asked whether a large body is welcome.
    bool written = add_field(post, line) && add_field(post, "Content-Type: " CLOUD_EVENT_TYPE) &&
                   add_field(post, "Expect:");
    return written ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status courier_post_send(struct courier_post *post, struct slice secret, struct slice body) {
    CHECK(!post->busy);
    post->taken = 0;
    post->error[0] = '\0';
    enum status status = write_fields(post, secret, body);
    if (status == STATUS_OK) {
        curl_easy_setopt(post->easy, CURLOPT_HTTPHEADER, post->fields);
        curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, (const char *)body.data);
        curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.bytes);
        if (curl_multi_add_handle(post->courier->multi, post->easy) == CURLM_OK) {
            post->busy = true;
            return STATUS_OK;
        }
        status = STATUS_NO_MEMORY;
    }
    curl_slist_free_all(post->fields);
    post->fields = NULL;
    return status;
}

void courier_post_fini(struct courier_post *post) {
    if (post->easy == NULL) return;
    if (post->busy) curl_multi_remove_handle(post->courier->multi, post->easy);
    curl_easy_cleanup(post->easy);
    curl_slist_free_all(post->fields);
    *post = (struct courier_post){0};
}
