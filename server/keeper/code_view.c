#include "keeper/code_view.h"

#include <stdlib.h>
#include <string.h>

#define VERSIONS_MAX (BEHAVIOURS_MAX * 4u)

// The sets that pools have, each once, the present one first.
static uint32_t sets_of(const struct shard *shard, const struct code_set *sets[static POOLS_MAX]) {
    uint32_t count = 0;
    sets[count++] = shard->code;
    for (uint32_t i = 0; i < shard->pool_count; i++) {
        const struct pool *pool = &shard->pools[i];
        bool               known = !pool->open || pool->kind == POOL_OF_CHANGES;
        for (uint32_t k = 0; k < count && !known; k++) known = sets[k] == pool->code;
        if (!known) sets[count++] = pool->code;
    }
    return count;
}

static void fill(struct behaviour_info *info, const struct behaviour *row) {
    *info = (struct behaviour_info){
        .name = row->name,
        .version = row->version,
        .kind = row->kind == BEHAVIOUR_LUA ? "lua" : "native",
        .callbacks = row->callbacks,
        .file = row->file->name,
    };
}

// What is the same file in several sets is the same version.
static void add(struct behaviour_info *infos, size_t first, size_t *count,
                const struct behaviour *row, bool current) {
    size_t at = first;
    while (at < *count && infos[at].file != row->file->name) at++;
    if (at == VERSIONS_MAX) return;
    if (at == *count) fill(&infos[(*count)++], row);
    infos[at].actors += row->actors;
    infos[at].current |= current;
}

static size_t collect(const struct shard *shard, struct behaviour_info *infos) {
    const struct code_set *sets[POOLS_MAX];
    uint32_t               set_count = sets_of(shard, sets);
    size_t                 count = 0;
    for (uint32_t i = 0; i < shard->behaviours.count; i++) {
        size_t first = count;
        for (uint32_t k = 0; k < set_count; k++) {
            const struct behaviour *row = &sets[k]->rows[i];
            bool                    current = sets[k] == shard->code;
            if (row->file == NULL || (!current && row->actors == 0)) continue;
            add(infos, first, &count, row, current);
        }
    }
    return count;
}

enum status code_view_run(struct shard *shard, struct caller caller,
                          const struct request *request) {
    (void)request;
    struct behaviour_info *infos = calloc(VERSIONS_MAX, sizeof *infos);
    if (infos == NULL) {
        shard_answer_status(shard, caller, STATUS_NO_MEMORY);
        return STATUS_OK;
    }
    struct answer answer = {.kind = ANSWER_BEHAVIOURS, .behaviours = infos};
    answer.count = collect(shard, infos);
    shard_answer(shard, caller, &answer);
    free(infos);
    return STATUS_OK;
}
