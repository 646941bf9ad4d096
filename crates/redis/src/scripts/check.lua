-- Checks whether this server takes changes. It makes the same changes as a commit, on keys
-- of its own, and leaves nothing: so every reason to refuse a commit refuses this too, such
-- as full memory, too few replicas, an unwritable disk, a missing right.
--
-- KEYS[1], KEYS[2]  two keys in one of the server's own slots
--
-- Returns 1, or 0 if another program has such keys: then nothing was changed.

if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
local clock = redis.call('TIME')
-- In case the script ends halfway because a right is missing.
local soon = string.format('%d', clock[1] * 1000 + 10000)
-- First a change that Redis may refuse: see create.lua.
redis.call('HSET', KEYS[1], 'checked', clock[1])
redis.call('PEXPIREAT', KEYS[1], soon)
redis.call('XADD', KEYS[2], '*', 'checked', clock[1])
redis.call('PEXPIREAT', KEYS[2], soon)
redis.call('DEL', KEYS[1], KEYS[2])
return 1
