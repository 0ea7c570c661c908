-- lua_probe.lua: whatever a behaviour in Lua can ask for, one function of the API per call. For tests.
--
-- call  {name, arguments...} -> what the step of that name answers; see `steps`
-- Every message that comes to handle_info is appended to the state, a list; {"seen"} answers it.

local probe = { version = "1" }
local steps = {}

function steps.seen(state) return state end
function steps.echo(_, value) return value end
function steps.self() return { peeper.self() } end
function steps.restarted() return peeper.restarted() end
function steps.send(_, name, message) peeper.send(name, message) return true end
function steps.cast(_, name, message) peeper.cast(name, message) return true end
function steps.call(_, name, message, timeout) peeper.call(name, message, timeout) return true end
function steps.start(_, behaviour, name, argument) peeper.start(behaviour, name, argument) return true end
function steps.stop(_, name, reason) peeper.stop(name, reason) return true end
function steps.send_after(_, ms, message) return peeper.send_after(nil, ms, message) > 0 end
function steps.cancelled() peeper.cancel_timer(peeper.send_after(nil, 50, "late")) return true end
function steps.monitor(_, target) return peeper.monitor(target) > 0 end
function steps.demonitored(_, target) peeper.demonitor(peeper.monitor(target)) return true end
function steps.link(_, target) peeper.link(target) return true end
function steps.unlink(_, target) peeper.unlink(target) return true end
function steps.exit(_, reason) peeper.exit(reason) end
function steps.print(_, ...) print(...) return true end
function steps.raise(_, reason) error(reason) end
function steps.nested() local function inner() error("deep") end inner() end
function steps.bytes(_, text) return peeper.bytes(text) end
function steps.length(_, bytes) return { #bytes, tostring(bytes) } end
function steps.kinds(_, ...)
    local kinds = {}
    for i = 1, select("#", ...) do
        local value = select(i, ...)
        kinds[i] = value == peeper.null and "null" or math.type(value) or type(value)
    end
    return kinds
end
function steps.change_in_place(state) state[#state + 1] = "here" return true end
function steps.put(_, key, value) peeper.put(key, value) return true end
function steps.get(_, key) return peeper.get(key) end
function steps.delete(_, key) return peeper.delete(key) end
function steps.rows_put(_, name, ordered, ...)
    local rows = peeper.table(name, { ordered = ordered })
    for i = 1, select("#", ...), 2 do rows:put(select(i, ...), (select(i + 1, ...))) end
    return rows:count()
end
function steps.rows(_, name, ordered, from)
    local found = peeper.list {}
    for key, value in peeper.table(name, { ordered = ordered }):rows(from) do found[#found + 1] = { key, value } end
    return found
end
function steps.rows_back(_, name, ordered)
    local found = peeper.list {}
    for key in peeper.table(name, { ordered = ordered }):rows_back() do found[#found + 1] = key end
    return found
end
function steps.rows_ends(_, name, ordered)
    local rows = peeper.table(name, { ordered = ordered })
    local first, last = rows:first(), rows:last()
    return { first, last, (rows:next(first)), rows:next(last) == nil }
end
function steps.rows_get(_, name, key) return peeper.table(name):get(key) end
function steps.rows_delete(_, name, ordered, key) return peeper.table(name, { ordered = ordered }):delete(key) end
function steps.rows_raise(_, name) peeper.table(name):put("lost", 1) error("boom", 0) end
function steps.rows_clear(_, name) local rows = peeper.table(name) rows:clear() return rows:count() end
function steps.rows_drop(_, name) local rows = peeper.table(name) rows:drop() return (pcall(rows.count, rows)) end

local kept
function steps.rows_keep(_, name) kept = peeper.table(name) return true end
function steps.rows_kept() return kept:count() end

-- What handle_call returns for these messages, literally.
local returns = {
    noreply = function(state) return "noreply", state end,
    stop = function(state) return "stop", "bye", state end,
    unchanged = function(state) return "reply", #state, peeper.unchanged end,
    continue = function(state) return "reply", true, state, { continue = { "go" } } end,
    timeout = function(state) return "reply", true, state, 20 end,
    timer = function(state) return "reply", true, state, { timer = 20, message = { "tick" } } end,
    hibernate = function(state) return "reply", true, state, "hibernate" end,
    sleep = function(state) return "reply", true, state, { timer = 20, hibernate = true } end,
    nothing = function() end,
    word = function() return "answer", 1 end,
    state = function() return "reply", 1, print end,
    thirst = function(state) return "reply", 1, state, "tea" end,
    double = function(state, from) peeper.reply(from, 1) return "reply", 2, state end,
    answered = function(state, from) peeper.reply(from, "by reply") return "stop", "normal", state end,
}

function probe.init(argument)
    if argument == "ignore" then return "ignore" end
    if argument == "error" then return "error", { because = "so" } end
    if argument == "continue" then return "ok", peeper.list {}, { continue = "began" } end
    return "ok", peeper.list {}
end

function probe.handle_call(message, from, state)
    if message[1] == "return" then return returns[message[2]](state, from) end
    return "reply", steps[message[1]](state, table.unpack(message, 2)), state
end

function probe.handle_cast(message, state) return probe.handle_info(message, state) end

function probe.handle_info(message, state)
    state[#state + 1] = message
    return "noreply", state
end

function probe.handle_continue(argument, state)
    state[#state + 1] = { "continued", argument }
    return "noreply" -- the state as it is now
end

function probe.terminate(reason, state)
    peeper.send("lua-heir", { "terminated", reason, #state })
end

return probe
