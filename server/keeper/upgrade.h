// upgrade: brings actors from one version of their code to another, up or down, while they run.
//
// A pool's hosts have one set of code (keeper/code_set), so the pool that an actor is in says which
// version it runs, and to upgrade it is to move it to another pool. One upgrade runs at a time:
//
//   TRIAL    A set with the new file is made, and a pool of changes, which runs no actor, is opened
//            with it. If its host does not come up, or does not have what it should, nothing has
//            happened.
//   OPENING  A pool for everybody with the new set is opened; new actors start there from when its
//            host is up.
//   MOVING   All actors that are elsewhere are gone through by their slots. Where the file of the
//            behaviour is the same they just move. Else their state is read from the mirror and
//            goes through code_change in the pool of changes, and they move if what comes out
//            belongs to the state that they still have. Who refuses stays.
//
// Whether an actor can move is asked when the new state is there: no turn of it may be in flight,
// and its state must be the one that was read. For one that is idle that is so. One that is not is
// tried again with `changing` set: then nothing of it begins until it has moved, or has not. A host
// that dies, an incarnation that ends and a state that is replaced need no care for that reason:
// afterwards the answer to the question is no.
//
// A dry run is a trial and the changes, and nobody moves. Pools that nobody is left in close by
// themselves, and with the last of them goes a set.
#pragma once

#include "keeper/shard.h"
#include "wire/codec.h"

#define CODE_SETS_MAX 4u          // alive at once, the present one included
#define UPGRADE_CHANGES_MAX 256u  // on their way at a time
#define UPGRADE_REFUSALS_MAX 100u // that are reported with their names
#define UPGRADE_DEATHS_MAX 3u     // hosts that code_change may end before the upgrade is given up
#define UPGRADE_OPEN_MS 10000u    // how long the new hosts may take
#define UPGRADE_PROGRESS_MS 100u

// The verbs Upgrade and Deploy. The answer is an error if nothing was changed, else a report when
// all have been asked.   Thread: net.
enum status upgrade_run(struct shard *shard, struct caller caller, const struct request *request);

// What the server's directory holds now, as asked by port.read_code; NULL: it cannot be read.
// Owns: the hold of `code`.   Thread: net.
void upgrade_code_read(struct shard *shard, struct code_set *code);

// Goes on as far as it can. Once per loop turn.   Thread: net.
void upgrade_step(struct shard *shard);

// Whether the next step would get further without any news.   Thread: net.
bool upgrade_hurries(const struct shard *shard);

// The commit that answers a TURN_CODE_CHANGE.
// Fails: STATUS_PROTOCOL (nonsense), STATUS_FULL (the mirror has no room; to be applied again),
//        STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status upgrade_answered(struct shard *shard, const struct turn_record *turn,
                                       const struct commit *commit);

// News of hosts, whatever their pool is.   Thread: net.
void upgrade_load_failed(struct shard *shard, const struct host *host, const struct code_file *file,
                         struct slice why);
void upgrade_host_ready(struct shard *shard, const struct host *host);
void upgrade_spawn_failed(struct shard *shard, const struct pool *pool);
// Before what is in the host's rings is taken back.
void upgrade_host_lost(struct shard *shard, const struct host *host, enum host_end end,
                       const struct worker *culprit);

// Frees what is left of one that was under way.   Thread: main, as shard_fini.
void upgrade_fini(struct shard *shard);
