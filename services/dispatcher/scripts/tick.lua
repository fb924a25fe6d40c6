-- Notes that a dispatcher is here, and when the task store was first seen.
-- KEYS: epoch, tick, resources
-- ARGV: time to live (ms)
-- Gives: the time now, when the store was first seen, when a dispatcher was last here (ms; 0: never)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local text = string.format('%.0f', now)
redis.call('SET', KEYS[1], text, 'NX')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
local last = redis.call('GET', KEYS[2]) or '0'
redis.call('SET', KEYS[2], text, 'PX', ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now - tonumber(ARGV[1])))
return {now, tonumber(redis.call('GET', KEYS[1])), tonumber(last)}
