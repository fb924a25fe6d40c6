-- Gives up the claim of a task that has ended or never came to be.
-- KEYS: running, task
-- ARGV: task id
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local task = redis.call('HMGET', KEYS[2], 'capture', 'state')
if task[1] and task[2] ~= 'stopped' and task[2] ~= 'failed' then return 0 end
return redis.call('DEL', KEYS[1])
