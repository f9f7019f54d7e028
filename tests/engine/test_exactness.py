"""What we count is what the server counted: requests, body and head bytes, over a random mix of thousands."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from loadtests.engine.loop import Loop
from loadtests.results import Requests, add
from loadtests.session import ErrorKind, Failed, Get, Got, RequestKind, Session, Spawn
from tests.engine.asking import asking, visit, windows
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Peer, Talk, wait_for
from tests.engine.scripts import CHUNKED, head

KINDS: tuple[RequestKind, ...] = ("playlist", "segment")
STATUS = {"ok": "200 OK", "missing": "404 Not Found", "busy": "503 Busy", "moved": "302 Found"}


class Mix:
    """A server whose answer to a path is decided by the path: ``/form/status/size``; it keeps its own books."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()
        self.body = 0
        self.cut = 0

    def script(self, peer: Peer) -> Talk:
        while True:
            form, status, size = (yield from peer.hear()).strip("/").split("/")
            self.answered[status] += 1
            self.body += int(size)
            yield from peer.say(*self.pieces(form, STATUS[status], bytes(int(size))))
            if form == "until_close":
                return
            if form == "cut":
                self.cut += 1
                return

    def pieces(self, form: str, status: str, body: bytes) -> list[bytes]:
        match form:
            case "whole":
                return [head(f"Content-Length: {len(body)}", status=status) + body]
            case "apart":
                half = len(body) // 2
                return [head(f"Content-Length: {len(body)}", status=status), body[:half], body[half:]]
            case "chunked":
                chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
                return [CHUNKED.replace(b"200 OK", status.encode()), chunk, b"0\r\n\r\n"]
            case "hinted":
                return [head(status="103 x"), head(f"Content-Length: {len(body)}", status=status) + body]
            case "until_close":
                return [head("Connection: close", status=status), body]
            case _:
                return [head(f"Content-Length: {len(body) + 1}", status=status), body]


FORMS = ("whole", "apart", "chunked", "hinted", "until_close", "cut")


def lanes(dice: Random, url: str, replies: list[Got | Failed]) -> Session:
    """One viewer: some requests, now and then a lane beside."""

    def gets() -> list[Get]:
        return [a_get(dice, url) for _ in range(dice.randint(1, 12))]

    if dice.random() < 0.3:
        yield Spawn(asking(gets(), replies))
    yield from asking(gets(), replies)


def a_get(dice: Random, url: str) -> Get:
    form = dice.choices(FORMS, (40, 20, 15, 10, 8, 7))[0]
    size = dice.choice((0, 1, 500, 20_000, 65_536, 200_000))
    return Get(f"{url}{form}/{dice.choice(tuple(STATUS))}/{size}", dice.choice(KINDS), read=dice.random() < 0.5)


def totals(loop: Loop) -> Requests:
    whole = Requests()
    for window in windows(loop):
        for requests in window.requests.values():
            whole = add(whole, requests)
    return whole


@pytest.mark.parametrize("seed", [1, 2])
def test_our_books_are_the_servers_books(seed: int, make_loop: MakeLoop, serve: Serve) -> None:
    dice, mix, replies = Random(seed), Mix(), list[Got | Failed]()
    loop, server = make_loop(), serve(mix.script)
    for number in range(200):
        loop.admit(visit(loop, number), lanes(dice, server.url("/"), replies))
    wait_for(lambda: loop.is_idle, server.step, loop.step, patience=30)
    recorded = totals(loop)
    assert recorded.count == len(server.requests) > 1000
    assert recorded.bytes == mix.body
    assert recorded.bytes + recorded.head_bytes == server.said
    expected: dict[ErrorKind, int] = {"reset": mix.cut}
    whole = recorded.count - mix.cut
    assert recorded.errors["reset"] == expected["reset"]
    assert (
        recorded.total.count
        == recorded.ttfb.count
        == whole - sum(recorded.errors.get(kind, 0) for kind in ("http_4xx", "http_5xx"))
    )
    assert loop.health.faults == loop.health.dropped == 0


def test_bytes_count_in_the_second_in_which_they_come(make_loop: MakeLoop, serve: Serve) -> None:
    """A segment that takes two seconds is traffic of both."""
    ahead = [0.0]

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say(head("Content-Length: 3000") + bytes(1000))
        yield from peer.pause(3)
        ahead[0] = 1.0
        yield from peer.pause(3)
        yield from peer.say(bytes(2000))

    begun = 0.0
    loop = make_loop(ticks=lambda: ahead[0], begins=begun)
    server = serve(script)
    loop.admit(visit(loop), asking([Get(server.url(), "segment")], []))
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    told = {window.at: window.requests["segment"] for window in loop.windows(3)}
    assert {at: (requests.bytes, requests.count) for at, requests in told.items()} == {0: (1000, 0), 1: (2000, 1)}
