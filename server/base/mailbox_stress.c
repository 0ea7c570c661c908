// Many senders and one receiver: every message arrives once, each sender's in its order, the box
// never holds more than its capacity, and no wake is lost.
#include "base/mailbox.h"

#include "base/check.h"
#include "base/thread.h"

#include <inttypes.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#define SENDERS 4
#define MESSAGES 50000
#define CAPACITY 64

struct message {
    struct list link;
    uint32_t    sender;
    uint32_t    number;
};

struct sender {
    struct thread   thread;
    struct mailbox *box;
    uint32_t        index;
    uint64_t        refused;
};

static void on_wake(void *context) {
    CHECK(sem_post(context) == 0);
}

static struct message *message_create(uint32_t sender, uint32_t number) {
    struct message *message = calloc(1, sizeof *message);
    CHECK(message != NULL);
    message->sender = sender;
    message->number = number;
    return message;
}

static void send_all(struct thread *thread, void *context) {
    struct sender *sender = context;
    thread_ready(thread, STATUS_OK);
    for (uint32_t number = 0; number < MESSAGES; number++) {
        struct message *message = message_create(sender->index, number);
        for (;;) {
            enum status status = mailbox_push(sender->box, &message->link);
            if (status == STATUS_OK) break;
            CHECK(status == STATUS_FULL);
            sender->refused++;
            sched_yield();
        }
    }
}

// Answers how many messages were in the batch.
static uint32_t take(struct mailbox *box, uint32_t *next) {
    struct list  batch;
    struct list *link;
    uint32_t     count = 0;
    list_init(&batch);
    mailbox_drain(box, &batch);
    while ((link = list_pop(&batch)) != NULL) {
        struct message *message = LIST_ENTRY(link, struct message, link);
        CHECK(message->number == next[message->sender]);
        next[message->sender]++;
        free(message);
        count++;
    }
    CHECK(count <= CAPACITY);
    return count;
}

static void check_closed(struct mailbox *box) {
    struct message *late = message_create(0, 0);
    mailbox_close(box);
    CHECK(mailbox_push(box, &late->link) == STATUS_CLOSED);
    free(late);
}

int main(void) {
    static struct sender senders[SENDERS];
    uint32_t             next[SENDERS] = {0};
    struct mailbox       box;
    sem_t                wakes;
    CHECK(sem_init(&wakes, 0, 0) == 0);
    mailbox_init(&box, CAPACITY, on_wake, &wakes);

    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i].box = &box;
        senders[i].index = i;
        CHECK(thread_start(&senders[i].thread, "sender", send_all, &senders[i]) == STATUS_OK);
    }
    for (uint32_t left = SENDERS * MESSAGES; left > 0;) {
        CHECK(sem_wait(&wakes) == 0);
        left -= take(&box, next);
    }
    uint64_t refused = 0;
    for (uint32_t i = 0; i < SENDERS; i++) {
        thread_join(&senders[i].thread);
        refused += senders[i].refused;
    }
    check_closed(&box);
    mailbox_fini(&box);
    CHECK(sem_destroy(&wakes) == 0);
    printf("mailbox_stress: %d messages arrived, %" PRIu64 " were refused at first\n",
           SENDERS * MESSAGES, refused);
    return 0;
}
