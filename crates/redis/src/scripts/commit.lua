-- One atomic step of a room: compare the position, store the events and the
-- snapshot, extend the expiry, publish.
--
-- ARGV[2]  PUBLISH, or SPUBLISH on a Cluster
-- ARGV[3]  the channel
-- ARGV[4]  the expected epoch
-- ARGV[5]  the expected seq
-- ARGV[6]  how many events there are, at least 1
-- ARGV[7]  the events, each as its length in 4 bytes (big endian) and its bytes
-- ARGV[8]  let it live this many milliseconds from now, or empty
-- ARGV[9]  how many events the log keeps at least
-- ARGV[10] the snapshot after the last event, or absent
--
-- Returns {'accepted', now, expires_at}, {'conflict', ...} as load.lua, or
-- {'gone'}.

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

-- First the one call that may fail (out of memory, a key that is not ours): then
-- nothing has happened yet. Ids are those of the last event of each entry, so
-- entries below the threshold hold only events that need not be kept.
redis.call('XADD', KEYS[2], 'MINID', '=', digits(math.max(last - ARGV[9] + 1, 0)),
  digits(last) .. '-0', 'first', digits(seq + 1), 'events', ARGV[7])
if ARGV[10] then
  redis.call('HSET', KEYS[1], 'seq', digits(last), 'expires_at', digits(expires_at),
    'snapshot', ARGV[10], 'snapshot_seq', digits(last))
else
  redis.call('HSET', KEYS[1], 'seq', digits(last), 'expires_at', digits(expires_at))
end
if expires_at ~= room.expires_at then
  redis.call('PEXPIREAT', KEYS[1], digits(expires_at))
end
redis.call('PEXPIREAT', KEYS[2], digits(expires_at))

-- Only a hint, so that its failure must not make a stored commit look failed.
local head = table.concat({epoch, digits(seq + 1), digits(now), digits(expires_at)}, ' ')
redis.pcall(ARGV[2], ARGV[3], head .. '\n' .. ARGV[7])
return {'accepted', now, expires_at}
