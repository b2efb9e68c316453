-- What wrk measured, as one line of JSON behind a mark; the latencies are milliseconds.
function done(summary, latency, _)
  local e = summary.errors
  local parts = {}
  for _, p in ipairs({ 1, 5, 10, 25, 50, 60, 70, 75, 80, 85, 90, 93, 95, 97, 98, 99, 99.5, 99.9, 99.99, 100 }) do
    parts[#parts + 1] = string.format("[%g,%.3f]", p, (p == 100 and latency.max or latency:percentile(p)) / 1000)
  end
  io.write(string.format(
    'MEASURED {"seconds":%.6f,"answered":%d,"bytes":%d,"refused":%d,"broken":%d,"latency":[%s]}\n',
    summary.duration / 1e6, summary.requests, summary.bytes, e.status, e.connect + e.read + e.write + e.timeout,
    table.concat(parts, ",")))
end
