-- Reads the result of a room, which outlives the room; Redis deletes it when its time is over.
--
-- KEYS[1]  the keepsake: a hash, see commit.lua
--
-- Returns {'kept', what, kept_at, kept_until} or {'nothing'}.

local kept = redis.pcall('HMGET', KEYS[1], 'what', 'kept_at', 'kept_until')
if kept.err then
  -- A key of another program.
  if string.find(kept.err, 'WRONGTYPE', 1, true) then return {'nothing'} end
  error(kept.err)
end
for i = 1, 3 do
  if not kept[i] then return {'nothing'} end
end
return {'kept', kept[1], kept[2], kept[3]}
