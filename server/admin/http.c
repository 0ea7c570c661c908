#include "admin/http.h"

#include "admin/pages.h"
#include "base/check.h"
#include "keeper/view.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_CONNECTIONS_MAX 256u
#define HTTP_IDLE_S 10u
#define HTTP_STACK_BYTES (256u << 10)

struct http {
    struct shard        *shard;  // borrowed
    const struct mirror *mirror; // borrowed
    struct MHD_Daemon   *daemon; // owned
    uint16_t             port;
    // guarded by lock
    pthread_mutex_t lock;
    pthread_cond_t  quiet;
    uint32_t        waiting; // requests that wait for the net thread
    bool            closing;
};

// One request that waits for the net thread. It outlives its connection if that one hangs up first,
// because the net thread still holds the view: whoever comes second frees it.
struct exchange {
    struct view            view;
    struct http           *http;       // borrowed
    struct MHD_Connection *connection; // borrowed
    const struct page     *page;
    atomic_bool            answered; // set by the net thread
    atomic_int             holders;  // net thread and admin thread
};

static void release(struct exchange *exchange) {
    if (atomic_fetch_sub(&exchange->holders, 1) != 1) return;
    view_fini(&exchange->view);
    free(exchange);
}

// False once the server goes down.
static bool may_wait(struct http *http) {
    pthread_mutex_lock(&http->lock);
    bool open = !http->closing;
    if (open) http->waiting++;
    pthread_mutex_unlock(&http->lock);
    return open;
}

static void no_longer_waits(struct http *http) {
    pthread_mutex_lock(&http->lock);
    if (--http->waiting == 0) pthread_cond_signal(&http->quiet);
    pthread_mutex_unlock(&http->lock);
}

// Net thread.
static void on_view_done(struct view *view) {
    struct exchange *exchange = LIST_ENTRY(view, struct exchange, view);
    atomic_store(&exchange->answered, true);
    // A connection that waits cannot end by itself: libmicrohttpd keeps a suspended one.
    struct http *http = exchange->http;
    MHD_resume_connection(exchange->connection);
    release(exchange);
    no_longer_waits(http);
}

static enum MHD_Result send_body(struct MHD_Connection *connection, struct body *body) {
    size_t               bytes = body->text == NULL ? 0 : strlen(body->text);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(bytes, body->text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body->text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, body->type);
    if (body->allow != NULL) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, body->allow);
    enum MHD_Result result = MHD_queue_response(connection, body->code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, enum status status, unsigned code,
                              const char *detail) {
    struct body body;
    page_problem(status, code, detail, &body);
    return send_body(connection, &body);
}

static enum MHD_Result finish(const struct http *http, struct exchange *exchange) {
    struct body body;
    if (exchange->view.status == STATUS_OK) {
        exchange->page->render(&exchange->view, http->mirror, &body);
    } else {
        const char *detail = exchange->view.detail[0] == '\0' ? NULL : exchange->view.detail;
        page_problem(exchange->view.status, (unsigned)status_http(exchange->view.status), detail,
                     &body);
    }
    return send_body(exchange->connection, &body);
}

static const char *query(void *context, const char *name) {
    return MHD_lookup_connection_value(context, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result begin(struct http *http, struct MHD_Connection *connection,
                             const struct page *page, struct rest rest,
                             struct exchange **ret_exchange) {
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) return refuse(connection, STATUS_NO_MEMORY, 503, NULL);
    view_init(&exchange->view, page->kind, on_view_done);
    const char *fault = page->prepare(&exchange->view, rest, query, connection);
    if (fault != NULL) {
        view_fini(&exchange->view);
        free(exchange);
        return refuse(connection, STATUS_INVALID, 400, fault);
    }
    if (!may_wait(http)) {
        view_fini(&exchange->view);
        free(exchange);
        return refuse(connection, STATUS_SHUTTING_DOWN, 503, NULL);
    }
    exchange->http = http;
    exchange->connection = connection;
    exchange->page = page;
    atomic_store(&exchange->holders, 2);
    *ret_exchange = exchange;

    MHD_suspend_connection(connection);
    if (mailbox_push(&http->shard->inbox, &exchange->view.message.link) == STATUS_OK)
        return MHD_YES;
    // Full, or the server is going down: nobody else has seen it.
    exchange->view.status = STATUS_OVERLOADED;
    atomic_store(&exchange->answered, true);
    atomic_store(&exchange->holders, 1);
    MHD_resume_connection(connection);
    no_longer_waits(http);
    return MHD_YES;
}

static bool reads(const char *method) {
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

// The first call of a request only says that its head has come. An answer at that point would have
// to close the connection, so it waits for the second call.
static char HEAD_SEEN;

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_bytes, void **memory) {
    (void)version;
    (void)upload;
    struct http *http = context;
    if (*memory == NULL) {
        *memory = &HEAD_SEEN;
        return MHD_YES;
    }
    if (*memory != &HEAD_SEEN) {
        struct exchange *exchange = *memory;
        return atomic_load(&exchange->answered) ? finish(http, exchange) : MHD_YES;
    }
    // No route takes a body; what is sent all the same is thrown away, so that the answer can be
    // read.
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    struct rest        rest;
    const struct page *page = page_find(path, &rest);
    if (page == NULL) return refuse(connection, STATUS_NOT_FOUND, 404, "no such resource");
    if (!reads(method)) {
        struct body body;
        page_problem(STATUS_INVALID, 405, "only GET and HEAD", &body);
        body.allow = "GET, HEAD";
        return send_body(connection, &body);
    }
    return begin(http, connection, page, rest, (struct exchange **)memory);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **memory,
                         enum MHD_RequestTerminationCode code) {
    (void)context;
    (void)connection;
    (void)code;
    if (*memory != NULL && *memory != &HEAD_SEEN) release(*memory);
    *memory = NULL;
}

enum status http_create(struct shard *shard, const struct mirror *mirror,
                        const struct sockaddr *address, struct http **ret_http) {
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL) return STATUS_NO_MEMORY;
    CHECK(pthread_mutex_init(&http->lock, NULL) == 0);
    CHECK(pthread_cond_init(&http->quiet, NULL) == 0);
    http->shard = shard;
    http->mirror = mirror;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     (address->sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        HTTP_IDLE_S, MHD_OPTION_THREAD_STACK_SIZE, (size_t)HTTP_STACK_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (http->daemon == NULL) {
        free(http);
        return STATUS_IO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    http->port = info == NULL ? 0 : info->port;
    *ret_http = http;
    return STATUS_OK;
}

uint16_t http_port(const struct http *http) {
    return http->port;
}

void http_destroy(struct http *http) {
    if (http == NULL) return;
    // A daemon must not be stopped while it has suspended requests. The net thread still runs and
    // answers all there are, and no more of them begin.
    pthread_mutex_lock(&http->lock);
    http->closing = true;
    while (http->waiting > 0) pthread_cond_wait(&http->quiet, &http->lock);
    pthread_mutex_unlock(&http->lock);
    MHD_stop_daemon(http->daemon);
    pthread_cond_destroy(&http->quiet);
    pthread_mutex_destroy(&http->lock);
    free(http);
}
