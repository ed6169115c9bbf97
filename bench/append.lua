-- wrk: single-row durable appends, each row with an id of its own, also from one run to the next.
-- Requests are put together by hand, because wrk.format() would take most of the client's time.
local thread_count = 0
function setup(thread)
  thread:set("number", thread_count)
  thread_count = thread_count + 1
end
function init(args)
  id = (os.time() % 86400 * 16 + number) * 1000000
  head = "POST /v1/streams/deliveries HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port
    .. "\r\nContent-Type: application/json\r\nContent-Length: "
end
function request()
  id = id + 1
  local body = '{"flight":' .. id .. ',"scheduled":"2001-07-02T12:00:00Z","origin":"ORD","destination":"SFO",'
    .. '"distance":1846,"delay":' .. (id % 60) .. "}"
  return head .. #body .. "\r\n\r\n" .. body
end
function response(status)
  if status ~= 202 then failed = (failed or 0) + 1 end
end
function done(summary, latency)
  print(string.format('RESULT {"requests_per_s":%.0f,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,"errors":%d}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000, summary.errors.status + summary.errors.read + summary.errors.timeout))
end
