-- wrk: single-row durable appends, each row with an id of its own.
local thread_count = 0
function setup(thread)
  thread:set("number", thread_count)
  thread_count = thread_count + 1
end
function init(args)
  id = 1000000000 + number * 100000000 + math.floor(os.time() % 86400) * 1000
end
function request()
  id = id + 1
  return wrk.format("POST", "/v1/streams/deliveries", { ["Content-Type"] = "application/json" },
    '{"flight":' .. id .. ',"scheduled":"2001-07-02T12:00:00Z","origin":"ORD","destination":"SFO","distance":1846,"delay":'
      .. (id % 60) .. "}")
end
function response(status)
  if status ~= 202 then failed = (failed or 0) + 1 end
end
function done(summary, latency)
  print(string.format('RESULT {"requests_per_s":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,"errors":%d}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000, summary.errors.status + summary.errors.read + summary.errors.timeout))
end
