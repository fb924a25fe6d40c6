-- Claims a service for a task, for as long as a start may take.
-- KEYS: running
-- ARGV: task id, time to live (ms)
-- Gives: the id of the holder (the task's own when it has the claim), the time (ms)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder = redis.call('GET', KEYS[1])
if not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  holder = ARGV[1]
end
return {holder, now}
