-- Remembers a stop whose start is not here yet.
-- KEYS: task
-- ARGV: time to live (ms)
-- Gives: whether the stop was remembered; not where the task is here
if redis.call('HEXISTS', KEYS[1], 'capture') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'state', 'stopped')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
