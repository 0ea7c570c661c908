// hostile_host: a test double of peeper-host that turns against its keeper.
//
// It serves the same descriptors and rings (wire/turn.h). It announces a fixed list of behaviours,
// answers some turns as a counter would, and then damages what it writes: lengths, indices, kinds,
// turn numbers, whole records, its control page, also while the keeper reads. What a life does
// depends only on the seed and on the number of the life, up to the timing of the keeper. It runs
// all workers on one thread, and it never runs user code.
//
// The tally file (path in PEEPER_HOSTILE_TALLY) is shared by all lives and by the test.
#define _GNU_SOURCE
#include "base/ring.h"
#include "wire/turn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SLOTS 65536
#define STAGE_BYTES (256u << 10)
#define MUTATION_KINDS 32
#define POLL_MS 50

enum mode {
    MODE_ATTACK = 0,
    MODE_BEHAVE = 1, // only good lives from now on
    MODE_STALL = 2,  // turns are left where they are, not even claimed
};

// All zero at first but the seed and the mode, which the test writes.
struct tally {
    uint64_t         seed;
    _Atomic uint64_t mode; // enum mode
    _Atomic uint64_t lives;
    _Atomic uint64_t mutations;
    _Atomic uint64_t by_kind[MUTATION_KINDS];
};

// The double's copy of an actor: a counter.
struct copy {
    uint32_t epoch;
    bool     present;
    int64_t  value;
};

struct port {
    struct ring                 turns;
    struct ring                 commits;
    const struct turns_control *in;
    struct commits_control     *out;
    int                         doorbell;
    uint64_t                    turn_at;
    uint64_t                    commit_at;
};

// A commit before it is published: record and items in one piece.
struct stage {
    _Alignas(8) uint8_t bytes[STAGE_BYTES];
    size_t used; // record included
};

struct life {
    struct tally *tally;
    uint16_t      chance[3]; // state of the generator
    uint32_t      worker_count;
    struct port   ports[HOST_WORKERS_MAX];
    int           keeper; // eventfd that wakes the keeper
    uint32_t      good_turns_left;
    uint32_t      rarity; // a turn is damaged with a chance of 1 in so many
};

static struct copy  copies[SLOTS];
static struct stage stage;

// --- Chance ------------------------------------------------------------------------------------

static uint64_t next_random(struct life *life) {
    uint64_t high = (uint64_t)(uint32_t)jrand48(life->chance);
    return high << 32 | (uint32_t)jrand48(life->chance);
}

static void seed_life(struct life *life, uint64_t number) {
    uint64_t seed = life->tally->seed + number;
    memcpy(life->chance, &seed, sizeof life->chance);
    for (int i = 0; i < 8; i++) (void)next_random(life);
}

static uint64_t below(struct life *life, uint64_t bound) {
    return next_random(life) % bound;
}

// A number that tends to be at an edge of something.
static uint64_t edge(struct life *life) {
    static const uint64_t EDGES[] = {
        0,         1,          7,          8,          47,         48,
        255,       256,        1023,       1024,       1025,       4096,
        65535,     65536,      0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff,
        1u << 18,  1u << 20,   64u << 20,  65u << 20,  UINT64_MAX, UINT64_MAX - 7,
        INT64_MAX, 1ull << 63, 1ull << 32, 0x100000001};
    uint64_t choice = below(life, sizeof EDGES / sizeof EDGES[0] + 4);
    if (choice < sizeof EDGES / sizeof EDGES[0]) return EDGES[choice];
    return next_random(life) >> below(life, 64);
}

static void scribble(struct life *life, void *place, size_t bytes) {
    uint8_t *at = place;
    for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)next_random(life);
}

// --- Building commits --------------------------------------------------------------------------

static struct commit_record *staged_record(void) {
    return (struct commit_record *)(void *)stage.bytes;
}

static void stage_begin(enum commit_kind kind, uint64_t turn) {
    stage.used = sizeof(struct commit_record);
    *staged_record() = (struct commit_record){.kind = (uint8_t)kind, .turn = turn};
}

