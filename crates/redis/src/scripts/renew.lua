-- Renews a node's lease and returns the nodes that live.
--
-- KEYS[1]  the nodes: a sorted set of node id by the end of its lease. One set
--          instead of a key a node, because it is enumerable without SCAN.
-- ARGV[2]  the node
-- ARGV[3]  its lease, in milliseconds

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now))
redis.call('ZADD', KEYS[1], string.format('%d', now + tonumber(ARGV[3])), ARGV[2])
local longest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], string.format('%d', tonumber(longest[2])))
return redis.call('ZRANGE', KEYS[1], 0, -1)
