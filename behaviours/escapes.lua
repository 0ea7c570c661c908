-- escapes.lua: what code in Lua may try in order to get out of its sandbox, or to stop its host. For tests.
--
-- call  the name of an attempt -> what it got, if it is let live      ["tries"] -> their names
-- The attempts of which nothing comes back are told by the crash that they end in.

local function forever() while true do end end

local function swallow(f, ...)
    while true do pcall(f, ...) end
end

local function keep(t, value)
    t[#t + 1] = value
    return t
end

local kept = coroutine.wrap(function() while true do coroutine.yield() forever() end end)

-- Time: each of these would never end.
local time = {}

time.loop = forever
function time.goto_loop() ::again:: goto again end
function time.loop_in_pcall() swallow(forever) end
function time.goto_in_pcall() ::again:: pcall(error, "x") goto again end
function time.pcall_in_pcall() swallow(pcall, pcall, forever) end
function time.loop_in_coroutine() coroutine.wrap(forever)() end
function time.swallowing_coroutine() coroutine.wrap(swallow)(forever) end
function time.resume_for_ever() swallow(function() coroutine.resume(coroutine.create(forever)) end) end
function time.many_coroutines()
    while true do coroutine.wrap(function() for _ = 1, 200 do end end)() end
end
function time.coroutines_that_are_kept() local t = {} while true do keep(t, coroutine.create(forever)) end end
function time.coroutine_of_another_turn() kept() kept() end
function time.handler() xpcall(error, forever) forever() end
function time.close()
    local _ <close> = setmetatable({}, { __close = forever })
    error("x")
end
function time.close_in_pcall()
    swallow(function()
        local _ <close> = setmetatable({}, { __close = forever })
        forever()
    end)
end
function time.index() return setmetatable({}, { __index = forever }).x end
function time.iterate() for _ in forever do end end
function time.compare() table.sort({ 3, 2, 1, 4 }, function() forever() end) end
function time.replace() string.gsub("x", "x", forever) end
function time.text() tostring(setmetatable({}, { __tostring = forever })) end
function time.log() peeper.log(setmetatable({}, { __tostring = forever })) end
function time.pattern() return string.find(string.rep("a", 100), string.rep("a-", 20) .. "b") end
function time.pattern_in_pcall() swallow(string.match, string.rep("a", 100), string.rep("a*", 20) .. "b") end
function time.pattern_gmatch()
    for _ in string.gmatch(string.rep("a", 100), string.rep("a-", 20) .. "b") do end
end
function time.pattern_gsub() string.gsub(string.rep("a", 100), string.rep("a?", 50) .. string.rep("a-", 20) .. "b", "") end
function time.balance() swallow(string.find, string.rep("(", 100000), "%b()") end
function time.concat() table.concat(setmetatable({}, { __index = table.concat }), "", 1, math.maxinteger) end
function time.move()
    table.move(setmetatable({}, { __index = type }), 1, math.maxinteger - 1, 1, setmetatable({}, { __newindex = type }))
end
function time.move_nothing() table.move({}, 1, math.maxinteger - 1, 1) end
function time.insert() local t = {} while true do table.insert(t, 1, 0) end end
function time.rep_of_nothing() while true do string.rep("", math.maxinteger) end end
function time.unpack() while true do table.unpack({}, 1, 200000) end end
function time.find() while true do string.find(string.rep("a", 100000), string.rep("a", 50000) .. "b", 1, true) end end
function time.utf8() local s = string.rep("x", 1000000) while true do utf8.len(s) end end

-- Memory: each of these would take all there is.
local memory = {}

function memory.table() local t = {} while true do keep(t, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }) end end
function memory.strings()
    local t, piece = {}, string.rep("x", 1000)
    while true do keep(t, piece:rep(100) .. #t) end
end
function memory.doubling() local s = "x" while true do s = s .. s end end
function memory.rep() return #string.rep("x", 1000000000) end
function memory.rep_with_separator() return #string.rep("", 1000000000, "x") end
function time.rep_in_pcall() swallow(string.rep, "x", 1000000000) end
function memory.table_in_pcall()
    local t, piece = {}, string.rep("x", 1000)
    swallow(function() while true do keep(t, piece:rep(100) .. #t) end end)
end
function memory.concat() local t = {} for i = 1, 3 do t[i] = string.rep("xxxxxxxxxx", 2000000) end return #table.concat(t) end
function memory.concat_same() local s, t = string.rep("x", 100000), {} for i = 1, 1000 do t[i] = s end return #table.concat(t) end
function memory.gsub() return #string.gsub(string.rep("x", 100000), ".", string.rep("y", 10000)) end
function memory.format() local s = "x" while true do s = string.format("%s%s", s, s) end end
function memory.pack() return #string.pack("c1000000000", "x") end
function memory.in_coroutine() coroutine.wrap(memory.table)() end
function memory.closures() 
    local t = {}
    while true do
        local a, b, c, d, e, f
        keep(t, function() return a, b, c, d, e, f end)
    end
end
function time.varargs() local function f(...) return f(1, ...) end return f() end
function time.reply()
    local t = {}
    for _ = 1, 60 do t = { t, t } end
    return t
end

-- What is refused with an error that names it.
local refused = {}

function refused.recursion() local function f() return 1 + f() end return f() end
function refused.recursion_of_gsub() local function f() return string.gsub("x", "x", f) end return f() end
function refused.recursion_of_pcall() local function f() error(select(2, pcall(f)), 0) end return f() end
function refused.recursion_of_handlers()
    local function handler() xpcall(error, handler) end
    xpcall(error, handler)
end
function refused.recursion_of_sort() local function f() table.sort({ 1, 2 }, f) end return f() end
function refused.recursion_of_resume() local function f() return coroutine.wrap(f)() end return f() end
function refused.recursion_of_text()
    local t
    t = setmetatable({}, { __tostring = function() return tostring(t) end })
    return tostring(t)
end
function refused.recursion_of_index() local t = {} setmetatable(t, { __index = t }) return t.x end
function refused.deep_pattern() return string.find(string.rep("x", 1000), string.rep("(x", 300)) end
function refused.too_many_results() return select("#", table.unpack({}, 1, 10000000)) end
function refused.too_many_bytes() return select("#", string.byte(string.rep("x", 2000000), 1, -1)) end
function refused.string_metatable() getmetatable("").__index = nil end
function refused.string_function() string.format = nil end
function refused.string_raw() rawset(string, "format", nil) end
function refused.string_set() setmetatable(string, {}) end
function refused.string_method() ("").format = nil end
function refused.table_function() table.insert = nil end
function refused.table_insert() table.insert(table, "x") end
function refused.peeper_function() peeper.send = nil end
function refused.peeper_null() getmetatable(peeper.null).__tostring = nil end
function refused.bytes() getmetatable(peeper.bytes("x")).__eq = nil end
function refused.list() setmetatable(peeper.list {}, {}) end
function refused.global() leak = 1 end
function refused.environment() _ENV.leak = 1 end
function refused.environment_raw() rawset(_ENV, "leak", 1) end
function refused.environment_set() setmetatable(_ENV, nil) end
function refused.finalizer() setmetatable({}, { __gc = forever }) end
function refused.yield() coroutine.yield() end
function refused.sort_by_chance() table.sort({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, function() return true end) end
function refused.sort_of_length()
    table.sort(setmetatable({}, { __index = type, __len = function() return 1 << 30 end }))
end
function refused.format_width() return string.format("%9999999d", 1) end
function refused.error_object() error(setmetatable({}, { __tostring = forever, __name = "x" })) end
function refused.error_nothing() error(nil) end
function refused.error_function() error(forever) end
function refused.error_table() error({ code = 5, why = { "a", "b" } }) end
function refused.error_cycle() local t = {} t.t = t error(t) end
function refused.error_bytes() error("\xff\xfe") end
function refused.error_long() error(string.rep("x", 100000)) end
function refused.reply_function() return { a = { 1, 2, forever } } end
function refused.reply_cycle() local t = {} t.t = t return t end
function refused.reply_mixed() return { 1, 2, x = 3 } end
function refused.reply_holes() return { [1] = 1, [3] = 3 } end
function refused.reply_object() return { x = setmetatable({}, { __index = string }) } end
function refused.reply_text() return { "\xff" } end
function refused.reply_coroutine() return coroutine.create(forever) end
function refused.unknown_word() return peeper.unchanged end
function refused.long_name() peeper.send(string.rep("x", 300), 1) end
function refused.many_effects() for i = 1, 5000 do peeper.send("nobody", i) end end
function refused.two_calls() pcall(peeper.call, "a", 1) pcall(peeper.call, "b", 1) pcall(forever) return "lived" end
function refused.exit() pcall(peeper.exit, { "bye" }) return "lived" end

-- What is let live, and its answer.
local lives = {}

function lives.absent()
    local found = peeper.list {}
    for _, name in ipairs { "io", "os", "package", "debug", "require", "load", "loadstring", "loadfile", "dofile",
                            "collectgarbage", "_G", "warn", "newproxy", "setfenv", "module" } do
        if _ENV[name] ~= nil then keep(found, name) end
    end
    if string.dump then keep(found, "string.dump") end
    if coroutine.close then keep(found, "coroutine.close") end
    return found
end
function lives.metatables()
    return { getmetatable(""), getmetatable(string), getmetatable(_ENV), getmetatable(peeper),
             getmetatable(peeper.null), getmetatable(peeper.list {}), getmetatable(peeper.bytes("")) }
end
function lives.pairs() return { next(string) == nil, next(_ENV) == nil, #table } end
function lives.caught() return select(2, pcall(error, "x", 0)) end
function lives.caught_overflow()
    local function f() return string.gsub("x", "x", f) end
    return (pcall(f))
end
function lives.rep_of_nothing() return #string.rep("", math.maxinteger) end
function lives.clock() return peeper.now() > 0 and peeper.time() > 1600000000000 end

local groups = { time = time, memory = memory, refused = refused, lives = lives }
local escapes = { version = "1" }

escapes.options = { turn_instructions = 12000000, turn_deadline_ms = 4000, memory_bytes = 100000000 }

function escapes.init() return "ok", 0 end

function escapes.handle_call(message, from, turns)
    if message[1] == "tries" then
        local names = {}
        for name in pairs(groups[message[2]]) do keep(names, name) end
        return "reply", names, turns
    end
    return "reply", groups[message[1]][message[2]](), turns + 1
end

return escapes
