-- Returns the time and the hints of alarms that are due, the earliest first: {now, hint, ...}.
--
-- KEYS[1]  the hints, as in note.lua: each is the time of the alarm, the room, and the seq of
--          the first event of the commit that was to set it, with a space between them
-- ARGV[2]  how many to return, at most

local clock = redis.call('TIME')
local now = string.format('%d', clock[1] * 1000 + math.floor(clock[2] / 1000))
local due = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[2])
table.insert(due, 1, now)
return due
