-- wrk: POST one body over and over, and print what came of it as one line of JSON.
--   wrk -t1 -c32 -d2s -s post.lua URL -- BODY_FILE [HEADER VALUE ...]

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  for position = 2, #args - 1, 2 do
    wrk.headers[args[position]] = args[position + 1]
  end
  file:close()
end

function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "refused": %d, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status, failed,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
