-- Moves a task on from the version it was decided on.
-- KEYS: task, running, wanted, deadlines
-- ARGV: task id, version, state, capture, ledger, ended (0 or 1), off the list (0 or 1), estimate
--       (0 or 1), states to tell, agent's boot and seq (empty: not from an agent),
--       time to live of a live and of an ended task (ms), spool
-- Gives: whether it was done, the revision where the list changed or else 0
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local id, state, ended, off, told = ARGV[1], ARGV[3], ARGV[6] == '1', ARGV[7] == '1', ARGV[9]
local task = redis.call('HMGET', KEYS[1], 'version', 'state', 'unsaid', 'running_ms')
if not task[2] or tonumber(task[1] or '0') ~= tonumber(ARGV[2]) then return {0, 0} end

redis.call('HSET', KEYS[1], 'state', state, 'capture', ARGV[4], 'ledger', ARGV[5],
  'spool', ARGV[14], 'estimate', ARGV[8])
redis.call('HINCRBY', KEYS[1], 'version', 1)
if told ~= '' then
  redis.call('HSET', KEYS[1], 'unsaid', task[3] and (task[3] .. ' ' .. told) or told)
end
if state == 'running' and not task[4] then redis.call('HSET', KEYS[1], 'running_ms', now) end
if ARGV[10] ~= '' then
  redis.call('HSET', KEYS[1], 'boot', ARGV[10], 'seq', ARGV[11], 'seen_ms', now)
  if not ended then redis.call('HSET', KEYS[3], 'ran:' .. id, ARGV[10]) end
end

local revision = 0
if (ended or off) and redis.call('HDEL', KEYS[3], id) == 1 then
  revision = redis.call('HINCRBY', KEYS[3], 'revision', 1)
  if not ended then redis.call('HSET', KEYS[3], 'off:' .. id, revision) end
end
if ended then
  redis.call('HDEL', KEYS[3], 'off:' .. id, 'ran:' .. id)
  if redis.call('GET', KEYS[2]) == id then redis.call('DEL', KEYS[2]) end
else
  redis.call('PEXPIRE', KEYS[2], ARGV[12])
end
redis.call('PEXPIRE', KEYS[1], ended and ARGV[13] or ARGV[12])
redis.call('PEXPIRE', KEYS[3], ARGV[12])
redis.call('ZADD', KEYS[4], now, id)
redis.call('PEXPIRE', KEYS[4], ARGV[12])
return {1, revision}
