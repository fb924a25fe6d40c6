-- KeepAlives, one after another: puts each in order, renews what it lists, and says what differs.
-- KEYS: resources; then for each KeepAlive agent, wanted, and the task of each capture listed
-- ARGV: time to live (ms), intervals in a lease; then for each KeepAlive number of captures listed,
--       resource, agent id, boot, seq, revision, interval (s), reply address, version, services,
--       and id and state of each capture listed
-- Gives for each: verdict, revision, orders wanted, ids that differ, ids unlisted, number that run
--       unwanted; the revision alone where nothing is wanted and nothing differs: of most, always
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen = string.format('%.0f', now)
local ttl, intervals = ARGV[1], tonumber(ARGV[2])

-- One of them: `key` and `arg` are where its own begin.
local function take(key, arg, count)
  local agent, wanted = KEYS[key], KEYS[key + 1]
  local resource, id, said_boot, said_seq = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3]
  local interval = ARGV[arg + 5]
  local boot, seq, accepted = tonumber(said_boot), tonumber(said_seq), tonumber(ARGV[arg + 4])
  local token = id .. ':' .. said_boot

  local last = redis.call('HMGET', agent, 'agent_id', 'boot', 'seq', 'seen_ms', 'interval', 'conflict_ms')
  local revision = tonumber(redis.call('HGET', wanted, 'revision') or '0')
  local alive = false
  if last[1] then
    local lease = tonumber(last[5]) * 1000 * intervals
    alive = now - tonumber(last[4]) <= lease
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

  redis.call('HSET', agent, 'agent_id', id, 'boot', said_boot, 'seq', said_seq,
    'revision', ARGV[arg + 4], 'interval', interval, 'reply_to', ARGV[arg + 6],
    'version', ARGV[arg + 7], 'services', ARGV[arg + 8], 'seen_ms', seen)
  if not alive then redis.call('HSET', agent, 'since_ms', seen) end
  redis.call('PEXPIRE', agent, ttl)
  redis.call('ZADD', KEYS[1], seen, resource)

  local listed, differ, unwanted = {}, {}, 0
  for i = 0, count - 1 do
    local at, task_key = arg + 9 + i * 2, KEYS[key + 2 + i]
    local task, said = ARGV[at], ARGV[at + 1]
    local fields = redis.call('HMGET', task_key, 'state', 'capture', 'estimate', 'boot')
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
      redis.call('HSET', task_key, 'seen_ms', seen, 'seq', said_seq, 'interval', interval,
        'boot', token)
      redis.call('PEXPIRE', task_key, ttl)
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
end

local answers, key, arg = {}, 2, 3
while arg <= #ARGV do
  local count = tonumber(ARGV[arg])
  answers[#answers + 1] = take(key, arg + 1, count)
  key, arg = key + 2 + count, arg + 10 + count * 2
end
redis.call('PEXPIRE', KEYS[1], ttl)
return answers
