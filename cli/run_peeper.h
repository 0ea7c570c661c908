// run_peeper: runs the real program for a test and keeps what it said.
#pragma once

#include "test_peer.h"

#define OUTPUT_BYTES 8192

struct result {
    int  code;
    char out[OUTPUT_BYTES];
    char err[OUTPUT_BYTES];
};

// `line` is cut at blanks. The program sees none of the tester's environment.   Thread: any.
struct result run_peeper(const char *line);

// Runs `line` against a peer of its own.
struct result run_peeper_with(peer_script *script, struct peer *peer, const char *line);
