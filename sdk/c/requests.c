#include <peeper/requests.h>

#include "connection.h"
#include "sync.h"

#include <stdlib.h>

#define DEADLINE_MS_MAX 3600000 // where the server does not tell

// --- Sending -------------------------------------------------------------------------------------

static void on_response(void *user, const struct peeper_answer *answer) {
    inbox_answer(user, answer);
}

static uint32_t deadline_of(const struct peeper_sync *sync, uint32_t deadline_ms) {
    if (deadline_ms != PEEPER_FOREVER) return deadline_ms;
    return sync->server_deadline_ms_max != 0 ? sync->server_deadline_ms_max : DEADLINE_MS_MAX;
}

static enum peeper_status submit(struct peeper_sync *sync, struct peeper_target target,
                                 struct peeper_value               message,
                                 const struct peeper_call_options *options,
                                 struct inbox_request            **ret_request) {
    struct peeper_call_options own = *options;
    struct inbox_request      *request;
    enum peeper_status         status = PEEPER_STATUS_UNREACHABLE;
    if (sync->client == NULL) return sync_refuse_request(sync, status);
    status = inbox_request(&sync->inbox, &request);
    if (status != PEEPER_STATUS_OK) return sync_refuse_request(sync, status);

    own.deadline_ms = deadline_of(sync, options->deadline_ms);
    status = client_call(sync->client, target, message, &own, peeper_then(on_response, request),
                         &request->wire_id);
    if (status != PEEPER_STATUS_OK) {
        inbox_end(request, NULL);
        return sync_refuse_request(sync, status);
    }
    *ret_request = request;
    return PEEPER_STATUS_OK;
}

// The program may be busy for long after this: what it sends leaves now. What has come is read,
// too, so that two sides that only send do not wait for each other.
static void hand_over(struct peeper_sync *sync) {
    uv_run(&sync->loop, UV_RUN_NOWAIT);
}

enum peeper_status peeper_sync_send_request(struct peeper_sync *sync, struct peeper_target target,
                                            struct peeper_value message, uint32_t deadline_ms,
                                            uint64_t *ret_request) {
    struct peeper_call_options options = {.deadline_ms = deadline_ms};
    return peeper_sync_send_request_with(sync, target, message, &options, ret_request);
}

enum peeper_status peeper_sync_send_request_with(struct peeper_sync               *sync,
                                                 struct peeper_target              target,
                                                 struct peeper_value               message,
                                                 const struct peeper_call_options *options,
                                                 uint64_t                         *ret_request) {
    struct peeper_call_options none = {0};
    struct inbox_request      *request;
    enum peeper_status         status =
        submit(sync, target, message, options == NULL ? &none : options, &request);
    if (status != PEEPER_STATUS_OK) return status;
    *ret_request = request->id;
    hand_over(sync);
    return PEEPER_STATUS_OK;
}

enum peeper_status peeper_reqids_send(struct peeper_reqids *set, struct peeper_target target,
                                      struct peeper_value message, uint32_t deadline_ms,
                                      void *label) {
    struct peeper_call_options options = {.deadline_ms = deadline_ms};
    struct inbox_request      *request;
    if (set->sync == NULL) return PEEPER_STATUS_UNREACHABLE;
    struct inbox_entry *entry = malloc(sizeof(*entry));
    if (entry == NULL) return sync_refuse_request(set->sync, PEEPER_STATUS_NO_MEMORY);
    enum peeper_status status = submit(set->sync, target, message, &options, &request);
    if (status != PEEPER_STATUS_OK) {
        free(entry);
        return status;
    }
    inbox_enter(entry, set, request, label);
    hand_over(set->sync);
    return PEEPER_STATUS_OK;
}

// --- One request ---------------------------------------------------------------------------------

static enum peeper_status refuse(struct peeper_sync *sync, enum peeper_status status) {
    return sync_refuse(sync, error_of(status, NULL));
}

// Takes the response of a request, which is over then.
static void open_response(struct peeper_sync *sync, struct inbox_request *request,
                          struct peeper_response *ret_response) {
    struct kept                 kept;
    const struct peeper_answer *answer = &sync->answer.incoming.answer;
    *ret_response = (struct peeper_response){.request = request->id};
    inbox_end(request, &kept);
    opened_take(&sync->answer, &kept);
    ret_response->error = answer->error;
    ret_response->reply = answer->reply;
}