static void stage_item(struct item_header header, const void *name, const void *body) {
    size_t content = ring_round((size_t)header.name_bytes + header.body_bytes);
    if (stage.used + sizeof header + content > STAGE_BYTES) return;
    uint8_t *at = stage.bytes + stage.used;
    memcpy(at, &header, sizeof header);
    memset(at + sizeof header, 0, content);
    memcpy(at + sizeof header, name, header.name_bytes);
    memcpy(at + sizeof header + header.name_bytes, body, header.body_bytes);
    stage.used += sizeof header + content;
    staged_record()->item_count++;
}

static void stage_body(enum item_kind kind, const void *body, size_t bytes) {
    stage_item((struct item_header){.kind = (uint16_t)kind, .body_bytes = (uint32_t)bytes}, "",
               body);
}

static void stage_end(void) {
    staged_record()->record_bytes = (uint32_t)stage.used;
    staged_record()->item_bytes = (uint32_t)(stage.used - sizeof(struct commit_record));
}

// The encoding of peeper.v1.Value {int}: tag 3, zigzag varint. Returns its length.
static size_t encode_int(uint8_t *room, int64_t value) {
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t   used = 0;
    room[used++] = 0x18;
    for (; zigzag > 0x7f; zigzag >>= 7) room[used++] = (uint8_t)(zigzag | 0x80);
    room[used++] = (uint8_t)zigzag;
    return used;
}

static int64_t decode_int(const uint8_t *data, size_t bytes) {
    if (bytes < 2 || data[0] != 0x18) return 0;
    uint64_t zigzag = 0;
    for (size_t i = 1; i < bytes && i < 11; i++)
        zigzag |= (uint64_t)(data[i] & 0x7f) << (7 * (i - 1));
    return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
}

// --- Publishing --------------------------------------------------------------------------------

static void ring_keeper(const struct life *life) {
    uint64_t one = 1;
    ssize_t  written = write(life->keeper, &one, sizeof one);
    (void)written;
}

static bool has_room(const struct port *port, size_t bytes) {
    uint64_t tail = atomic_load_explicit(&port->in->commits_tail, memory_order_acquire);
    return port->commit_at + bytes - tail <= port->commits.data_bytes;
}

// The stage as it stands, however wrong; the ring's head moves by `bytes`.
static void publish(const struct life *life, struct port *port, size_t bytes) {
    while (!has_room(port, bytes)) poll(NULL, 0, 1);
    memcpy(ring_at(&port->commits, port->commit_at), stage.bytes, stage.used);
    port->commit_at += bytes;
    atomic_store_explicit(&port->out->head, port->commit_at, memory_order_release);
    ring_keeper(life);
}

// --- Answering turns as a counter does ---------------------------------------------------------

struct turn_view {
    const struct turn_record *record;
    const uint8_t            *payload;
    const uint8_t            *state;
};

static struct turn_view view_turn(const struct port *port) {
    const struct turn_record *record = (const void *)ring_at(&port->turns, port->turn_at);
    const uint8_t            *body =
        record->flags & TURN_BULK ? port->turns.bulk : (const uint8_t *)(record + 1);
    return (struct turn_view){
        .record = record,
        .payload = body + record->name_bytes,
        .state = body + record->name_bytes + record->payload_bytes,
    };
}

static void stage_state(const struct copy *copy) {
    uint8_t bytes[16];
    stage_body(ITEM_STATE, bytes, encode_int(bytes, copy->value));
}

static void stage_answer(const struct turn_view *turn) {
    const struct turn_record *record = turn->record;
    struct copy              *copy = &copies[record->slot % SLOTS];
    bool                      loaded = (record->flags & TURN_HAS_STATE) != 0;

    if (loaded) {
        *copy = (struct copy){record->epoch, true, decode_int(turn->state, record->state_bytes)};
    } else if (record->kind == TURN_INIT) {
        *copy =
            (struct copy){record->epoch, true, decode_int(turn->payload, record->payload_bytes)};
    }
    bool known = copy->present && copy->epoch == record->epoch;
    stage_begin(known || record->kind == TURN_FORGET ? COMMIT_DONE : COMMIT_SKIP, record->turn);
    if (record->kind == TURN_FORGET || record->kind == TURN_TERMINATE) copy->present = false;
    if (record->kind == TURN_TERMINATE) staged_record()->flags = COMMIT_STOP;
    if (!known) return;
    if (record->kind == TURN_INIT && !loaded) stage_state(copy);
    if (record->kind != TURN_CALL && record->kind != TURN_CAST && record->kind != TURN_INFO) return;

    copy->value++;
    stage_state(copy);
    uint8_t bytes[16];
    if (record->kind == TURN_CALL) stage_body(ITEM_REPLY, bytes, encode_int(bytes, copy->value));
}

