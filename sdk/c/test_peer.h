// test_peer: a scripted server for tests. A thread takes connections on a port of 127.0.0.1, one at
// a time, and runs the script with each; what a test expects of the client's bytes stands there.
#pragma once

#include "base/buf.h"

#include <peeper/client.h>
#include <peeper/v1/peeper.pb-c.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

struct peer;
typedef void peer_script(struct peer *peer);

struct peer {
    // immutable after start
    peer_script *script;
    int          connections; // how many are served before the thread ends
    int          listen_fd;
    char         address[32]; // "127.0.0.1:PORT"
    pthread_t    thread;
    sem_t        gate; // a script waits here for what the test has to do first
    // peer thread
    int                      fd;
    int                      connection; // index of the present one
    struct buf               in;
    struct buf               out;
    Peeper__V1__ClientFrame *frame; // the last one read
    // written by the script, read by the test after peer_stop()
    size_t seen;
};

// Starts / takes no more connections and waits until the script has ended for the present one.
void peer_start(struct peer *peer, int connections, peer_script *script);
void peer_stop(struct peer *peer);

// --- In scripts ----------------------------------------------------------------------------------

// The next frame; NULL at the end of the stream. Valid until the next read.
const Peeper__V1__ClientFrame *peer_read(struct peer *peer);

// Reads the hello and welcomes it, with this limit of frames.
void peer_welcome(struct peer *peer, uint32_t frame_bytes_max);

// Reads until the client closes.
void peer_read_to_end(struct peer *peer);

// Writes bytes / frames. A client that is gone is no failure.
void peer_write_bytes(struct peer *peer, const void *data, size_t bytes);
void peer_write(struct peer *peer, const Peeper__V1__ServerFrame *frame);
void peer_reply(struct peer *peer, uint64_t id, const uint8_t *payload, size_t bytes);
void peer_reply_int(struct peer *peer, uint64_t id, int64_t value);
void peer_done(struct peer *peer, uint64_t id);
void peer_error(struct peer *peer, uint64_t id, Peeper__V1__Status status, const char *message);

// A watch begins / what it tells of unit 3, called "n": that its state is "new" (and was "old"),
// that it ended with version 8 for the reason "why", that versions 4 to 6 were left out, that it
// has stepped back from version 8 to 7 after so many steps that were not told.
void peer_watching(struct peer *peer, uint64_t id, uint64_t ref);
void peer_changed(struct peer *peer, uint64_t ref, uint64_t version, bool with_old);
void peer_ended(struct peer *peer, uint64_t ref);
void peer_gap(struct peer *peer, uint64_t ref);
void peer_stepped(struct peer *peer, uint64_t ref, uint64_t missed);
