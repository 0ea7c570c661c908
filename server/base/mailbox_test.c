#include "base/mailbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#define SENDERS 4
#define MESSAGES 20000 // of each sender

struct message {
    struct list link;
    int         sender;
    int         number;
};

static struct mailbox box;
static int            wakes;

static void count_wake(void *context) {
    cr_assert(context == &box);
    wakes++;
}

static void init(void) {
    mailbox_init(&box, 2, count_wake, &box);
}

TestSuite(mailbox, .init = init, .timeout = 60);

Test(mailbox, gives_messages_out_in_order_and_wakes_only_when_it_was_empty) {
    struct message first = {.number = 1}, second = {.number = 2};
    struct list    taken;
    list_init(&taken);
    cr_assert(mailbox_push(&box, &first.link) == STATUS_OK);
    cr_assert(mailbox_push(&box, &second.link) == STATUS_OK);
    cr_assert_eq(wakes, 1);
    mailbox_drain(&box, &taken);
    cr_assert(list_pop(&taken) == &first.link);
    cr_assert(list_pop(&taken) == &second.link);
    cr_assert_null(list_pop(&taken));

    cr_assert(mailbox_push(&box, &first.link) == STATUS_OK);
    cr_assert_eq(wakes, 2);
    mailbox_drain(&box, &taken);
    mailbox_fini(&box);
}

Test(mailbox, refuses_when_full_and_leaves_the_message_with_the_sender) {
    struct message messages[3];
    struct list    taken;
    list_init(&taken);
    list_init(&messages[2].link);
    cr_assert(mailbox_push(&box, &messages[0].link) == STATUS_OK);
    cr_assert(mailbox_push(&box, &messages[1].link) == STATUS_OK);
    cr_assert(mailbox_push(&box, &messages[2].link) == STATUS_FULL);
    cr_assert(list_empty(&messages[2].link));
    cr_assert_eq(wakes, 1);

    mailbox_drain(&box, &taken);
    cr_assert(mailbox_push(&box, &messages[2].link) == STATUS_OK);
}

Test(mailbox, refuses_when_closed_and_can_still_be_drained) {
    struct message first, second;
    struct list    taken;
    list_init(&taken);
    cr_assert(mailbox_push(&box, &first.link) == STATUS_OK);
    mailbox_close(&box);
    mailbox_close(&box);
    cr_assert(mailbox_push(&box, &second.link) == STATUS_CLOSED);
    mailbox_drain(&box, &taken);
    cr_assert(list_pop(&taken) == &first.link);
    cr_assert(mailbox_push(&box, &second.link) == STATUS_CLOSED);
    cr_assert_eq(wakes, 1);
    mailbox_fini(&box);
}

Test(mailbox, drain_appends_to_what_was_taken_before) {
    struct message first, second;
    struct list    taken;
    list_init(&taken);
    list_push(&taken, &first.link);
    cr_assert(mailbox_push(&box, &second.link) == STATUS_OK);
    mailbox_drain(&box, &taken);
    cr_assert(list_pop(&taken) == &first.link);
    cr_assert(list_pop(&taken) == &second.link);
}

Test(mailbox, fini_of_a_box_that_holds_messages_is_a_bug, .signal = SIGABRT) {
    struct message first;
    if (mailbox_push(&box, &first.link) == STATUS_OK) mailbox_fini(&box);
}

static struct mailbox shared;
static sem_t          woken;

static void post(void *context) {
    sem_post(context);
}

static void *send_all(void *argument) {
    struct message *messages = argument;
    for (int i = 0; i < MESSAGES; i++) {
        while (mailbox_push(&shared, &messages[i].link) == STATUS_FULL) sched_yield();
    }
    return NULL;
}

static struct message *sender_messages(int sender) {
    struct message *messages = calloc(MESSAGES, sizeof *messages);
    for (int i = 0; i < MESSAGES; i++) {
        messages[i].sender = sender;
        messages[i].number = i;
    }
    return messages;
}

// Sleeps on each wake and takes all: a lost wake would leave the test waiting for its time-out.
static void receive_all(void) {
    int         next[SENDERS] = {0};
    int         received = 0;
    struct list taken;
    list_init(&taken);
    while (received < SENDERS * MESSAGES) {
        sem_wait(&woken);
        mailbox_drain(&shared, &taken);
        for (struct list *link; (link = list_pop(&taken)) != NULL; received++) {
            struct message *message = LIST_ENTRY(link, struct message, link);
            cr_assert_eq(message->number, next[message->sender]++);
        }
    }
}

Test(mailbox, many_senders_lose_nothing_and_keep_their_order) {
    pthread_t       threads[SENDERS];
    struct message *messages[SENDERS];
    cr_assert(sem_init(&woken, 0, 0) == 0);
    mailbox_init(&shared, 64, post, &woken);
    for (int i = 0; i < SENDERS; i++) {
        messages[i] = sender_messages(i);
        cr_assert(pthread_create(&threads[i], NULL, send_all, messages[i]) == 0);
    }
    receive_all();
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        free(messages[i]);
    }
    mailbox_fini(&shared);
    sem_destroy(&woken);
}
