-- POSTs of events from a file, one body a line, with a new event_id and the present time in each.
local bodies, at, sent, run = {}, 0, 0, ""
local headers = { ["Content-Type"] = "application/json" }

function init(args)
  for line in io.lines(args[1]) do
    bodies[#bodies + 1] = line
  end
  math.randomseed(tonumber(args[2]))
  at = math.random(#bodies)
  run = args[2]
end

function request()
  at = at % #bodies + 1
  sent = sent + 1
  local body = string.format('{"event_id":"%s-%d","ts":%d,%s', run, sent, os.time(), bodies[at])
  return wrk.format("POST", "/event", headers, body)
end