// --- Damage ------------------------------------------------------------------------------------

// Each takes the stage with a good commit and leaves it damaged; or damages the control page.
typedef void damage(struct life *life, struct port *port);

static void damage_bit(struct life *life, struct port *port) {
    (void)port;
    stage.bytes[below(life, stage.used)] ^= (uint8_t)(1u << below(life, 8));
}

static void damage_record_bytes(struct life *life, struct port *port) {
    (void)port;
    staged_record()->record_bytes = (uint32_t)edge(life);
}

static void damage_item_bytes(struct life *life, struct port *port) {
    (void)port;
    staged_record()->item_bytes = (uint32_t)edge(life);
}

static void damage_item_count(struct life *life, struct port *port) {
    (void)port;
    staged_record()->item_count = (uint16_t)edge(life);
}

static void damage_kind(struct life *life, struct port *port) {
    (void)port;
    staged_record()->kind = (uint8_t)below(life, below(life, 2) ? 9 : 256);
}

static void damage_flags(struct life *life, struct port *port) {
    (void)port;
    staged_record()->flags = (uint8_t)next_random(life);
}

static void damage_code(struct life *life, struct port *port) {
    (void)port;
    staged_record()->kind = below(life, 2) ? COMMIT_CRASH : COMMIT_REFUSED;
    staged_record()->code = (uint8_t)edge(life);
}

static void damage_turn(struct life *life, struct port *port) {
    (void)port;
    int64_t step = (int64_t)below(life, 9) - 4;
    staged_record()->turn = below(life, 2) ? edge(life) : staged_record()->turn + (uint64_t)step;
}

static void damage_timeout(struct life *life, struct port *port) {
    (void)port;
    staged_record()->flags |= COMMIT_TIMEOUT;
    staged_record()->due_ms = edge(life);
}

static void damage_bulk(struct life *life, struct port *port) {
    staged_record()->flags |= COMMIT_BULK;
    if (below(life, 2)) staged_record()->record_bytes = sizeof(struct commit_record);
    staged_record()->item_bytes = (uint32_t)edge(life);
    staged_record()->item_count = (uint16_t)edge(life);
    scribble(life, port->commits.bulk, 4096);
}

// A body in the bulk area that is just what it says, and large.
static void damage_large_state(struct life *life, struct port *port) {
    size_t                body = below(life, 8u << 20);
    struct item_header    header = {.kind = ITEM_STATE, .body_bytes = (uint32_t)body};
    struct commit_record *record = staged_record();
    memcpy(port->commits.bulk, &header, sizeof header);
    record->flags |= COMMIT_BULK;
    record->record_bytes = sizeof *record;
    record->item_bytes = (uint32_t)(sizeof header + ring_round(body));
    record->item_count = 1;
    stage.used = sizeof *record;
}

static void damage_item_header(struct life *life, struct port *port) {
    (void)port;
    if (stage.used < sizeof(struct commit_record) + sizeof(struct item_header)) return;
    struct item_header *header = (void *)(stage.bytes + sizeof(struct commit_record));
    switch (below(life, 4)) {
        case 0: header->kind = (uint16_t)edge(life); break;
        case 1: header->name_bytes = (uint16_t)edge(life); break;
        case 2: header->body_bytes = (uint32_t)edge(life); break;
        default: header->token = edge(life); break;
    }
}

static void damage_garbage(struct life *life, struct port *port) {
    (void)port;
    scribble(life, stage.bytes, stage.used);
}