static void abandon(struct peeper_sync *sync, struct inbox_request *request) {
    client_forget(sync->client, request->wire_id);
    inbox_end(request, NULL);
}

static bool is_answered(const struct peeper_sync *sync, const void *request) {
    (void)sync;
    return ((const struct inbox_request *)request)->answered;
}

static enum peeper_status take_response(struct peeper_sync *sync, uint64_t id, uint32_t timeout_ms,
                                        bool abandons, struct peeper_response *ret_response) {
    struct inbox_request *request = inbox_find(&sync->inbox, id);
    if (request == NULL) return refuse(sync, PEEPER_STATUS_NO_REQUEST);
    if (!sync_run_until(sync, is_answered, request, timeout_ms)) {
        if (abandons) abandon(sync, request);
        return refuse(sync, PEEPER_STATUS_TIMEOUT);
    }
    open_response(sync, request, ret_response);
    return PEEPER_STATUS_OK;
}

enum peeper_status peeper_sync_wait_response(struct peeper_sync *sync, uint64_t request,
                                             uint32_t                timeout_ms,
                                             struct peeper_response *ret_response) {
    return take_response(sync, request, timeout_ms, false, ret_response);
}

enum peeper_status peeper_sync_receive_response(struct peeper_sync *sync, uint64_t request,
                                                uint32_t                timeout_ms,
                                                struct peeper_response *ret_response) {
    return take_response(sync, request, timeout_ms, true, ret_response);
}

// --- The inbox in order --------------------------------------------------------------------------

static bool has_message(const struct peeper_sync *sync, const void *context) {
    (void)context;
    return !list_empty(&sync->inbox.unread) || !sync_is_up(sync);
}

enum peeper_status peeper_sync_take_message(struct peeper_sync *sync, uint32_t timeout_ms,
                                            struct peeper_message *ret_message) {
    struct kept                 kept;
    struct peeper_message       message;
    const struct peeper_answer *answer = &sync->message.incoming.answer;
    bool                        in_time = sync_run_until(sync, has_message, NULL, timeout_ms);
    if (!inbox_take(&sync->inbox, &kept, &message)) {
        return in_time ? sync_refuse_request(sync, PEEPER_STATUS_UNREACHABLE)
                       : refuse(sync, PEEPER_STATUS_TIMEOUT);
    }
    opened_take(&sync->message, &kept);
    message.response.error = answer->error;
    message.response.reply = answer->reply;
    if (message.kind == PEEPER_MESSAGE_EVENT) message.event = sync->message.incoming.event;
    *ret_message = message;
    return PEEPER_STATUS_OK;
}

enum peeper_status peeper_sync_check_response(struct peeper_sync          *sync,
                                              const struct peeper_message *message,
                                              uint64_t                     request,
                                              struct peeper_response      *ret_response) {
    if (message->kind != PEEPER_MESSAGE_RESPONSE || message->response.request != request) {
        return refuse(sync, PEEPER_STATUS_NO_REPLY);
    }
    *ret_response = message->response;
    return PEEPER_STATUS_OK;
}

uint64_t peeper_sync_notices_dropped(const struct peeper_sync *sync) {
    return sync->inbox.notices_dropped;
}

// --- Sets ----------------------------------------------------------------------------------------

enum peeper_status peeper_reqids_create(struct peeper_sync *sync, struct peeper_reqids **ret_set) {
    struct peeper_reqids *set = calloc(1, sizeof(*set));
    if (set == NULL) return refuse(sync, PEEPER_STATUS_NO_MEMORY);
    set->sync = sync;
    list_init(&set->entries);
    list_init(&set->ready);
    list_push(&sync->inbox.sets, &set->of_inbox);
    *ret_set = set;
    return PEEPER_STATUS_OK;
}

void peeper_reqids_destroy(struct peeper_reqids *set) {
    if (set == NULL) return;
    while (!list_empty(&set->entries)) {
        inbox_leave(LIST_ENTRY(set->entries.next, struct inbox_entry, of_set));
    }
    list_remove(&set->of_inbox);
    free(set);
}

