// Our functions beside those of Lua itself: the same cases run in a state of ours and in one as the
// manual has it, and what came out is compared.
#include "host/lua_program.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lualib.h>

#include <string.h>

TestSuite(lua_libraries, .timeout = 60);

// What is under test is called through run(); results, or that there was an error, go into a sum,
// which leaves as the version.
#define BEFORE                                                                                   \
    "local sum, seed = 17, 1\n"                                                                  \
    "local function random(n) seed = (seed * 1103515245 + 12345) & 0x7fffffff "                  \
    "return (seed >> 8) % n + 1 end\n"                                                           \
    "local function note(s) for i = 1, #s do sum = (sum * 31 + s:byte(i)) & 0xffffffffffff end " \
    "end\n"                                                                                      \
    "local function show(v) if type(v) == 'table' then local s = {} for i = 1, 40 do "           \
    "s[i] = tostring(v[i]) end return table.concat(s, ',') end return tostring(v) end\n"         \
    "local function run(f, ...) local r = table.pack(pcall(f, ...)) "                            \
    "if not r[1] then return note('error;') end "                                                \
    "for i = 2, r.n do note(show(r[i]) .. ';') end end\n"                                        \
    "local function pick(list) return list[random(#list)] end\n"
#define AFTER "\nreturn {version = tostring(sum)}\n"

static void same(const char *source) {
    static char         why[LUA_WHY_BYTES];
    struct lua_program *ours = NULL;
    enum status         status = lua_program_create("a.lua", source, strlen(source), &ours, why);
    cr_assert(status == STATUS_OK, "%s", why);

    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    cr_assert(luaL_dostring(L, source) == LUA_OK, "%s", lua_tostring(L, -1));
    lua_getfield(L, -1, "version");
    cr_assert_str_eq(ours->version, lua_tostring(L, -1));
    lua_close(L);
    lua_program_destroy(ours);
}

Test(lua_libraries, match_patterns_as_lua_does) {
    same(BEFORE
         "local bits = {'a', 'b', '.', '%a', '%d', '%s', '[ab]', '[^a]', '[a-c%d]', '(', ')', '()',"
         " '*', '+', '-', '?', '%b()', '%f[%w]', '%1', '^', '$', '%%', '[]]', 'x', '%', '[', "
         "'\\0'}\n"
         "local letters = {'a', 'b', 'c', '(', ')', ' ', '1', 'x', '\\0', ']', '%'}\n"
         "for i = 1, 6000 do\n"
         "  local p, s = {}, {}\n"
         "  for k = 1, random(6) do p[k] = pick(bits) end\n"
         "  for k = 1, random(12) do s[k] = pick(letters) end\n"
         "  p, s = table.concat(p), table.concat(s)\n"
         "  run(string.find, s, p) run(string.find, s, p, random(9) - 5)\n"
         "  run(string.find, s, p, 1, true) run(string.match, s, p)\n"
         "  run(string.gsub, s, p, '<%0>') run(string.gsub, s, p, '%1%%', random(3))\n"
         "  run(string.gsub, s, p, {a = 'A', b = false, x = 1})\n"
         "  run(string.gsub, s, p, function(c) if c == 'a' then return 'Q' end end)\n"
         "  run(function() local n = '' for a, b in string.gmatch(s, p) do "
         "    n = n .. tostring(a) .. tostring(b) end return n end)\n"
         "end" AFTER);
}

Test(lua_libraries, work_on_tables_as_lua_does) {
    same(BEFORE
         "for i = 1, 3000 do\n"
         "  local t = {} for k = 1, random(8) - 1 do t[k] = random(20) end\n"
         "  local a, b, c = random(12) - 3, random(12) - 3, random(12) - 3\n"
         "  run(function() table.insert(t, a, 'new') return t end)\n"
         "  run(function() table.insert(t, 'last') return t end)\n"
         "  run(function() return table.remove(t), t end)\n"
         "  run(function() return table.remove(t, a), t end)\n"
         "  run(function() return table.move(t, a, b, c) end)\n"
         "  run(function() return table.move(t, a, b, c, {}) end)\n"
         "  run(table.concat, t, '-') run(table.concat, t, ',', a, b)\n"
         "  run(table.unpack, t) run(table.unpack, t, a, b)\n"
         "  run(function() table.sort(t, function(x, y) return tostring(x) > tostring(y) end) "
         "    return t end)\n"
         "end\n"
         "run(table.insert) run(table.insert, {}, 1, 2, 3) run(table.concat, {{}})\n"
         "run(table.move, {}, 1, math.maxinteger, 2)" AFTER);
}

Test(lua_libraries, repeat_and_resume_as_lua_does) {
    same(BEFORE
         "for i = 0, 40 do run(string.rep, 'ab', i % 7 - 2) run(string.rep, 'a', i % 5, ', ') end\n"
         "run(string.rep, 'x', math.maxinteger) run(string.rep, 'x', -1)\n"
         "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) "
         "  local d, e = coroutine.yield(c * 2) return d, e end)\n"
         "run(coroutine.resume, co, 1, 2) run(coroutine.resume, co, 5) run(coroutine.resume, co, "
         "7, 8)\n"
         "run(coroutine.resume, co) run(coroutine.status, co) run(coroutine.resume, 5)\n"
         "local w = coroutine.wrap(function() coroutine.yield(1) error({}) end)\n"
         "run(w) run(w) run(w) run(coroutine.wrap, 5)\n"
         "run(function() return xpcall(error, function(m) return m .. '!' end, 'x') end)\n"
         "run(function() return xpcall(function(...) return ... end, print, 1, nil, 3) end)\n"
         "run(coroutine.wrap(function() return xpcall(coroutine.yield, print, 1) end))" AFTER);
}
