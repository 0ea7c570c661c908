// crash_view: copies of the crash log for people, for view.
#pragma once

#include "keeper/view.h"

// A page of the log, newest first and without messages, of the actors called view->name (empty: of
// all).
// Fails: STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status crash_view_list(struct shard *shard, struct view *view);

// One crash with its message.   Fails: STATUS_NOT_FOUND, STATUS_NO_MEMORY.   Thread: net.
NODISCARD enum status crash_view_one(struct shard *shard, struct view *view);

// Lends `info` what the log has of its last crash.   Thread: net.
void crash_view_lend(struct shard *shard, struct crash_info *info);

// Frees view->reports.   Thread: any.
void crash_view_fini(struct view *view);
