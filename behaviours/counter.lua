-- counter.lua: counter.c in Lua: an integer that answers to "inc".
--
-- call  "state" "inc" "dec" {"add", n} {"set", n} -> the new value     "raise" -> not
-- cast  "inc": through handle_continue            send  "inc": at once
-- The argument is the first value; null means 0.

local function take_pair(value, message)
    local word, n = message[1], message[2]
    if #message ~= 2 or math.type(n) ~= "integer" then return nil end
    if word == "add" then return value + n end
    if word == "set" then return n end
end

local function take(value, message)
    if message == "inc" then return value + 1 end
    if message == "dec" then return value - 1 end
    if message == "state" then return value end
    if message == "raise" then error("boom", 0) end
    if type(message) == "table" then return take_pair(value, message) end
end

local counter = { name = "lua_counter", version = "1" }

function counter.init(argument)
    if argument == nil then return "ok", 0 end
    if math.type(argument) == "integer" then return "ok", argument end
    return "error", "the argument must be an integer or null"
end

function counter.handle_call(message, from, value)
    local new = take(value, message)
    if new == nil then
        error("counter does not know this call; it knows state, inc, dec, [add, n], [set, n]", 0)
    end
    return "reply", new, new
end

function counter.handle_cast(message, value)
    if message == "inc" then return "noreply", value, { continue = "inc" } end
    return "noreply", value
end

function counter.handle_info(message, value)
    if message == "inc" then value = value + 1 end
    return "noreply", value
end

counter.handle_continue = counter.handle_info

return counter
