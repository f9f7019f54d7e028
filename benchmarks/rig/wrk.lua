-- Asks for the paths given behind "--" in turn; says at the end what came of it, as one line of JSON.
local asks, turn = {}, 0

function init(args)
  for _, path in ipairs(args) do
    asks[#asks + 1] = wrk.format("GET", "/" .. path)
  end
end

function request()
  turn = turn % #asks + 1
  return asks[turn]
end

function done(summary)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('{"requests": %d, "seconds": %.6f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, errors))
end
