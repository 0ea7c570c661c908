#include "inbox.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

#define INBOX_SLOT_BITS 20 // an id is a running number and, below it, the slot
#define INBOX_NO_SLOT UINT32_MAX
#define INBOX_SLOTS_FIRST 64

// --- Life ----------------------------------------------------------------------------------------

void inbox_init(struct inbox *inbox, uint32_t count_max) {
    CHECK(count_max > 0);
    CHECK(count_max <= INBOX_COUNT_MAX);
    *inbox = (struct inbox){.count_max = count_max, .free_first = INBOX_NO_SLOT};
    list_init(&inbox->unread);
    list_init(&inbox->events);
    list_init(&inbox->sets);
}

// A notice or an event.
static void drop_item(struct inbox *inbox, struct inbox_item *item) {
    list_remove(&item->unread);
    if (item->kind == PEEPER_MESSAGE_EVENT) list_remove(&((struct inbox_event *)item)->events);
    kept_fini(&item->answer);
    free(item);
    inbox->count--;
}

void inbox_fini(struct inbox *inbox) {
    for (uint32_t i = 0; i < inbox->slot_count; i++) {
        if (inbox->slots[i].request != NULL) inbox_end(inbox->slots[i].request, NULL);
    }
    while (!list_empty(&inbox->unread)) {
        drop_item(inbox, LIST_ENTRY(inbox->unread.next, struct inbox_item, unread));
    }
    while (!list_empty(&inbox->sets)) {
        struct list *link = list_pop(&inbox->sets);
        LIST_ENTRY(link, struct peeper_reqids, of_inbox)->sync = NULL;
    }
    CHECK(inbox->count == 0);
    free(inbox->slots);
    *inbox = (struct inbox){0};
}

// --- Slots ---------------------------------------------------------------------------------------

static bool grow(struct inbox *inbox) {
    uint32_t count = inbox->slot_count == 0 ? INBOX_SLOTS_FIRST : inbox->slot_count * 2;
    if (count > INBOX_COUNT_MAX) count = INBOX_COUNT_MAX;

    struct inbox_slot *slots = realloc(inbox->slots, count * sizeof(*slots));
    if (slots == NULL) return false;
    inbox->slots = slots;
    for (uint32_t i = inbox->slot_count; i < count; i++) {
        slots[i] = (struct inbox_slot){.next_free = i + 1 < count ? i + 1 : INBOX_NO_SLOT};
    }
    inbox->free_first = inbox->slot_count;
    inbox->slot_count = count;
    return true;
}

static uint32_t slot_of(uint64_t id) {
    return (uint32_t)(id & ((1u << INBOX_SLOT_BITS) - 1));
}

enum peeper_status inbox_request(struct inbox *inbox, struct inbox_request **ret_request) {
    if (inbox->count >= inbox->count_max) return PEEPER_STATUS_FULL;
    if (inbox->free_first == INBOX_NO_SLOT && !grow(inbox)) return PEEPER_STATUS_NO_MEMORY;
    struct inbox_request *request = calloc(1, sizeof(*request));
    if (request == NULL) return PEEPER_STATUS_NO_MEMORY;

    uint32_t slot = inbox->free_first;
    inbox->free_first = inbox->slots[slot].next_free;
    inbox->slots[slot].request = request;
    inbox->count++;
    request->inbox = inbox;
    request->id = ++inbox->sequence << INBOX_SLOT_BITS | slot;
    request->item.kind = PEEPER_MESSAGE_RESPONSE;
    list_init(&request->item.unread);
    list_init(&request->entries);
    *ret_request = request;
    return PEEPER_STATUS_OK;
}

struct inbox_request *inbox_find(struct inbox *inbox, uint64_t id) {
    uint32_t slot = slot_of(id);
    if (slot >= inbox->slot_count) return NULL;
    struct inbox_request *request = inbox->slots[slot].request;
    if (request == NULL || request->id != id || request == inbox->taken) return NULL;
    return request;
}

// --- Arrival -------------------------------------------------------------------------------------

void inbox_answer(struct inbox_request *request, const struct peeper_answer *answer) {
    CHECK(!request->answered);
    kept_store(&request->item.answer, answer);
    request->answered = true;
    list_push(&request->inbox->unread, &request->item.unread);
    for (struct list *link = request->entries.next; link != &request->entries; link = link->next) {
        struct inbox_entry *entry = LIST_ENTRY(link, struct inbox_entry, of_request);
        list_push(&entry->set->ready, &entry->ready);
    }
}

void inbox_notice(struct inbox *inbox, const struct peeper_error *error) {
    struct peeper_answer answer = {.error = *error};
    struct inbox_item   *item = NULL;
    if (inbox->count < inbox->count_max) item = calloc(1, sizeof(*item));
    if (item == NULL) {
        inbox->notices_dropped++;
        return;
    }
    item->kind = PEEPER_MESSAGE_NOTICE;
    kept_store(&item->answer, &answer);
    list_push(&inbox->unread, &item->unread);
    inbox->count++;
}

