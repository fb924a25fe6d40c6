-- Notes that a dispatcher is here. A store where it was here later than the store can remember has
-- gone back, and counts as new: the epoch tells every dispatcher.
-- KEYS: epoch, tick, resources
-- ARGV: when this dispatcher was last here (ms; 0: never), time to live (ms)
-- Gives: the time now, when the store was first seen or last went back (ms)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = string.format('%.0f', now)
local went_back = tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[1])
if went_back or redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SET', KEYS[1], text) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], text, 'PX', ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now - tonumber(ARGV[2])))
return {now, tonumber(redis.call('GET', KEYS[1]))}
