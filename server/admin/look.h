// look: what this process knows of itself: hosts, workers, the mirror, figures. By a view of the
// net thread, and what the admin thread can read by itself.
#pragma once

#include "admin/server.h"
#include "keeper/mirror.h"
#include "keeper/view.h"

#include <jansson.h>

struct peer;

// Asks what the present request of the peer is about, and answers it when it is there.
// Thread: admin.
void look_begin(struct peer *peer);

// Answers those that the net thread has been through with.
void look_deliver(struct http *http);

// JSON of a look, by its name in the routes; NULL: none, or memory.   Thread: any.
json_t *look_json(const char *name, const struct view *view, const struct mirror_counts *mirror,
                  const struct http_counts *http);

// JSON Schema of it, told from what it is where there is one of everything.   Thread: any.
json_t *look_schema(const char *name);