void inbox_event(struct inbox *inbox, const struct peeper_event *event) {
    struct peeper_answer answer = {.frame = event->frame, .ref = event->ref};
    struct inbox_event  *kept = NULL;
    if (inbox->count < inbox->count_max) kept = calloc(1, sizeof(*kept));
    if (kept == NULL) {
        inbox->events_dropped++;
        return;
    }
    kept->item.kind = PEEPER_MESSAGE_EVENT;
    kept->ref = event->ref;
    kept_store(&kept->item.answer, &answer);
    list_push(&inbox->unread, &kept->item.unread);
    list_push(&inbox->events, &kept->events);
    inbox->count++;
}

// --- Departure -----------------------------------------------------------------------------------

// The sets no longer wait for it.
static void end_in_sets(struct inbox_request *request) {
    for (struct list *link = request->entries.next; link != &request->entries; link = link->next) {
        struct inbox_entry *entry = LIST_ENTRY(link, struct inbox_entry, of_request);
        list_remove(&entry->ready);
        entry->set->live--;
    }
}

static void free_request(struct inbox_request *request) {
    struct inbox *inbox = request->inbox;
    uint32_t      slot = slot_of(request->id);
    while (!list_empty(&request->entries)) {
        struct list *link = list_pop(&request->entries);
        LIST_ENTRY(link, struct inbox_entry, of_request)->request = NULL;
    }
    inbox->slots[slot] = (struct inbox_slot){.next_free = inbox->free_first};
    inbox->free_first = slot;
    inbox->count--;
    if (request == inbox->taken) inbox->taken = NULL;
    list_remove(&request->item.unread);
    kept_fini(&request->item.answer);
    free(request);
}

void inbox_end(struct inbox_request *request, struct kept *ret_answer) {
    if (request != request->inbox->taken) end_in_sets(request);
    if (ret_answer != NULL) {
        *ret_answer = request->item.answer;
        request->item.answer = (struct kept){0};
    }
    free_request(request);
}

static void take_request(struct inbox *inbox, struct inbox_request *request,
                         struct kept *ret_answer, struct peeper_message *ret_message) {
    end_in_sets(request);
    inbox->taken = request;
    *ret_answer = request->item.answer;
    request->item.answer = (struct kept){0};
    ret_message->kind = PEEPER_MESSAGE_RESPONSE;
    ret_message->response.request = request->id;
}

bool inbox_take(struct inbox *inbox, struct kept *ret_answer, struct peeper_message *ret_message) {
    if (inbox->taken != NULL) inbox_end(inbox->taken, NULL);
    struct list *link = list_pop(&inbox->unread);
    if (link == NULL) return false;

    struct inbox_item *item = LIST_ENTRY(link, struct inbox_item, unread);
    *ret_message = (struct peeper_message){.kind = item->kind};
    if (item->kind == PEEPER_MESSAGE_RESPONSE) {
        take_request(inbox, (struct inbox_request *)item, ret_answer, ret_message);
        return true;
    }
    *ret_answer = item->answer;
    item->answer = (struct kept){0};
    drop_item(inbox, item);
    return true;
}

bool inbox_take_event(struct inbox *inbox, struct kept *ret_answer) {
    if (list_empty(&inbox->events)) return false;
    struct inbox_event *event = LIST_ENTRY(inbox->events.next, struct inbox_event, events);
    *ret_answer = event->item.answer;
    event->item.answer = (struct kept){0};
    drop_item(inbox, &event->item);
    return true;
}

void inbox_flush(struct inbox *inbox, uint64_t ref) {
    for (struct list *link = inbox->events.next; link != &inbox->events;) {
        struct inbox_event *event = LIST_ENTRY(link, struct inbox_event, events);
        link = link->next;
        if (event->ref == ref) drop_item(inbox, &event->item);
    }
}

// --- Sets ----------------------------------------------------------------------------------------

void inbox_enter(struct inbox_entry *entry, struct peeper_reqids *set,
                 struct inbox_request *request, void *label) {
    *entry = (struct inbox_entry){
        .set = set, .request = request, .reqid = {.request = request->id, .label = label}};
    list_init(&entry->ready);
    list_push(&set->entries, &entry->of_set);
    list_push(&request->entries, &entry->of_request);
    if (request->answered) list_push(&set->ready, &entry->ready);
    set->size++;
    set->live++;
}

void inbox_leave(struct inbox_entry *entry) {
    struct peeper_reqids *set = entry->set;
    if (entry->request != NULL) {
        if (entry->request != entry->request->inbox->taken) set->live--;
        list_remove(&entry->of_request);
    }
    list_remove(&entry->ready);
    list_remove(&entry->of_set);
    set->size--;
    free(entry);
}

struct inbox_entry *inbox_entry_find(const struct inbox_request *request,
                                     const struct peeper_reqids *set) {
    for (struct list *link = request->entries.next; link != &request->entries; link = link->next) {
        struct inbox_entry *entry = LIST_ENTRY(link, struct inbox_entry, of_request);
        if (entry->set == set) return entry;
    }
    return NULL;
}
