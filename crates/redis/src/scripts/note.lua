-- Notes a hint of a room's alarm.
--
-- KEYS[1]  the hints: a sorted set of 'AT ROOM SEQ' by AT, see due.lua
-- ARGV[2]  AT: when the alarm is due, in milliseconds since 1970
-- ARGV[3]  the hint
--
-- Hints are removed by the nodes that have looked at them, and by a newer one of the same room and
-- time. In case no node runs any more, all of them go a week after the last one was due or noted.

redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
-- Of the same time they are in the order of their texts, so those of one room are together. An
-- older version asked for no right to use ZRANK: without it they stay until they are looked at.
local room, seq = string.match(ARGV[3], '^(.*) (%d+)$')
local rank = redis.pcall('ZRANK', KEYS[1], ARGV[3])
local around = {}
if type(rank) == 'number' then
  around = redis.call('ZRANGE', KEYS[1], math.max(rank - 1, 0), rank + 1)
end
for _, near in ipairs(around) do
  local its, older = string.match(near, '^(.*) (%d+)$')
  if its == room and tonumber(older) < tonumber(seq) then
    redis.call('ZREM', KEYS[1], near)
  end
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local now = redis.call('TIME')[1] * 1000
redis.call('PEXPIREAT', KEYS[1], string.format('%d', math.max(last[2], now) + 604800000))
return 1