enum peeper_status peeper_reqids_add(struct peeper_reqids *set, uint64_t request, void *label) {
    if (set->sync == NULL) return PEEPER_STATUS_INVALID;
    struct inbox_request *found = inbox_find(&set->sync->inbox, request);
    if (found == NULL || inbox_entry_find(found, set) != NULL) {
        const char *why =
            found == NULL ? "the request is over" : "the request is in the set already";
        return sync_refuse(set->sync, error_of(PEEPER_STATUS_INVALID, why));
    }
    struct inbox_entry *entry = malloc(sizeof(*entry));
    if (entry == NULL) return refuse(set->sync, PEEPER_STATUS_NO_MEMORY);
    inbox_enter(entry, set, found, label);
    return PEEPER_STATUS_OK;
}

size_t peeper_reqids_size(const struct peeper_reqids *set) {
    return set->size;
}

size_t peeper_reqids_to_list(const struct peeper_reqids *set, struct peeper_reqid *ids,
                             size_t room) {
    size_t count = 0;
    for (const struct list *link = set->entries.next; link != &set->entries && count < room;
         link = link->next) {
        ids[count++] = LIST_ENTRY(link, const struct inbox_entry, of_set)->reqid;
    }
    return count;
}

static bool is_ready(const struct peeper_sync *sync, const void *context) {
    (void)sync;
    return !list_empty(&((const struct peeper_reqids *)context)->ready);
}

// Nothing of the set is answered, else it would have been taken.
static void abandon_all(struct peeper_reqids *set) {
    for (struct list *link = set->entries.next; link != &set->entries; link = link->next) {
        struct inbox_request *request = LIST_ENTRY(link, struct inbox_entry, of_set)->request;
        if (request != NULL && !request->answered) abandon(set->sync, request);
    }
}

static enum peeper_status take_first(struct peeper_reqids *set, uint32_t timeout_ms, bool abandons,
                                     bool remove, struct peeper_response *ret_response) {
    if (set->sync == NULL) return PEEPER_STATUS_NO_REQUEST;
    if (set->live == 0) return refuse(set->sync, PEEPER_STATUS_NO_REQUEST);
    if (!sync_run_until(set->sync, is_ready, set, timeout_ms)) {
        if (abandons) abandon_all(set);
        return refuse(set->sync, PEEPER_STATUS_TIMEOUT);
    }
    struct inbox_entry *entry = LIST_ENTRY(set->ready.next, struct inbox_entry, ready);
    void               *label = entry->reqid.label;
    open_response(set->sync, entry->request, ret_response);
    ret_response->label = label;
    if (remove) inbox_leave(entry);
    return PEEPER_STATUS_OK;
}

enum peeper_status peeper_reqids_wait(struct peeper_reqids *set, uint32_t timeout_ms, bool remove,
                                      struct peeper_response *ret_response) {
    return take_first(set, timeout_ms, false, remove, ret_response);
}

enum peeper_status peeper_reqids_receive(struct peeper_reqids *set, uint32_t timeout_ms,
                                         bool remove, struct peeper_response *ret_response) {
    return take_first(set, timeout_ms, true, remove, ret_response);
}

enum peeper_status peeper_reqids_check(struct peeper_reqids        *set,
                                       const struct peeper_message *message, bool remove,
                                       struct peeper_response *ret_response) {
    if (set->size == 0 || set->sync == NULL) return PEEPER_STATUS_NO_REQUEST;
    const struct inbox_request *taken = set->sync->inbox.taken;
    struct inbox_entry         *entry = NULL;
    if (taken != NULL && message->kind == PEEPER_MESSAGE_RESPONSE &&
        message->response.request == taken->id) {
        entry = inbox_entry_find(taken, set);
    }
    if (entry == NULL) return refuse(set->sync, PEEPER_STATUS_NO_REPLY);
    *ret_response = message->response;
    ret_response->label = entry->reqid.label;
    if (remove) inbox_leave(entry);
    return PEEPER_STATUS_OK;
}
