-- One KeepAlive: puts it in order, renews what it lists, and says what differs.
-- KEYS: agent, wanted, resources, then the task of each capture listed
-- ARGV: resource, agent id, boot, seq, revision, interval (s), reply address, version, services,
--       time to live (ms), intervals in a lease, then id and state of each capture listed
-- Gives: verdict, revision, orders wanted, ids that differ, ids unlisted, number that run unwanted;
--        the revision alone where nothing is wanted and nothing differs: of most, always
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local agent, wanted = KEYS[1], KEYS[2]
local id, boot, seq, accepted = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local ttl = ARGV[10]
local token = id .. ':' .. ARGV[3]

local last = redis.call('HMGET', agent, 'agent_id', 'boot', 'seq', 'seen_ms', 'interval', 'conflict_ms')
local revision = tonumber(redis.call('HGET', wanted, 'revision') or '0')
if last[1] then
  local lease = tonumber(last[5]) * 1000 * tonumber(ARGV[11])
  local alive = now - tonumber(last[4]) <= lease
  if alive and last[1] ~= id then
    redis.call('HSET', agent, 'conflict_id', id, 'conflict_ms', string.format('%.0f', now))
    return {'refused', revision}
  end
  local last_boot, last_seq = tonumber(last[2]), tonumber(last[3])
  if alive and (boot < last_boot or (boot == last_boot and seq < last_seq)) then
    return {'stale', revision}
  end
  -- A rival not heard of for ten leases has gone.
  if last[6] and now - tonumber(last[6]) > 10 * lease then
    redis.call('HDEL', agent, 'conflict_id', 'conflict_ms')
  end
end
if revision < accepted then
  return {'adopt', revision}
end

local seen = string.format('%.0f', now)
redis.call('HSET', agent, 'agent_id', id, 'boot', ARGV[3], 'seq', ARGV[4], 'revision', ARGV[5],
  'interval', ARGV[6], 'reply_to', ARGV[7], 'version', ARGV[8], 'services', ARGV[9], 'seen_ms', seen)
redis.call('PEXPIRE', agent, ttl)
redis.call('ZADD', KEYS[3], seen, ARGV[1])
redis.call('PEXPIRE', KEYS[3], ttl)

local listed, differ, unwanted = {}, {}, 0
for i = 4, #KEYS do
  local at = 12 + (i - 4) * 2
  local task, said = ARGV[at], ARGV[at + 1]
  local fields = redis.call('HMGET', KEYS[i], 'state', 'capture', 'estimate', 'boot')
  local state = fields[1]
  local ended = state == 'stopped' or state == 'failed'
  local over = said == 'stopped' or said == 'failed'
  listed[task] = true
  if not fields[2] then
    differ[#differ + 1] = task
  elseif ended then
    if not over then unwanted = unwanted + 1
    elseif fields[3] == '1' then differ[#differ + 1] = task end
  elseif state == said or (state == 'stopping' and said == 'running') then
    redis.call('HSET', KEYS[i], 'seen_ms', seen, 'seq', ARGV[4], 'interval', ARGV[6], 'boot', token)
    redis.call('PEXPIRE', KEYS[i], ttl)
    if fields[4] ~= token then redis.call('HSET', wanted, 'ran:' .. task, token) end
  else
    differ[#differ + 1] = task
  end
end

-- What is open here and not listed: told to stop and accepted so, or run by another boot. An order
-- that another boot has begun is not given to this one: it runs once.
local orders, unlisted, begun = {}, {}, {}
local all = redis.call('HGETALL', wanted)
for i = 1, #all, 2 do
  local mark, task = string.sub(all[i], 1, 4), string.sub(all[i], 5)
  if mark == 'ran:' then begun[task] = all[i + 1] end
end
for i = 1, #all, 2 do
  local field, value = all[i], all[i + 1]
  local mark, task = string.sub(field, 1, 4), string.sub(field, 5)
  local closed = mark == 'off:' and accepted >= tonumber(value)
  local gone = mark == 'ran:' and value ~= token
  if (closed or gone) and not listed[task] then
    unlisted[#unlisted + 1] = task
    listed[task] = true
  end
  if mark ~= 'off:' and mark ~= 'ran:' and field ~= 'revision' then
    if (begun[field] or token) == token then orders[#orders + 1] = value end
  end
end
if #all > 0 then redis.call('PEXPIRE', wanted, ttl) end
if #orders + #differ + #unlisted + unwanted == 0 then return revision end
return {'ok', revision, orders, differ, unlisted, unwanted}
