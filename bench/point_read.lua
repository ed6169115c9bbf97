-- wrk: one row of a view by key, at random among those that are there.
function init(args)
  rows = tonumber(args[1])
  math.randomseed(7)
end
function request()
  return wrk.format("GET", "/v1/views/delivery/" .. math.random(1, rows))
end
function done(summary, latency)
  print(string.format('RESULT {"requests_per_s":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,"errors":%d}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000, summary.errors.status + summary.errors.read + summary.errors.timeout))
end
