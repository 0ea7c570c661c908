#include "host/lua_pattern.h"

#include "host/lua_budget.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ESCAPE '%'
// Of the recursion, which the worker's stack has to hold.
#define DEPTH_MAX 200
#define STEPS_PER_CHARGE 256

static const char *match_here(struct lua_pattern *match, const char *at, const char *p);

static void step(struct lua_pattern *match) {
    if (++match->steps < STEPS_PER_CHARGE) return;
    lua_budget_charge(match->L, match->steps);
    match->steps = 0;
}

static unsigned char byte_at(const char *at) {
    return (unsigned char)*at;
}

// --- Single characters ---------------------------------------------------------------------------

// Behind the single character class that begins at `p`.
static const char *class_end(struct lua_pattern *match, const char *p) {
    if (*p == ESCAPE) {
        if (p + 1 >= match->pattern_end) luaL_error(match->L, "malformed pattern (ends with '%%')");
        return p + 2;
    }
    if (*p != '[') return p + 1;
    p++;
    if (p < match->pattern_end && *p == '^') p++;
    // A first ] stands for itself.
    do {
        if (p >= match->pattern_end) luaL_error(match->L, "malformed pattern (missing ']')");
        char c = *p++;
        if (c == ESCAPE) p++;
    } while (p >= match->pattern_end || *p != ']');
    return p + 1;
}

static bool in_named_class(int c, int name) {
    bool found;
    switch (tolower(name)) {
        case 'a': found = isalpha(c) != 0; break;
        case 'c': found = iscntrl(c) != 0; break;
        case 'd': found = isdigit(c) != 0; break;
        case 'g': found = isgraph(c) != 0; break;
        case 'l': found = islower(c) != 0; break;
        case 'p': found = ispunct(c) != 0; break;
        case 's': found = isspace(c) != 0; break;
        case 'u': found = isupper(c) != 0; break;
        case 'w': found = isalnum(c) != 0; break;
        case 'x': found = isxdigit(c) != 0; break;
        default: return name == c;
    }
    return isupper(name) ? !found : found;
}

// `p` is at the [, `last` at its ].
static bool in_set(int c, const char *p, const char *last) {
    bool wanted = true;
    if (p[1] == '^') {
        wanted = false;
        p++;
    }
    while (++p < last) {
        if (*p == ESCAPE) {
            p++;
            if (in_named_class(c, byte_at(p))) return wanted;
        } else if (p[1] == '-' && p + 2 < last) {
            if (byte_at(p) <= c && c <= byte_at(p + 2)) return wanted;
            p += 2;
        } else if (byte_at(p) == c) {
            return wanted;
        }
    }
    return !wanted;
}

static bool single(struct lua_pattern *match, const char *at, const char *p, const char *p_end) {
    step(match);
    if (at >= match->end) return false;
    int c = byte_at(at);
    switch (*p) {
        case '.': return true;
        case ESCAPE: return in_named_class(c, byte_at(p + 1));
        case '[': return in_set(c, p, p_end - 1);
        default: return byte_at(p) == c;
    }
}

// --- What stands for more than one character -----------------------------------------------------

static const char *match_balance(struct lua_pattern *match, const char *at, const char *p) {
    if (p + 1 >= match->pattern_end) {
        luaL_error(match->L, "malformed pattern (missing arguments to '%%b')");
    }
    if (at >= match->end || *at != *p) return NULL;
    long open = 1;
    for (const char *s = at + 1; s < match->end; s++) {
        step(match);
        if (*s == p[1]) {
            if (--open == 0) return s + 1;
        } else if (*s == *p) {
            open++;
        }
    }
    return NULL;
}

static const char *most_first(struct lua_pattern *match, const char *at, const char *p,
                              const char *p_end) {
    ptrdiff_t count = 0;
    while (single(match, at + count, p, p_end)) count++;
    for (; count >= 0; count--) {
        const char *end = match_here(match, at + count, p_end + 1);
        if (end != NULL) return end;
    }
    return NULL;
}

static const char *least_first(struct lua_pattern *match, const char *at, const char *p,
                               const char *p_end) {
    for (;; at++) {
        const char *end = match_here(match, at, p_end + 1);
        if (end != NULL) return end;
        if (!single(match, at, p, p_end)) return NULL;
    }
}

static const char *open_capture(struct lua_pattern *match, const char *at, const char *p,
                                ptrdiff_t kind) {
    if (match->capture_count >= LUA_PATTERN_CAPTURES_MAX) luaL_error(match->L, "too many captures");
    match->captures[match->capture_count++] = (struct lua_capture){.begin = at, .bytes = kind};
    const char *end = match_here(match, at, p);
    if (end == NULL) match->capture_count--;
    return end;
}

static const char *close_capture(struct lua_pattern *match, const char *at, const char *p) {
    int index = match->capture_count - 1;
    while (index >= 0 && match->captures[index].bytes != LUA_CAPTURE_OPEN) index--;
    if (index < 0) luaL_error(match->L, "invalid pattern capture");
    match->captures[index].bytes = at - match->captures[index].begin;
    const char *end = match_here(match, at, p);
    if (end == NULL) match->captures[index].bytes = LUA_CAPTURE_OPEN;
    return end;
}