static void damage_items(struct life *life, struct port *port) {
    (void)port;
    size_t from = sizeof(struct commit_record);
    if (stage.used > from) scribble(life, stage.bytes + from, stage.used - from);
}

// Effects on others, well formed but for their names: empty, too long, not UTF-8, nobody's.
static void damage_effects(struct life *life, struct port *port) {
    (void)port;
    static const enum item_kind KINDS[] = {ITEM_SEND,     ITEM_CAST,  ITEM_START,       ITEM_STOP,
                                           ITEM_REPLY_TO, ITEM_TIMER, ITEM_CANCEL_TIMER};
    uint8_t                     name[600];
    for (uint64_t i = below(life, 20) + 1; i > 0; i--) {
        enum item_kind kind = KINDS[below(life, sizeof KINDS / sizeof KINDS[0])];
        size_t         name_bytes = below(life, below(life, 2) ? 16 : sizeof name);
        memset(name, (int)('a' + below(life, 26)), sizeof name);
        if (below(life, 2)) memset(name, (int)below(life, 256), name_bytes);
        if (kind == ITEM_START && name_bytes > 7) memcpy(name, "counter", 7);
        bool nameless = kind == ITEM_REPLY_TO || kind == ITEM_CANCEL_TIMER;
        if (nameless) name_bytes = 0;
        uint8_t  body[16];
        uint64_t token = kind == ITEM_START ? 7 : edge(life);
        scribble(life, body, sizeof body);
        // Due at once, soon or never, and mostly with an id that its turn can have made.
        if (kind == ITEM_TIMER && below(life, 8) > 0) {
            uint64_t due_ms = edge(life);
            if (name_bytes < sizeof due_ms) name_bytes = sizeof due_ms;
            memcpy(name, &due_ms, sizeof due_ms);
            token = staged_record()->turn << TIMER_INDEX_BITS | (1 + below(life, 50));
        }
        stage_item((struct item_header){.kind = (uint16_t)kind,
                                        .name_bytes = (uint16_t)name_bytes,
                                        .body_bytes = kind == ITEM_CANCEL_TIMER
                                                          ? 0
                                                          : (uint32_t)below(life, sizeof body),
                                        .token = token},
                   name, body);
    }
    stage_end();
    if (below(life, 8) == 0) damage_bit(life, port);
}

// Chains that nobody asked for: MORE with and without a continue, again and again.
static void damage_more(struct life *life, struct port *port) {
    staged_record()->flags |= COMMIT_MORE;
    if (below(life, 2)) {
        stage_body(ITEM_CONTINUE, "\x08\x01", 2);
        stage_end();
    }
    for (uint64_t i = below(life, 4); i > 0; i--) publish(life, port, stage.used);
}

static void damage_twice(struct life *life, struct port *port) {
    publish(life, port, stage.used);
}

static void damage_announcement(struct life *life, struct port *port) {
    (void)port;
    stage_begin(below(life, 2) ? COMMIT_BEHAVIOUR : COMMIT_READY, below(life, 4) ? 0 : edge(life));
    uint8_t name[300];
    scribble(life, name, sizeof name);
    stage_body(ITEM_TEXT, name, below(life, sizeof name));
    stage_body(ITEM_REASON, name, below(life, sizeof name));
    staged_record()->turn_deadline_ms = (uint32_t)edge(life);
    stage_end();
}

static void damage_head(struct life *life, struct port *port) {
    uint64_t head = port->commit_at;
    switch (below(life, 5)) {
        case 0: head -= below(life, 4096); break;
        case 1: head += below(life, 4096); break;
        case 2: head += (uint64_t)COMMIT_RING_BYTES + edge(life); break;
        case 3: head = edge(life); break;
        default: head -= head % 4096 + 8; break;
    }
    atomic_store(&port->out->head, head);
    ring_keeper(life);
}

static void damage_claimed(struct life *life, struct port *port) {
    atomic_store(&port->out->claimed,
                 below(life, 2) ? edge(life) : port->turn_at + edge(life) % 4096);
}

