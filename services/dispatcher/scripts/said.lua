-- Notes that the changes of a task have been told, if none was made meanwhile.
-- KEYS: task, deadlines
-- ARGV: task id, version
-- Gives: whether it was noted
local task = redis.call('HMGET', KEYS[1], 'version', 'state')
if not task[2] then return 1 end
if tonumber(task[1] or '0') ~= tonumber(ARGV[2]) then return 0 end
redis.call('HDEL', KEYS[1], 'unsaid')
if task[2] == 'stopped' or task[2] == 'failed' then redis.call('ZREM', KEYS[2], ARGV[1]) end
return 1
