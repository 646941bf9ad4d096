-- Passes a signal to who watches a room. Nothing is stored. A script, so that whoever may commit
-- may do this.
--
-- KEYS[1]  the room's state, which is not read: it says the slot
-- ARGV[2]  PUBLISH, or SPUBLISH on a Cluster
-- ARGV[3]  the channel
-- ARGV[4]  the signal, with its head

return redis.call(ARGV[2], ARGV[3], ARGV[4])
