-- Forgets a hint of an alarm. This frees memory, so it passes when memory is full.
--
-- KEYS[1]  the hints, as in note.lua
-- ARGV[2]  the hint

return redis.call('ZREM', KEYS[1], ARGV[2])
