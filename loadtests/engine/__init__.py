"""The only room with sockets and sleeping: one event loop per process drives every viewer.

`loop` resumes lanes, `timers` wakes them, `visit` is what belongs to one viewer, `health` is how we keep up ourselves.
`connection` is one HTTP/1.1 connection, `exchange` one request on it: `dial` opens it (with `names`), `request` is
what it says, `head` what it hears, `framing` and `gzipped` are bodies out of the common. `http2` is one HTTP/2
connection, `http2_frames` what passes on it, `http2_response` what one of its streams brings. `channel` moves bytes
(plain or TLS), `sockets` knows whose they are, `poller` wraps epoll or poll.
"""
