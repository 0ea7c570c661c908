// Any bytes as one ServerFrame: they decode or they do not, and what was decoded can be read. What
// the short way reads, protobuf-c reads alike.
#include "hot.h"

#include "base/check.h"

#include <string.h>

static volatile size_t sink; // keeps the reads

static void read_all(const struct incoming *incoming) {
    const struct peeper_answer *answer = &incoming->answer;
    sink += strlen(answer->error.message) + strlen(answer->error.kind);
    sink += (size_t)peeper_value_check(answer->error.reason);
    sink += (size_t)peeper_value_check(answer->reply);
    if (incoming->kind == FRAME_STARTED) sink += strlen(answer->started.name);
    if (incoming->kind == FRAME_WELCOME) sink += strlen(incoming->welcome.server_version);
    for (size_t i = 0; i < answer->children.count; i++) {
        const struct peeper_child *child = &answer->children.children[i];
        sink += strlen(child->id) + strlen(child->name) + strlen(child->behaviour);
        sink += strlen(child->status) + strlen(child->restart) + strlen(child->strategy);
    }
    for (size_t i = 0; i < answer->listing.count; i++) {
        const struct peeper_actor *actor = &answer->listing.actors[i];
        sink += strlen(actor->name) + strlen(actor->behaviour) + strlen(actor->status);
        sink += strlen(actor->crash_kind) + (size_t)peeper_value_check(actor->state);
        sink += (size_t)peeper_value_check(actor->crash_reason);
    }
}

static void compare(struct peeper_value frame, const struct incoming *plain) {
    struct incoming hot;
    hot_prepare(&hot);
    if (!hot_decode(frame, &hot)) return;
    CHECK(plain != NULL);
    CHECK(hot.id == plain->id && hot.kind == plain->kind);
    CHECK(hot.answer.replied == plain->answer.replied);
    CHECK(hot.answer.reply.bytes == plain->answer.reply.bytes);
    if (hot.answer.reply.bytes == 0) return;
    CHECK(memcmp(hot.answer.reply.data, plain->answer.reply.data, hot.answer.reply.bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct decoder      decoder;
    struct incoming     incoming;
    struct peeper_value frame = {data, bytes};
    CHECK(decoder_init(&decoder, 1u << 20) == PEEPER_STATUS_OK);
    bool read = decoder_decode(&decoder, frame, &incoming) == PEEPER_STATUS_OK;
    if (read) read_all(&incoming);
    // The decoder's bound is lower here than that of a frame: it may have refused for its size.
    if (read || bytes < 1u << 16) compare(frame, read ? &incoming : NULL);
    CHECK(decoder.total_bytes <= (1u << 20));
    // A second frame finds the decoder as the first one did.
    if (decoder_decode(&decoder, frame, &incoming) == PEEPER_STATUS_OK) read_all(&incoming);
    decoder_fini(&decoder);
    return 0;
}
