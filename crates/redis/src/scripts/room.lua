-- Functions shared by the scripts of a room; put in front of each of them.
--
-- KEYS[1]  the state: a hash
-- KEYS[2]  the log: a stream with one entry a commit
-- ARGV[1]  whose history this is: the run, which is the run_id of the Redis process
--          that this connection belongs to (it cannot outlive its process), a space,
--          and the master_replid of that process as the caller knows it
--
-- The clock is Redis' own, in milliseconds since 1970.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local run, replid = string.sub(ARGV[1], 1, 40), string.sub(ARGV[1], 42)

-- Lua would print large numbers as 1e+15, and '%.0f' takes as long as a command.
local function digits(number)
  return string.format('%d', number)
end

-- A new epoch. It depends on the clock, so that a process with an older copy of a room
-- never gives two histories the same epoch.
local function new_epoch(old)
  local seed = table.concat({ARGV[1], KEYS[1], old, clock[1], clock[2]}, ':')
  return string.sub(redis.sha1hex(seed), 1, 16)
end

-- The current replid of this process. A primary that becomes a replica and then a primary
-- again has a new one, even without a restart.
local function replid_now()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

-- The stored room; nil if there is none, if it has expired, or if the key is not ours. A
-- room that another run of Redis has written may have lost its last events, so it begins a
-- new epoch before anything else happens. The same applies to another replid. But callers
-- learn of a new replid at different moments, so only Redis' own value counts. It is read
-- only in case of doubt: INFO in each call would cost a quarter of the commits a second. A
-- room that an older version of this program has made has no replid, which counts as the
-- same.
local function open()
  local stored = redis.pcall('HMGET', KEYS[1],
    'epoch', 'run', 'seq', 'snapshot_seq', 'deadline', 'expires_at', 'replid')
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
  local is_other_run = stored[2] ~= run
  if is_other_run or (stored[7] and stored[7] ~= replid) then
    local newest = replid_now() or replid
    if is_other_run or stored[7] ~= newest then
      room.epoch = new_epoch(room.epoch)
      redis.call('HSET', KEYS[1], 'epoch', room.epoch, 'run', run, 'replid', newest)
    end
  end
  return room
end

-- Whether these entries of the log hold every event after the snapshot.
local function lead(entries, snapshot_seq, seq)
  local next_seq
  for i = 1, #entries do
    -- An entry is {id, {'first', SEQ, 'events', BYTES}}; its id is SEQ-0 of the last.
    local first = tonumber(entries[i][2][2])
    if next_seq and first ~= next_seq or not next_seq and first > snapshot_seq + 1 then
      return false
    end
    next_seq = tonumber(string.match(entries[i][1], '^%d+')) + 1
  end
  return (next_seq or snapshot_seq + 1) == seq + 1
end

-- The log was lost (Redis evicted it, or somebody deleted it), and the snapshot is not the
-- newest state. Only the snapshot is left of the room, so it becomes the state at the
-- newest seq: in a new epoch, because no other node has this history, and without using a
-- number twice. The old log is deleted: its events are not in this state.
local function begin_with_snapshot(room)
  local lost = room.seq - room.snapshot_seq
  room.epoch = new_epoch(room.epoch)
  room.snapshot_seq = room.seq
  redis.call('HSET', KEYS[1], 'epoch', room.epoch, 'snapshot_seq', digits(room.seq))
  redis.call('DEL', KEYS[2])
  return lost
end

-- The answer with what is missing since (epoch, seq). The entries after this position are
-- enough if they reach back to it; else the snapshot and the whole log are needed. The last
-- field is the number of lost events, if any were lost.
local function missing(kind, room, epoch, seq)
  local snapshot, snapshot_seq, entries = false, false, {}
  local reaches = epoch == room.epoch and seq <= room.seq
  if reaches and seq < room.seq then
    entries = redis.call('XRANGE', KEYS[2], digits(seq + 1), '+')
    reaches = lead(entries, seq, room.seq)
  end
  local lost
  if not reaches then
    entries = redis.call('XRANGE', KEYS[2], '-', '+')
    if room.snapshot_seq < room.seq and not lead(entries, room.snapshot_seq, room.seq) then
      lost = begin_with_snapshot(room)
      entries = {}
    end
    snapshot = redis.call('HGET', KEYS[1], 'snapshot')
    snapshot_seq = room.snapshot_seq
  end
  return {kind, room.epoch, room.seq, now, room.expires_at, room.deadline, snapshot_seq, snapshot,
    entries, lost}
end
