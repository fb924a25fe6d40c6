-- Puts back what the task store has lost, from the stored records.
-- KEYS: wanted, deadlines, then task, running, viewers of each capture put back,
--       then task, running of each one dropped
-- ARGV: revision the agent has accepted (-1: no agent has spoken; put back only what is missing),
--       time to live (ms), captures put back; of each: id, state, capture, ledger, order (empty:
--       not wanted), boot that runs it (empty: none), requested (ms), interval of the agent (s),
--       viewer's lease (ms; 0: none); then the id of each one dropped
-- Gives: whether it was done (another dispatcher may have been first)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen = string.format('%.0f', now)
local accepted, ttl, count = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local adopting = accepted >= 0
local revision = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
if adopting and revision >= accepted then return 0 end
if adopting then
  revision = accepted + 1
  redis.call('HSET', KEYS[1], 'revision', revision)
end

for i = 0, count - 1 do
  local task, running, viewers = KEYS[3 + i * 3], KEYS[4 + i * 3], KEYS[5 + i * 3]
  local at = 4 + i * 9
  local id, state, order, boot = ARGV[at], ARGV[at + 1], ARGV[at + 4], ARGV[at + 5]
  local has = redis.call('HMGET', task, 'capture', 'state')
  local ended = has[1] and (has[2] == 'stopped' or has[2] == 'failed')
  if not ended and (adopting or not has[1]) then
    redis.call('HSET', task, 'state', state, 'capture', ARGV[at + 2], 'ledger', ARGV[at + 3],
      'requested_ms', ARGV[at + 6], 'interval', ARGV[at + 7], 'seen_ms', seen)
    redis.call('HINCRBY', task, 'version', 1)
    if state ~= 'requested' then
      redis.call('HSETNX', task, 'running_ms', string.format('%.0f', math.min(now, ARGV[at + 6] + 30000)))
    end
    redis.call('PEXPIRE', task, ttl)
    redis.call('SET', running, id, 'PX', ttl)
    if ARGV[at + 8] ~= '0' then redis.call('SET', viewers, '1', 'PX', ARGV[at + 8]) end
    redis.call('ZADD', KEYS[2], seen, id)
    redis.call('HDEL', KEYS[1], 'off:' .. id)
    if order ~= '' then
      redis.call('HSET', KEYS[1], id, order)
    elseif adopting then
      redis.call('HDEL', KEYS[1], id)
      redis.call('HSET', KEYS[1], 'off:' .. id, revision)
    end
    if boot ~= '' then redis.call('HSET', KEYS[1], 'ran:' .. id, boot) end
  end
end

local first_id, first_key = 4 + count * 9, 3 + count * 3
for i = 0, #ARGV - first_id do
  local id, task, running = ARGV[first_id + i], KEYS[first_key + i * 2], KEYS[first_key + 1 + i * 2]
  redis.call('HDEL', KEYS[1], id, 'off:' .. id, 'ran:' .. id)
  redis.call('DEL', task)
  redis.call('ZREM', KEYS[2], id)
  if redis.call('GET', running) == id then redis.call('DEL', running) end
end
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
return 1
