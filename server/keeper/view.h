// view: descriptions of actors and of the shard for people. A look never wakes an actor and never
// waits for its turn: what the net thread knows is copied at once, the state comes from the mirror.
#pragma once

#include "keeper/host_view.h"
#include "keeper/restore.h"
#include "keeper/shard.h"
#include "wire/info.h"

#define VIEW_LIST_MAX 1000u
#define VIEW_LIST_DEFAULT 100u
#define VIEW_HOSTS_MAX 64u // processes that are told of

enum view_kind {
    VIEW_ACTOR,
    VIEW_GENERATIONS,
    VIEW_LIST,
    VIEW_SHARD,
    VIEW_CRASHES,
    VIEW_CRASH,
    VIEW_TABLES,
    VIEW_ROWS,
    VIEW_HOSTS
};

// Figures of the moment, beside the counters.
struct gauges {
    uint32_t actors;
    uint32_t inflight;
    uint64_t waiting_bytes;
    uint64_t ring_bytes;
    uint32_t pending;
    uint32_t keys; // of idempotency
    uint64_t key_bytes;
    uint32_t ties;
    uint32_t timers;
    uint32_t watches;
    uint32_t crashes; // in the crash log
    uint64_t crash_bytes;
    uint32_t connections;
    uint32_t own;                       // actors with a host of their own
    uint32_t quarantined;               // actors in quarantine
    int32_t  host_pids[VIEW_HOSTS_MAX]; // of all pools, and those being reaped; 0 ends
    bool     ready;                     // a host runs
    bool     standby; // one more waits with its code loaded, in every pool that wants one
};

// What VIEW_ROWS asks for, set by table_view_ask(), and what VIEW_TABLES and VIEW_ROWS answer.
struct table_page {
    uint32_t   table_bytes;
    char       table[256];
    struct buf prefix; // owned; as an encoded string; empty: all rows
    struct buf after;  // owned; the key to go on after
    // owned; all they point to is in `text`, owned
    struct table_info *tables;
    struct row_info   *rows;
    uint8_t           *text;
    struct slice       next; // the key to go on after; empty: there is no more
};

// One question. The asker embeds it, sets the first part and keeps it until on_done.
struct view {
    // for askers on other threads: mailbox_push(&shard->inbox, &view.message.link)
    struct shard_message message;
    enum view_kind       kind;
    uint64_t             target; // of one actor: id, or 0 and a name
    uint32_t             name_bytes;
    char                 name[256]; // VIEW_ACTOR, VIEW_CRASHES: name; VIEW_LIST: prefix
    uint64_t             version;   // VIEW_ACTOR: of its state; 0: the newest
    uint64_t             crash;     // VIEW_CRASH
    uint64_t             cursor;
    uint32_t             limit;
    struct table_page    page; // VIEW_ROWS
    // Runs on the net thread, once. The answer below belongs to the asker, who calls view_fini when
    // done with it.
    void (*on_done)(struct view *view);

    // Without it a VIEW_ACTOR with a version is NOT_FOUND, and `detail` names those that there are.
    // OK, NOPROC, NOT_FOUND, INVALID, OVERLOADED, NO_MEMORY, TOO_LARGE, SHUTTING_DOWN
    enum status status;
    // owned; all they point to as well
    struct actor_info   *infos;
    struct crash_report *reports;                    // VIEW_CRASHES: without messages
    struct host_row     *hosts;                      // VIEW_HOSTS, and
    struct worker_row   *workers;                    // those of all active hosts
    uint32_t             worker_count;               //
    uint32_t             count;                      // of infos, reports, tables, rows or hosts
    uint64_t             next;                       // cursor of the next page; 0: none
    char                 detail[RESTORE_TEXT_BYTES]; // more than the status says; may be ""
    // VIEW_GENERATIONS: newest first, and how many are kept
    struct generation_info generations[GENERATIONS_KEPT_MAX];
    uint32_t               generation_count;
    uint32_t               generations_kept;
    struct metrics         metrics;
    struct gauges          gauges;
    // private
    struct mirror_read  read;
    struct mirror_visit visit;
    struct shard       *shard;
    uint64_t            unit;
};

// Prepares a question, also for another thread's push: message.deliver is set.   Thread: any.
void view_init(struct view *view, enum view_kind kind, void (*on_done)(struct view *view));

// Answers a question, now or when the mirror has.   Thread: net.
void view_run(struct shard *shard, struct view *view);

// Frees the answer.   Thread: any.
void view_fini(struct view *view);
