-- A room's position, and what is missing since a known position.
--
-- ARGV[2]  the known epoch, or empty
-- ARGV[3]  the known seq
--
-- Returns {'room', epoch, seq, now, expires_at, deadline, snapshot_seq | nil,
-- snapshot | nil, entries of the log, lost | none} or {'gone'}.

local room = open()
if not room then return {'gone'} end
return missing('room', room, ARGV[2], tonumber(ARGV[3]))
