-- ears.lua: ears.c in Lua: tells another actor what it hears of itself, in as many ways as a test
-- wants it to go wrong.
--
-- The argument is the name of whoever is told; the state is [name, mode, ms, value].
-- call  "inc" "state" -> the value        "same" -> likewise; it returns the state as changed
--       {"mode", mode, ms} -> true        "raise" -> not         {"stop", reason} -> true
-- cast and send take the same messages; their answers go nowhere.
--
-- What is told, with peeper.send: {"changed", own name, before, state} and {"ended", own name,
-- reason, state}. The mode of that state decides how: "tell"; "cast" with peeper.cast; "slow" after
-- `ms`; any other that `modes` knows breaks something first.

local ears = {
    name = "lua_ears",
    version = "1",
    -- Who is slow here is so by counting.
    options = { turn_deadline_ms = 12000, turn_instructions = 1000000000000, memory_bytes = 1048576 },
}

-- Ways to go wrong. There is none that takes the process down.
local modes = {}

function modes.raise() error("deaf", 0) end
function modes.exit() peeper.exit("gone deaf") end
function modes.loop() while true do end end
function modes.hungry() local all = {} while true do all[#all + 1] = ("x"):rep(10000) .. #all end end
function modes.many() for i = 1, 2000 do peeper.send("nobody", i) end end

-- What needs the actor, which is not there.
function modes.reply_to() peeper.reply(1, "late") end
function modes.call() peeper.call("a", "hello") end
function modes.start() peeper.start("lua_ears", "b", "a") end
function modes.stop() peeper.stop("a") end
function modes.send_after() peeper.send_after("a", 1, "hello") end
function modes.cancel_timer() peeper.cancel_timer(1) end
function modes.monitor() peeper.monitor("a") end
function modes.demonitor() peeper.demonitor(1) end
function modes.link() peeper.link("a") end
function modes.unlink() peeper.unlink("a") end
function modes.table() peeper.table("rows") end
function modes.dictionary_put() peeper.put(1, 2) end
function modes.dictionary_get() peeper.get(1) end
function modes.dictionary_delete() peeper.delete(1) end
function modes.caught() pcall(peeper.link, "a") end

local function wait(ms)
    local due = peeper.now() + ms
    while peeper.now() < due do end
end

local function tell(word, first, state)
    if state == nil then return end -- nobody to tell
    local to, mode, ms = state[1], state[2], state[3]
    local send = mode == "cast" and peeper.cast or peeper.send
    if mode == "slow" then
        wait(ms)
    elseif mode ~= "tell" and mode ~= "cast" then
        if not modes[mode] then error("ears have no mode " .. mode, 0) end
        modes[mode]()
    end
    if first == nil then first = peeper.null end
    send(to, { word, (peeper.self()), first, state })
end

function ears.on_state_changed(before, state) tell("changed", before, state) end

function ears.on_terminate(reason, state) tell("ended", reason, state) end

function ears.init(argument)
    if type(argument) == "string" then return "ok", { argument, "tell", 0, 0 } end
    return "error", "the argument must be the name of an actor"
end

-- What the message is answered with; a reason to stop for.
local function take(message, state)
    if message == "inc" then
        state[4] = state[4] + 1
        return state[4]
    end
    if message == "same" or message == "state" then return state[4] end
    if message == "raise" then error("boom", 0) end
    if type(message) == "table" and message[1] == "stop" then return true, message[2] end
    if type(message) == "table" and message[1] == "mode" and #message == 3 then
        state[2], state[3] = message[2], message[3]
        return true
    end
    error("ears do not know this message", 0)
end

function ears.handle_call(message, from, state)
    local answer, reason = take(message, state)
    if reason == nil then return "reply", answer, state end
    peeper.reply(from, answer)
    return "stop", reason, state
end

function ears.handle_cast(message, state)
    local _, reason = take(message, state)
    if reason == nil then return "noreply", state end
    return "stop", reason, state
end

ears.handle_info = ears.handle_cast

return ears
