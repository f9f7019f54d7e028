"""Last miles that are written down, visits behind them, and a clock that goes on a millisecond a turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from loadtests.engine.loop import Loop
from loadtests.engine.pace import Pace
from loadtests.engine.poller import Poller
from loadtests.engine.visit import Visit
from loadtests.session import Failed, Get, Got
from tests.engine.asking import asking, viewer
from tests.engine.conftest import MakeLoop
from tests.engine.hostile import Peer, Script, Server, Talk, wait_for
from tests.engine.scripts import head

TURN: Final = 0.001
"""Seconds."""
LATER: Final = 4e9
"""Seconds since 1970: behind any time that the kernel stamps, so that only ours count."""


class Turns:
    """The clock of a loop and of its server, who take turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return LATER + self.now

    def step(self) -> None:
        self.now += TURN


class Line(NamedTuple):
    """``rates`` in bit/s, second by second, the last one for ever; one round trip for everything."""

    rates: tuple[float, ...] = (8e6,)
    rtt: float = 0.0

    def rate(self, second: int) -> float:
        return self.rates[min(second, len(self.rates) - 1)]

    def round_trip(self, request: int) -> float:
        del request
        return self.rtt


class Watched:
    """A poller that counts what it says."""

    def __init__(self, poller: Poller) -> None:
        self.said = 0
        self._poller = poller
        self.register, self.modify, self.unregister = poller.register, poller.modify, poller.unregister
        self.close = poller.close

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        ready = self._poller.poll(timeout)
        self.said += len(ready)
        return ready


class Shaped:
    """A loop and a server on a clock of their own, and viewers behind last miles."""

    def __init__(self, make_loop: MakeLoop, server: Server, **options: object) -> None:
        self.turns = Turns()
        self.loop: Loop = make_loop(ticks=self.turns, wall=self.turns.wall, **options)
        self.server = server

    def admit(self, line: Line | None, *gets: Get, number: int = 0) -> list[Got | Failed]:
        """A viewer behind ``line`` that asks; its replies, as they come."""
        replies: list[Got | Failed] = []
        self.loop.admit(self.visit(line, number), asking(gets, replies))
        return replies

    def visit(self, line: Line | None, number: int = 0) -> Visit:
        """Second zero of its line is now."""
        pace = None if line is None else Pace(self.loop, line, self.loop.clock())
        return Visit(viewer(number), self.loop.recorder.tally("id", "mobile"), pace)

    def ask(self, line: Line | None, *gets: Get) -> list[Got | Failed]:
        """One viewer asks; its replies when it is done."""
        replies = self.admit(line, *gets)
        self.settle()
        return replies

    def get(self, path: str = "/", *, read: bool = False, timeout: float = 60.0, first: float = 30.0) -> Get:
        """A request to the server."""
        return Get(self.server.url(path), "segment", read, timeout=timeout, first_byte_timeout=first)

    def settle(self) -> None:
        """Until everybody is done."""
        self.until(lambda: self.loop.is_idle)

    def until(self, condition: Callable[[], bool]) -> None:
        """Take turns until it holds."""
        wait_for(condition, self.turns.step, self.server.step, self.loop.step, patience=60)

    def run(self, seconds: float) -> None:
        """Take turns for a while."""
        end = self.turns.now + seconds
        self.until(lambda: self.turns.now >= end)


def giving(size: int, *, chunked: bool = False) -> Script:
    """Answers of that many bytes, as fast as they are taken; ``/20000`` as path asks for another size."""

    def script(peer: Peer) -> Talk:
        while True:
            path = yield from peer.hear()
            length = int(path[1:] or size)
            if chunked:
                yield from peer.say_at_once(
                    head("Transfer-Encoding: chunked"), b"%x\r\n" % length, bytes(length), b"\r\n0\r\n\r\n"
                )
            else:
                yield from peer.say_at_once(head(f"Content-Length: {length}"), bytes(length))

    return script


def seconds(replies: Iterable[Got | Failed]) -> list[float]:
    """How long each took."""
    return [reply.at - reply.started for reply in replies]
