-- Makes a room, unless there is one, or anything else under its keys.
--
-- ARGV[2]  how long it lives, in milliseconds
-- ARGV[3]  how long it lives at most, in milliseconds
-- ARGV[4]  the snapshot at seq 0
--
-- Returns {'new', epoch, now, expires_at} or {'exists'}.

if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return {'exists'} end
local epoch = new_epoch('')
local deadline = now + tonumber(ARGV[3])
local expires_at = math.min(now + tonumber(ARGV[2]), deadline)
redis.call('HSET', KEYS[1],
  'epoch', epoch, 'run', ARGV[1], 'seq', '0', 'snapshot', ARGV[4], 'snapshot_seq', '0',
  'created', digits(now), 'deadline', digits(deadline), 'expires_at', digits(expires_at))
redis.call('PEXPIREAT', KEYS[1], digits(expires_at))
return {'new', epoch, now, expires_at}
