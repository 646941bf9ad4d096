-- Gives up a node's lease. This frees memory, so it passes when memory is full.
--
-- KEYS[1]  the nodes, as in renew.lua
-- ARGV[2]  the node

return redis.call('ZREM', KEYS[1], ARGV[2])
