#include "base/mailbox.h"

#include "base/check.h"

void mailbox_init(struct mailbox *box, uint32_t capacity, void (*on_wake)(void *), void *context) {
    CHECK(capacity >= 1);
    CHECK(on_wake != NULL);
    *box = (struct mailbox){.capacity = capacity, .on_wake = on_wake, .context = context};
    list_init(&box->waiting);
    CHECK(pthread_mutex_init(&box->lock, NULL) == 0);
}

enum status mailbox_push(struct mailbox *box, struct list *message) {
    enum status status = STATUS_OK;
    bool        was_empty = false;

    pthread_mutex_lock(&box->lock);
    if (box->closed) {
        status = STATUS_CLOSED;
    } else if (box->count == box->capacity) {
        status = STATUS_FULL;
    } else {
        was_empty = box->count++ == 0;
        list_push(&box->waiting, message);
    }
    pthread_mutex_unlock(&box->lock);

    if (was_empty) box->on_wake(box->context);
    return status;
}

void mailbox_drain(struct mailbox *box, struct list *into) {
    pthread_mutex_lock(&box->lock);
    list_splice(into, &box->waiting);
    box->count = 0;
    pthread_mutex_unlock(&box->lock);
}

void mailbox_close(struct mailbox *box) {
    pthread_mutex_lock(&box->lock);
    box->closed = true;
    pthread_mutex_unlock(&box->lock);
}

void mailbox_fini(struct mailbox *box) {
    CHECK(list_empty(&box->waiting));
    pthread_mutex_destroy(&box->lock);
}
