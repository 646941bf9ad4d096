-- Renews a node's lease and returns the live nodes: pairs of id and forms.
--
-- KEYS[1]  the nodes: a sorted set of node id by the end of its lease. One set
--          instead of a key a node, because it is enumerable without SCAN. Beside them
--          stands the time of the last renewal, under a name that is no node's.
-- KEYS[2]  the forms: a hash of node id to the newest forms that this node reads. Nodes
--          of an earlier version have no entry.
-- ARGV[2]  the node
-- ARGV[3]  its lease, in milliseconds
-- ARGV[4]  its forms
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
local nodes, dead = {}, {}
for node, stored_end in pairs(ends) do
  local list = stored_end - back > now and nodes or dead
  list[#list + 1] = node
end
-- In parts, since Lua can pass only some thousand values to a command.
local forms = {}
for first = 1, #nodes, 1000 do
  local last = math.min(first + 999, #nodes)
  local some = redis.call('HMGET', KEYS[2], unpack(nodes, first, last))
  for i = first, last do
    forms[nodes[i]] = some[i - first + 1]
  end
end
forms[ARGV[2]] = ARGV[4]

-- First a change that Redis may refuse: see create.lua. The forms are written anew, without
-- those of dead nodes.
redis.call('ZADD', KEYS[1], digits(now), 'the clock')
redis.call('DEL', KEYS[2])
local live, longest = {}, 0
for i, node in ipairs(nodes) do
  local lease_end = ends[node] - back
  if back > 0 or node == ARGV[2] then
    redis.call('ZADD', KEYS[1], digits(lease_end), node)
  end
  if forms[node] then
    redis.call('HSET', KEYS[2], node, forms[node])
  end
  live[i] = {node, forms[node] or ''}
  longest = math.max(longest, lease_end)
end
for _, node in ipairs(dead) do
  redis.call('ZREM', KEYS[1], node)
end
redis.call('PEXPIREAT', KEYS[1], digits(longest))
redis.call('PEXPIREAT', KEYS[2], digits(longest))
return live
