"""The only room with sockets and sleeping: one event loop per process drives every viewer.

`loop` resumes lanes and keeps time, `connection` is one HTTP/1.1 connection, `head` reads response heads,
`address` splits URLs, `names` resolves hosts, `channel` moves bytes (plain or TLS), `poller` wraps epoll/poll.
"""
