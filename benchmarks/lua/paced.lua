-- Behind another script: its requests at a rate, each sent when it is due or, where all connections were busy then, at once.
local ffi = require("ffi")
ffi.cdef("struct paced { long s; long ns; }; int clock_gettime(int, struct paced *);")
local MONOTONIC, time = 1, ffi.new("struct paced")
local first, began, due, every = init, nil, 0, 0

local function now()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.s) * 1000 + tonumber(time.ns) / 1e6
end

function init(args)
  first(args)
  every = 1000 / tonumber(args[4])
end

function delay()
  began = began or now()
  due = due + every
  return math.max(0, math.floor(began + due - now() + 0.5))
end
