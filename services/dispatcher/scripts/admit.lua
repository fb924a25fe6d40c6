-- Makes a claimed and recorded task real: the task, the wanted list, the viewer's lease, the look.
-- KEYS: task, running, wanted, agent, viewers, deadlines
-- ARGV: task id, capture, ledger, digest, order, requested (ms), viewer's lease (ms; 0: none),
--       time to live (ms)
-- Gives: admitted, known, stopped (a stop came first) or taken; of the first two also the time (ms),
--        the task, the wanted list, the agent
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local function found(outcome)
  return {outcome, now, redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[3]),
    redis.call('HGETALL', KEYS[4])}
end
local task = redis.call('HMGET', KEYS[1], 'capture', 'state')
if task[1] then return found('known') end
if task[2] then return {'stopped'} end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return {'taken'} end

local ttl = ARGV[8]
redis.call('SET', KEYS[2], ARGV[1], 'PX', ttl)
redis.call('HSET', KEYS[1], 'capture', ARGV[2], 'ledger', ARGV[3], 'state', 'requested',
  'digest', ARGV[4], 'interval', redis.call('HGET', KEYS[4], 'interval') or '5',
  'requested_ms', ARGV[6], 'seen_ms', now,
  'version', 1, 'unsaid', 'requested')
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('HINCRBY', KEYS[3], 'revision', 1)
redis.call('HSET', KEYS[3], ARGV[1], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ttl)
if ARGV[7] ~= '0' then redis.call('SET', KEYS[5], '1', 'PX', ARGV[7]) end
redis.call('ZADD', KEYS[6], now, ARGV[1])
redis.call('PEXPIRE', KEYS[6], ttl)
return found('admitted')
