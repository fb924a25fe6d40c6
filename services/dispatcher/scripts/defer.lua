-- Sets when to look at a task next, if it has not changed meanwhile.
-- KEYS: task, deadlines
-- ARGV: task id, version, when (ms)
local version = redis.call('HGET', KEYS[1], 'version')
if not version then return redis.call('ZREM', KEYS[2], ARGV[1]) end
if tonumber(version) ~= tonumber(ARGV[2]) then return 0 end
return redis.call('ZADD', KEYS[2], 'XX', ARGV[3], ARGV[1])