static const char *match_back_reference(struct lua_pattern *match, const char *at, int digit) {
    int index = digit - '1';
    if (index < 0 || index >= match->capture_count ||
        match->captures[index].bytes == LUA_CAPTURE_OPEN) {
        luaL_error(match->L, "invalid capture index %%%d", index + 1);
    }
    const struct lua_capture *capture = &match->captures[index];
    if (capture->bytes == LUA_CAPTURE_POSITION) return NULL;
    size_t bytes = (size_t)capture->bytes;
    lua_budget_charge(match->L, bytes / 64);
    if ((size_t)(match->end - at) < bytes || memcmp(capture->begin, at, bytes) != 0) return NULL;
    return at + bytes;
}

static bool at_frontier(struct lua_pattern *match, const char *at, const char *p,
                        const char *p_end) {
    int before = at == match->begin ? 0 : byte_at(at - 1);
    int here = at == match->end ? 0 : byte_at(at);
    return !in_set(before, p, p_end - 1) && in_set(here, p, p_end - 1);
}

// --- The whole -----------------------------------------------------------------------------------

// %b, %f and %1; `*ret_done` is false where it is none of them, but a class. Where one has matched
// `at` and `p` go behind it.
static bool special(struct lua_pattern *match, const char **at, const char **p, bool *ret_done) {
    char name = *p + 1 < match->pattern_end ? (*p)[1] : '\0';
    *ret_done = true;
    if (name == 'b') {
        *at = match_balance(match, *at, *p + 2);
        *p += 4;
        return *at != NULL;
    }
    if (name == 'f') {
        const char *set = *p + 2;
        if (set >= match->pattern_end || *set != '[') {
            luaL_error(match->L, "missing '[' after '%%f' in pattern");
        }
        *p = class_end(match, set);
        return at_frontier(match, *at, set, *p);
    }
    if (isdigit((unsigned char)name)) {
        *at = match_back_reference(match, *at, name);
        *p += 2;
        return *at != NULL;
    }
    *ret_done = false;
    return true;
}

// A single character and what may follow it. True if the loop goes on with `*at` and `*p`; else
// `*ret_end` is the answer.
static bool repeated(struct lua_pattern *match, const char **at, const char **p,
                     const char **ret_end) {
    const char *p_end = class_end(match, *p);
    char        suffix = p_end < match->pattern_end ? *p_end : '\0';
    if (suffix == '*' || suffix == '+' || suffix == '-') {
        const char *from = *at;
        *ret_end = NULL;
        if (suffix == '+' && !single(match, from++, *p, p_end)) return false;
        *ret_end = suffix == '-' ? least_first(match, from, *p, p_end)
                                 : most_first(match, from, *p, p_end);
        return false;
    }
    bool found = single(match, *at, *p, p_end);
    if (suffix == '?' && found) {
        *ret_end = match_here(match, *at + 1, p_end + 1);
        if (*ret_end != NULL) return false;
        found = false;
    }
    *ret_end = NULL;
    if (!found && suffix != '?') return false;
    if (found) ++*at;
    *p = suffix == '?' ? p_end + 1 : p_end;
    return true;
}

static const char *match_from(struct lua_pattern *match, const char *at, const char *p) {
    while (p < match->pattern_end) {
        step(match);
        if (*p == '(') {
            bool position = p + 1 < match->pattern_end && p[1] == ')';
            return position ? open_capture(match, at, p + 2, LUA_CAPTURE_POSITION)
                            : open_capture(match, at, p + 1, LUA_CAPTURE_OPEN);
        }
        if (*p == ')') return close_capture(match, at, p + 1);
        if (*p == '$' && p + 1 == match->pattern_end) return at == match->end ? at : NULL;
        bool done = false;
        if (*p == ESCAPE && !special(match, &at, &p, &done)) return NULL;
        const char *end;
        if (!done && !repeated(match, &at, &p, &end)) return end;
    }
    return at;
}

static const char *match_here(struct lua_pattern *match, const char *at, const char *p) {
    if (++match->depth > DEPTH_MAX) luaL_error(match->L, "pattern too complex");
    const char *end = match_from(match, at, p);
    match->depth--;
    return end;
}

const char *lua_pattern_match(struct lua_pattern *match, const char *at, const char *pattern) {
    match->depth = 0;
    match->capture_count = 0;
    return match_here(match, at, pattern);
}

// --- Captures ------------------------------------------------------------------------------------

void lua_pattern_push(struct lua_pattern *match, int index, const char *begin, const char *end) {
    if (index >= match->capture_count) {
        if (index != 0) luaL_error(match->L, "invalid capture index %%%d", index + 1);
        lua_pushlstring(match->L, begin, (size_t)(end - begin));
        return;
    }
    const struct lua_capture *capture = &match->captures[index];
    if (capture->bytes == LUA_CAPTURE_OPEN) luaL_error(match->L, "unfinished capture");
    if (capture->bytes == LUA_CAPTURE_POSITION) {
        lua_pushinteger(match->L, capture->begin - match->begin + 1);
    } else {
        lua_pushlstring(match->L, capture->begin, (size_t)capture->bytes);
    }
}

int lua_pattern_push_all(struct lua_pattern *match, const char *begin, const char *end) {
    int count = match->capture_count == 0 && begin != NULL ? 1 : match->capture_count;
    luaL_checkstack(match->L, count, "too many captures");
    for (int i = 0; i < count; i++) lua_pattern_push(match, i, begin, end);
    return count;
}
