// lua_pattern: matches Lua patterns, as the manual of Lua 5.4 describes them in 6.4.1, and counts
// its steps.
//
// Why not Lua's own: a pattern such as ("a-"):rep(20) .. "b" runs for years, inside one C function
// that nothing can end but the end of the process. Here each step is charged to the budget of the
// turn, so such a pattern ends the turn.
#pragma once

#include <lua.h>
#include <stddef.h>

#define LUA_PATTERN_CAPTURES_MAX 32

struct lua_capture {
    const char *begin;
    ptrdiff_t   bytes; // or one of the two below
};

enum { LUA_CAPTURE_OPEN = -1, LUA_CAPTURE_POSITION = -2 };

struct lua_pattern {
    lua_State  *L;
    const char *begin; // of the subject
    const char *end;
    const char *pattern_end;
    int         depth; // of the recursion
    int         capture_count;
    uint32_t    steps; // since the last charge

    struct lua_capture captures[LUA_PATTERN_CAPTURES_MAX];
};

// The end of the match of `pattern` that begins just at `at`; NULL if there is none. Captures are
// those of the match.
// Fails: raises (a malformed pattern, budget).   Thread: worker.
const char *lua_pattern_match(struct lua_pattern *match, const char *at, const char *pattern);

// Pushes capture `index` (from 0) of the match from `begin` to `end`; the whole match where the
// pattern has no captures and `index` is 0.
// Fails: raises (no such capture).   Thread: worker.
void lua_pattern_push(struct lua_pattern *match, int index, const char *begin, const char *end);

// Pushes all captures, or the whole match if there are none and `begin` is not NULL; answers how
// many.   Thread: worker.
int lua_pattern_push_all(struct lua_pattern *match, const char *begin, const char *end);
