-- One report: puts it in order and keeps its ledger and spool where it changes nothing else.
-- KEYS: agent, task
-- ARGV: agent id, boot, seq, state, ledger, time to live (ms), spool
-- Gives: kept, stale, foreign, unknown, unwanted; or of one that differs the time (ms) and the task
local token = ARGV[1] .. ':' .. ARGV[2]
local agent = redis.call('HMGET', KEYS[1], 'agent_id', 'boot')
if agent[1] and agent[1] ~= ARGV[1] then return 'foreign' end
if agent[2] and tonumber(ARGV[2]) < tonumber(agent[2]) then return 'stale' end
local task = redis.call('HMGET', KEYS[2], 'capture', 'state', 'boot', 'seq', 'unsaid', 'estimate')
if not task[1] then return 'unknown' end
if task[3] == token and tonumber(ARGV[3]) < tonumber(task[4] or '0') then return 'stale' end

local state, said = task[2], ARGV[4]
local over = said == 'stopped' or said == 'failed'
local function differs()
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  return {now, redis.call('HGETALL', KEYS[2])}
end
if task[5] then return differs() end -- a change that was not told yet
if state == 'stopped' or state == 'failed' then
  if not over then return 'unwanted' end
  if task[6] == '1' then return differs() end
  return 'kept'
end
if state == said or (state == 'stopping' and said == 'running') then
  redis.call('HSET', KEYS[2], 'ledger', ARGV[5], 'spool', ARGV[7], 'seq', ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  return 'kept'
end
return differs()
