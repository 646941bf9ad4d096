-- One atomic step of a room: compare the position, store the events and the
-- snapshot, extend the expiry, publish.
--
-- ARGV[2]  PUBLISH, or SPUBLISH on a Cluster
-- ARGV[3]  the channel
-- ARGV[4]  the expected epoch
-- ARGV[5]  the expected seq
-- ARGV[6]  how many events there are, at least 1
-- ARGV[7]  the events, each as its length in 4 bytes (big endian) and its bytes
-- ARGV[8]  how many milliseconds the room lives from now, or empty
-- ARGV[9]  how many events the log keeps at least
-- ARGV[10] who commits: a name without a space
-- KEYS[3]  the keepsake: a hash that expires by itself; absent if nothing is to be
--          kept beyond the room's life. With it there are two more arguments:
--          how many milliseconds it is kept, and what it is.
-- Last     the snapshot after the last event, or absent
--
-- Returns 'NOW EXPIRES_AT' if it is accepted (a string is read with less work than
-- an array), {'conflict', ...} as load.lua, or {'gone'}.

local room = open()
if not room then return {'gone'} end
local epoch, seq = ARGV[4], tonumber(ARGV[5])
if room.epoch ~= epoch or room.seq ~= seq then
  return missing('conflict', room, epoch, seq)
end

local last = seq + tonumber(ARGV[6])
local expires_at = room.expires_at
if ARGV[8] ~= '' then
  expires_at = math.max(expires_at, math.min(now + tonumber(ARGV[8]), room.deadline))
end
local first_text, last_text, expires_text = digits(seq + 1), digits(last), digits(expires_at)

-- First the only call that may fail (out of memory, another program's key): nothing has
-- happened before it. It needs memory, so that Redis may refuse it: see create.lua. Ids are
-- those of the last event of each entry, so entries below the threshold hold only events
-- that need not be kept. They are deleted only when a whole node of the stream can be
-- deleted; otherwise each commit would step over deleted entries in the first node.
redis.call('XADD', KEYS[2], 'MINID', '~', digits(math.max(last - ARGV[9] + 1, 0)),
  last_text .. '-0', 'first', first_text, 'events', ARGV[7])
local snapshot = ARGV[KEYS[3] and 13 or 11]
if snapshot then
  redis.call('HSET', KEYS[1], 'seq', last_text, 'expires_at', expires_text,
    'snapshot', snapshot, 'snapshot_seq', last_text)
else
  redis.call('HSET', KEYS[1], 'seq', last_text, 'expires_at', expires_text)
end
if expires_at ~= room.expires_at then
  redis.call('PEXPIREAT', KEYS[1], expires_text)
end
redis.call('PEXPIREAT', KEYS[2], expires_text)
if KEYS[3] then
  -- Deleted first, so that an existing key cannot make this fail.
  redis.call('DEL', KEYS[3])
  local kept_until = digits(now + tonumber(ARGV[11]))
  redis.call('HSET', KEYS[3], 'what', ARGV[12], 'kept_at', digits(now), 'kept_until', kept_until)
  redis.call('PEXPIREAT', KEYS[3], kept_until)
end

-- Only a hint, so its failure must not make a stored commit look failed.
local stamp = digits(now) .. ' ' .. expires_text
redis.pcall(ARGV[2], ARGV[3],
  table.concat({ARGV[10], epoch, first_text, stamp}, ' ') .. '\n' .. ARGV[7])
return stamp
