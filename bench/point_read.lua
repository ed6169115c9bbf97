-- wrk: one row of a view by key, at random among those that are there. Requests are put together by hand, because
-- wrk.format() would take most of the client's time. A second argument: so many are sent at once on each connection.
function init(args)
  rows = tonumber(args[1])
  depth = tonumber(args[2] or 1)
  math.randomseed(7)
  tail = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n\r\n"
end
function request()
  local requests = {}
  for i = 1, depth do requests[i] = "GET /v1/views/delivery/" .. math.random(1, rows) .. tail end
  return table.concat(requests)
end
function done(summary, latency)
  print(string.format('RESULT {"requests_per_s":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,"errors":%d}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000, summary.errors.status + summary.errors.read + summary.errors.timeout))
end
