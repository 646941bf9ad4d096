-- Renews a node's lease and returns the live nodes.
--
-- KEYS[1]  the nodes: a sorted set of node id by the end of its lease. One set
--          instead of a key a node, because it is enumerable without SCAN. Beside them
--          stands the time of the last renewal, under a name that is no node's.
-- ARGV[2]  the node
-- ARGV[3]  its lease, in milliseconds
--
-- If the clock was set back since the last renewal, the leases are set back with it:
-- otherwise a dead node would count as alive for that much longer.

local function digits(number)
  return string.format('%d', number)
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stored = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local ends, back = {}, 0
for i = 1, #stored, 2 do
  ends[stored[i]] = tonumber(stored[i + 1])
end
if ends['the clock'] then
  back = math.max(ends['the clock'] - now, 0)
  ends['the clock'] = nil
end
ends[ARGV[2]] = now + tonumber(ARGV[3]) + back

-- First a change that Redis may refuse: see create.lua.
redis.call('ZADD', KEYS[1], digits(now), 'the clock')
local live, longest = {}, 0
for node, stored_end in pairs(ends) do
  local lease_end = stored_end - back
  if lease_end > now then
    if back > 0 or node == ARGV[2] then
      redis.call('ZADD', KEYS[1], digits(lease_end), node)
    end
    live[#live + 1] = node
    longest = math.max(longest, lease_end)
  else
    redis.call('ZREM', KEYS[1], node)
  end
end
redis.call('PEXPIREAT', KEYS[1], digits(longest))
return live
