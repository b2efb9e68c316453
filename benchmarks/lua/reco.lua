-- GETs of users from a file, one path a line, in their order; from the beginning if told so, else from anywhere.
local requests, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", line)
  end
  math.randomseed(tonumber(args[2]))
  at = args[3] == "first" and 0 or math.random(#requests)
end

function request()
  at = at % #requests + 1
  return requests[at]
end
