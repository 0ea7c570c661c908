#include "webhook/queue.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

// Exists while it has events.
struct queue_lane {
    struct list bucket;
    struct list turn;   // in ready or waiting, or alone while its first event is out
    struct list events; // owned
    uint64_t    due_ms; // while it waits
    size_t      name_bytes;
    char        name[];
};

void queue_init(struct queue *queue, uint32_t count_max) {
    for (size_t i = 0; i < QUEUE_BUCKETS; i++) list_init(&queue->buckets[i]);
    list_init(&queue->ready);
    list_init(&queue->waiting);
    queue->count_max = count_max;
    queue->count = 0;
    queue->bytes = 0;
}

static struct list *bucket_of(struct queue *queue, struct slice name) {
    return &queue->buckets[XXH3_64bits(name.data, name.bytes) % QUEUE_BUCKETS];
}

static struct queue_lane *find(struct list *bucket, struct slice name) {
    for (struct list *at = bucket->next; at != bucket; at = at->next) {
        struct queue_lane *lane = LIST_ENTRY(at, struct queue_lane, bucket);
        if (lane->name_bytes == name.bytes && memcmp(lane->name, name.data, name.bytes) == 0)
            return lane;
    }
    return NULL;
}

static struct queue_lane *lane_of(struct queue *queue, struct slice name) {
    struct list       *bucket = bucket_of(queue, name);
    struct queue_lane *lane = find(bucket, name);
    if (lane != NULL) return lane;
    lane = malloc(sizeof *lane + name.bytes);
    if (lane == NULL) return NULL;
    list_init(&lane->events);
    list_init(&lane->turn);
    lane->name_bytes = name.bytes;
    memcpy(lane->name, name.data, name.bytes);
    list_push(bucket, &lane->bucket);
    list_push(&queue->ready, &lane->turn);
    return lane;
}

enum status queue_push(struct queue *queue, struct slice name, char *body, size_t bytes,
                       uint64_t now_ms) {
    struct queue_event *event = malloc(sizeof *event);
    struct queue_lane  *lane = event == NULL ? NULL : lane_of(queue, name);
    if (lane == NULL) {
        free(event);
        return STATUS_NO_MEMORY;
    }
    *event = (struct queue_event){.body = body, .bytes = bytes, .since_ms = now_ms};
    list_push(&lane->events, &event->link);
    queue->count++;
    queue->bytes += bytes;
    return STATUS_OK;
}

struct queue_lane *queue_take(struct queue *queue) {
    if (list_empty(&queue->ready)) return NULL;
    struct queue_lane *lane = LIST_ENTRY(list_pop(&queue->ready), struct queue_lane, turn);
    list_init(&lane->turn);
    return lane;
}

struct queue_event *queue_first(struct queue_lane *lane) {
    return LIST_ENTRY(lane->events.next, struct queue_event, link);
}

static void drop_first(struct queue *queue, struct queue_lane *lane) {
    struct queue_event *event = queue_first(lane);
    list_remove(&event->link);
    queue->count--;
    queue->bytes -= event->bytes;
    free(event->body);
    free(event);
}

void queue_done(struct queue *queue, struct queue_lane *lane) {
    CHECK(!list_empty(&lane->events));
    drop_first(queue, lane);
    if (!list_empty(&lane->events)) {
        list_push(&queue->ready, &lane->turn);
        return;
    }
    list_remove(&lane->bucket);
    free(lane);
}

// Times to come mostly grow, so the place is looked for from the end.
void queue_again(struct queue *queue, struct queue_lane *lane, uint64_t due_ms) {
    struct list *before = &queue->waiting;
    while (before->prev != &queue->waiting &&
           LIST_ENTRY(before->prev, struct queue_lane, turn)->due_ms > due_ms)
        before = before->prev;
    lane->due_ms = due_ms;
    list_insert(before, &lane->turn);
}

uint64_t queue_due(struct queue *queue, uint64_t now_ms) {
    while (!list_empty(&queue->waiting)) {
        struct queue_lane *lane = LIST_ENTRY(queue->waiting.next, struct queue_lane, turn);
        if (lane->due_ms > now_ms) return lane->due_ms;
        list_remove(&lane->turn);
        list_push(&queue->ready, &lane->turn);
    }
    return UINT64_MAX;
}

bool queue_is_full(const struct queue *queue) {
    return queue->count >= queue->count_max || queue->bytes >= QUEUE_BYTES_MAX;
}

bool queue_has_room(const struct queue *queue) {
    return queue->count <= queue->count_max / 2 && queue->bytes <= QUEUE_BYTES_MAX / 2;
}

void queue_fini(struct queue *queue) {
    for (size_t i = 0; i < QUEUE_BUCKETS; i++) {
        while (!list_empty(&queue->buckets[i])) {
            struct queue_lane *lane =
                LIST_ENTRY(list_pop(&queue->buckets[i]), struct queue_lane, bucket);
            while (!list_empty(&lane->events)) drop_first(queue, lane);
            free(lane);
        }
    }
    list_init(&queue->ready);
    list_init(&queue->waiting);
}
