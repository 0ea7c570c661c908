-- cache.lua: cache.c in Lua: a map from strings to any value.
--
-- call  {"put", key, value} -> the value before, or null     {"get", key} -> the value, or null
--       {"delete", key} -> whether it was there              "count" -> entries
--       "keys" -> a list                                     "clear" -> how many there were
-- cast and send take the same messages; their answers go nowhere. The argument is a map, or null.

local function count(entries)
    local n = 0
    for _ in pairs(entries) do n = n + 1 end
    return n
end

-- A word -> the answer, and the entries afterwards.
local words = {}

function words.count(entries) return count(entries), peeper.unchanged end

function words.clear(entries) return count(entries), {} end

function words.keys(entries)
    local keys = peeper.list {}
    for key in pairs(entries) do keys[#keys + 1] = key end
    return keys, peeper.unchanged
end

local keyed = {}

function keyed.get(entries, key) return entries[key], peeper.unchanged end

function keyed.delete(entries, key)
    local there = entries[key] ~= nil
    entries[key] = nil
    return there, entries
end

function keyed.put(entries, key, value)
    local before = entries[key]
    entries[key] = value
    return before, entries
end

local function take(entries, message)
    if type(message) == "string" and words[message] then return words[message](entries) end
    if type(message) == "table" and type(message[2]) == "string" then
        local word = message[1]
        if keyed[word] and #message == (word == "put" and 3 or 2) then
            return keyed[word](entries, message[2], message[3])
        end
    end
    error("cache does not know this message; it knows [put, key, value], [get, key], " ..
          "[delete, key], count, keys, clear", 0)
end

local cache = { name = "lua_cache", version = "1" }

function cache.init(argument)
    if argument == nil then return "ok", {} end
    if type(argument) == "table" and #argument == 0 then return "ok", argument end
    return "error", "the argument must be a map or null"
end

function cache.handle_call(message, from, entries)
    local answer, after = take(entries, message)
    return "reply", answer, after
end

function cache.handle_cast(message, entries)
    local _, after = take(entries, message)
    return "noreply", after
end

cache.handle_info = cache.handle_cast

return cache
