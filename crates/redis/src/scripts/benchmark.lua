-- For redis-benchmark, between room.lua and commit.lua: expects the room to
-- stand wherever it stands, and stores a snapshot as often as the backend does.
-- Never sent by the backend.
--
-- ARGV[11] how many bytes a snapshot has

local standing = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
ARGV[4], ARGV[5] = standing[1], standing[2]
ARGV[11] = standing[2] % 64 == 63 and string.rep('0', ARGV[11]) or nil