static void damage_sleep(struct life *life, struct port *port) {
    // Never 0 for long: the double would not be woken any more.
    atomic_store(&port->out->worker_sleep, (uint32_t)edge(life) | 1u);
}

static void damage_death(struct life *life, struct port *port) {
    atomic_store(&port->out->death_address, edge(life));
    atomic_store(&port->out->death_signal, (uint32_t)edge(life));
    atomic_store(&port->out->death, (uint32_t)below(life, below(life, 2) ? 6 : UINT32_MAX));
    ring_keeper(life);
}

// The keeper copies the trace while another thread of the host could still be writing it.
static void damage_trace(struct life *life, struct port *port) {
    scribble(life, (uint8_t *)port->out->trace, sizeof port->out->trace);
    atomic_store(&port->out->trace_bytes, (uint32_t)edge(life));
    atomic_store(&port->out->death_signal, 11);
    atomic_store(&port->out->death, DEATH_SIGNAL);
    ring_keeper(life);
    for (int i = 0; i < 200; i++) {
        scribble(life, (uint8_t *)port->out->trace, sizeof port->out->trace);
    }
}

static void damage_control_page(struct life *life, struct port *port) {
    uint8_t *page = port->commits.control;
    scribble(life, page + below(life, RING_CONTROL_BYTES - 64), 64);
    atomic_store(&port->out->worker_sleep, 1);
    ring_keeper(life);
}

// Publishes the good commit and keeps changing it while the keeper may be reading.
static void damage_under_the_reader(struct life *life, struct port *port) {
    uint64_t at = port->commit_at;
    publish(life, port, stage.used);
    for (int i = 0; i < 2000; i++) {
        ring_at(&port->commits, at)[below(life, stage.used)] = (uint8_t)next_random(life);
    }
}

struct damage_row {
    damage *make;
    bool    publishes; // by itself; the turn counts as answered
};

static const struct damage_row DAMAGES[] = {
    {damage_bit, false},
    {damage_record_bytes, false},
    {damage_item_bytes, false},
    {damage_item_count, false},
    {damage_kind, false},
    {damage_flags, false},
    {damage_code, false},
    {damage_turn, false},
    {damage_timeout, false},
    {damage_bulk, false},
    {damage_large_state, false},
    {damage_item_header, false},
    {damage_garbage, false},
    {damage_items, false},
    {damage_effects, false},
    {damage_more, false},
    {damage_twice, false},
    {damage_announcement, false},
    {damage_head, false},
    {damage_claimed, false},
    {damage_sleep, false},
    {damage_death, false},
    {damage_trace, false},
    {damage_control_page, false},
    {damage_under_the_reader, true},
};
#define DAMAGES_COUNT (sizeof DAMAGES / sizeof DAMAGES[0])

// One random damage; true if it has published the commit itself.
static bool damage_once(struct life *life, struct port *port) {
    size_t                   kind = below(life, DAMAGES_COUNT);
    const struct damage_row *row = &DAMAGES[kind];
    // Counted first: the keeper may kill this process at once.
    atomic_fetch_add(&life->tally->mutations, 1);
    atomic_fetch_add(&life->tally->by_kind[kind], 1);
    row->make(life, port);
    return row->publishes;
}

static void answer_damaged(struct life *life, struct port *port) {
    bool published = false;
    for (uint64_t i = below(life, 3) + 1; i > 0 && !published; i--)
        published = damage_once(life, port);
    if (published) return;
    // Often the length of what was staged, so that the next record is found; sometimes not.
    size_t bytes = below(life, 16) ? stage.used : ring_round(below(life, 4096));
    publish(life, port, bytes);
}

// --- The loop ----------------------------------------------------------------------------------

static void answer_turn(struct life *life, struct port *port) {
    struct turn_view turn = view_turn(port);
    atomic_store(&port->out->claimed, port->turn_at);
    stage_answer(&turn);
    stage_end();
    uint64_t end = port->turn_at + turn.record->record_bytes;

    bool good = life->good_turns_left > 0 || atomic_load(&life->tally->mode) != MODE_ATTACK;
    if (life->good_turns_left > 0) life->good_turns_left--;
    if (good || below(life, life->rarity) != 0) {
        publish(life, port, stage.used);
    } else {
        answer_damaged(life, port);
    }
    port->turn_at = end;
}

