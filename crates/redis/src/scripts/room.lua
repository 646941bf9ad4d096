-- What the scripts of a room share; it is put in front of each of them.
--
-- KEYS[1]  the state: a hash
-- KEYS[2]  the log: a stream with one entry a commit
-- ARGV[1]  the run: the run_id of the Redis process that this connection
--          belongs to. A connection cannot outlive its process.
--
-- The clock is Redis' own, in milliseconds since 1970.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Lua would print large numbers as 1e+15, and '%.0f' takes as long as a call of
-- a command.
local function digits(number)
  return string.format('%d', number)
end

-- A new name for a history. It depends on the clock, so that a process that was
-- handed an older copy of a room never gives two histories the same name.
local function new_epoch(old)
  local seed = table.concat({ARGV[1], KEYS[1], old, clock[1], clock[2]}, ':')
  return string.sub(redis.sha1hex(seed), 1, 16)
end

-- The room as it is stored; nil if there is none, if it has expired, or if the
-- key is not one of ours. A room that another run of Redis has written may have
-- lost its last events, so it begins a new epoch before anything else happens.
local function open()
  local stored = redis.pcall('HMGET', KEYS[1],
    'epoch', 'run', 'seq', 'snapshot_seq', 'deadline', 'expires_at')
  if stored.err then
    if string.find(stored.err, 'WRONGTYPE', 1, true) then return nil end
    error(stored.err)
  end
  for i = 1, 6 do
    if not stored[i] then return nil end
  end
  local function number(i, name)
    return tonumber(stored[i]) or error('the stored ' .. name .. ' is not a number')
  end
  local room = {
    epoch = stored[1],
    seq = number(3, 'seq'),
    snapshot_seq = number(4, 'snapshot_seq'),
    deadline = number(5, 'deadline'),
    expires_at = number(6, 'expires_at'),
  }
  if room.expires_at <= now then return nil end
  if stored[2] ~= ARGV[1] then
    room.epoch = new_epoch(room.epoch)
    redis.call('HSET', KEYS[1], 'epoch', room.epoch, 'run', ARGV[1])
  end
  return room
end

-- The answer that tells what is missing since (epoch, seq). Entries that follow
-- this position are enough if they reach back to it; else the snapshot and the
-- whole log are needed.
local function missing(kind, room, epoch, seq)
  local snapshot, snapshot_seq, entries = false, false, {}
  local reaches = epoch == room.epoch and seq <= room.seq
  if reaches and seq < room.seq then
    entries = redis.call('XRANGE', KEYS[2], digits(seq + 1), '+')
    -- An entry is {id, {'first', SEQ, 'events', BYTES}}.
    reaches = entries[1] and tonumber(entries[1][2][2]) <= seq + 1
  end
  if not reaches then
    snapshot = redis.call('HGET', KEYS[1], 'snapshot')
    snapshot_seq = room.snapshot_seq
    entries = redis.call('XRANGE', KEYS[2], '-', '+')
  end
  return {kind, room.epoch, room.seq, now, room.expires_at, snapshot_seq, snapshot, entries}
end
