// The functions of peeper/behaviour.h for monitors and links; the keeper has the ties themselves.
#include "host/ties.h"

#include <string.h>

// The turn's number is never used again, also after this host.
static peeper_ref next_ref(struct peeper_ctx *ctx) {
    if (ctx->refs == TIES_REFS_MAX) {
        context_crash(ctx, COMMIT_CODE_CONTRACT, "too_many_monitors(%u)", TIES_REFS_MAX);
    }
    return ctx->turn << TIES_REF_BITS | ++ctx->refs;
}

peeper_ref peeper_monitor(struct peeper_ctx *ctx, const char *name) {
    peeper_ref ref = next_ref(ctx);
    context_item(ctx, ITEM_MONITOR, ref, name, (struct slice){0});
    return ref;
}

peeper_ref peeper_monitor_id(struct peeper_ctx *ctx, uint64_t id) {
    peeper_ref ref = next_ref(ctx);
    context_item(ctx, ITEM_MONITOR, ref, NULL, slice_of((const uint8_t *)&id, sizeof id));
    return ref;
}

void peeper_demonitor(struct peeper_ctx *ctx, peeper_ref ref) {
    context_item(ctx, ITEM_DEMONITOR, ref, NULL, (struct slice){0});
}

void peeper_link(struct peeper_ctx *ctx, const char *name) {
    context_item(ctx, ITEM_LINK, 0, name, (struct slice){0});
}

void peeper_link_id(struct peeper_ctx *ctx, uint64_t id) {
    context_item(ctx, ITEM_LINK, id, NULL, (struct slice){0});
}

void peeper_unlink(struct peeper_ctx *ctx, const char *name) {
    context_item(ctx, ITEM_UNLINK, 0, name, (struct slice){0});
}

void peeper_unlink_id(struct peeper_ctx *ctx, uint64_t id) {
    context_item(ctx, ITEM_UNLINK, id, NULL, (struct slice){0});
}
