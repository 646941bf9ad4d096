-- Makes a room, unless there is one, or anything else under its keys. The result of an
-- earlier room of this name is deleted: it must not be taken for this room's.
--
-- KEYS[3]  the keepsake, see commit.lua
-- ARGV[2]  how long it lives, in milliseconds
-- ARGV[3]  how long it lives at most, in milliseconds
-- ARGV[4]  the snapshot at seq 0
-- ARGV[5]  its alarm, in milliseconds since 1970, or 0; it lives so long beyond it
--
-- Returns {'new', epoch, now, expires_at} or {'exists'}.

-- The time in one of our hashes; nil if the key is not ours.
local function time_of(key, field)
  local time = redis.pcall('HGET', key, field)
  return type(time) == 'string' and tonumber(time)
end

if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then
  -- In the millisecond of its expiry a room is gone, but its keys still exist.
  local expires_at = time_of(KEYS[1], 'expires_at')
  if not expires_at or expires_at > now then return {'exists'} end
end
if redis.call('EXISTS', KEYS[3]) > 0 and not time_of(KEYS[3], 'kept_until') then
  return {'exists'}
end
local epoch = new_epoch('')
local deadline = now + tonumber(ARGV[3])
local expires_at = math.min(math.max(now, tonumber(ARGV[5] or 0)) + tonumber(ARGV[2]), deadline)
-- Redis decides only before the first change of a script whether to refuse it, and never
-- refuses a change that frees memory. So this change comes first; it writes every field
-- that an earlier room may have left.
redis.call('HSET', KEYS[1],
  'epoch', epoch, 'run', run, 'replid', replid, 'seq', '0', 'snapshot', ARGV[4], 'snapshot_seq', '0',
  'created', digits(now), 'deadline', digits(deadline), 'expires_at', digits(expires_at))
redis.call('PEXPIREAT', KEYS[1], digits(expires_at))
redis.call('DEL', KEYS[2], KEYS[3])
return {'new', epoch, now, expires_at}
