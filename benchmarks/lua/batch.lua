-- POSTs of batches of watches from a file, one watch a line, with a new event_id and the present time in each.
local watches, at, sent, run, size = {}, 0, 0, "", 100
local headers = { ["Content-Type"] = "application/json" }

function init(args)
  for line in io.lines(args[1]) do
    watches[#watches + 1] = line
  end
  math.randomseed(tonumber(args[2]))
  at = math.random(#watches)
  run = args[2]
end

function request()
  local now, parts = os.time(), {}
  for n = 1, size do
    at = at % #watches + 1
    sent = sent + 1
    parts[n] = string.format('{"event_id":"%s-%d","ts_ms":%d000,%s', run, sent, now, watches[at])
  end
  return wrk.format("POST", "/log/batch", headers, '{"events":[' .. table.concat(parts, ",") .. "]}")
end