static void serve_port(struct life *life, struct port *port) {
    while (atomic_load_explicit(&port->in->head, memory_order_acquire) - port->turn_at >=
           sizeof(struct turn_record)) {
        if (atomic_load(&life->tally->mode) == MODE_STALL) return;
        answer_turn(life, port);
    }
}

static void sleep_until_doorbell(struct life *life) {
    struct pollfd fds[HOST_WORKERS_MAX];
    for (uint32_t i = 0; i < life->worker_count; i++) {
        fds[i] = (struct pollfd){.fd = life->ports[i].doorbell, .events = POLLIN};
    }
    // worker_sleep is always set, so every publication rings; the bound is for what damage did.
    if (poll(fds, life->worker_count, POLL_MS) <= 0) return;
    for (uint32_t i = 0; i < life->worker_count; i++) {
        uint64_t count;
        if (fds[i].revents & POLLIN && read(fds[i].fd, &count, sizeof count) < 0) return;
    }
}

static void announce(struct life *life) {
    static const char *const NAMES[] = {"counter", "cache", "probe"};
    struct port             *port = &life->ports[0];
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        stage_begin(COMMIT_BEHAVIOUR, 0);
        stage_body(ITEM_TEXT, NAMES[i], strlen(NAMES[i]));
        stage_body(ITEM_REASON, "1", 1);
        staged_record()->turn_deadline_ms = 1000;
        stage_end();
        publish(life, port, stage.used);
    }
    // A life that is rotten from the start is rare: the keeper may pace hosts that never get ready.
    if (atomic_load(&life->tally->mode) == MODE_ATTACK && below(life, 200) == 0)
        damage_once(life, port);
    stage_begin(COMMIT_READY, 0);
    stage_end();
    publish(life, port, stage.used);
}

static bool open_port(struct port *port, uint32_t index) {
    int fd = HOST_FD_FIRST + 3 * (int)index;
    if (ring_map(&port->turns, fd, TURN_RING_BYTES, TURN_BULK_BYTES, false) != STATUS_OK)
        return false;
    if (ring_map(&port->commits, fd + 1, COMMIT_RING_BYTES, COMMIT_BULK_BYTES, true) != STATUS_OK) {
        return false;
    }
    port->in = (const struct turns_control *)(const void *)port->turns.control;
    port->out = (struct commits_control *)(void *)port->commits.control;
    port->doorbell = fd + 2;
    atomic_store(&port->out->worker_sleep, 1);
    return true;
}

static struct tally *open_tally(void) {
    const char *path = getenv("PEEPER_HOSTILE_TALLY");
    int         fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return NULL;
    void *memory = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

static uint32_t workers_of(int count, char **arguments) {
    for (int i = 1; i + 1 < count; i++) {
        if (strcmp(arguments[i], "--workers") == 0)
            return (uint32_t)strtoul(arguments[i + 1], NULL, 10);
    }
    return 0;
}

int main(int count, char **arguments) {
    // Like the real host: it does not outlive its keeper.
    prctl(PR_SET_PDEATHSIG, SIGKILL);

    static struct life life;
    life.tally = open_tally();
    life.worker_count = workers_of(count, arguments);
    if (life.tally == NULL || life.worker_count < 1 || life.worker_count > HOST_WORKERS_MAX)
        return 2;
    for (uint32_t i = 0; i < life.worker_count; i++) {
        if (!open_port(&life.ports[i], i)) return 2;
    }
    life.keeper = HOST_FD_FIRST + 3 * (int)life.worker_count;
    seed_life(&life, atomic_fetch_add(&life.tally->lives, 1));
    life.good_turns_left = (uint32_t)below(&life, 8);
    life.rarity = (uint32_t)below(&life, 3) + 1;

    announce(&life);
    for (;;) {
        for (uint32_t i = 0; i < life.worker_count; i++) serve_port(&life, &life.ports[i]);
        sleep_until_doorbell(&life);
    }
}
