-- Notes a hint of a room's alarm.
--
-- KEYS[1]  the hints: a sorted set of 'AT ROOM SEQ' by AT, see due.lua
-- ARGV[2]  AT: when the alarm is due, in milliseconds since 1970
-- ARGV[3]  the hint
--
-- Hints are removed by the nodes that have looked at them. In case no node runs any more, all
-- of them go a week after the last one was due or noted.

redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local now = redis.call('TIME')[1] * 1000
redis.call('PEXPIREAT', KEYS[1], string.format('%d', math.max(last[2], now) + 604800000))
return 1
