"""What the engine's tests share: both pollers, servers that are closed again, and a check for leaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from loadtests.engine.loop import SYSTEM, Loop, Reach, System
from loadtests.engine.names import Lookup
from loadtests.engine.poller import Poller, PollPoller, system_poller
from tests.engine.hostile import Script, Server

Serve: TypeAlias = Callable[..., Server]
MakeLoop: TypeAlias = Callable[..., Loop]


@pytest.fixture(params=[system_poller, PollPoller], ids=["system", "portable"])
def poller(request: pytest.FixtureRequest) -> Callable[[], Poller]:
    """The system's poller and the portable one."""
    made: Callable[[], Poller] = request.param
    return made


@pytest.fixture
def make_loop(poller: Callable[[], Poller]) -> Iterator[MakeLoop]:
    """Makes the loop of a test; ``ticks`` and ``lookup`` replace the system's. Afterwards nothing may be left of it."""
    loops: list[Loop] = []

    def make(*args: Any, ticks: Any = SYSTEM.ticks, lookup: Lookup = SYSTEM.lookup, **options: Any) -> Loop:
        reach = Reach(**{name: options.pop(name) for name in Reach._fields if name in options})
        loops.append(Loop(*args, reach=reach, system=System(ticks, lookup, poller), **options))
        return loops[-1]

    yield make
    for loop in loops:
        loop.cancel()
        assert_nothing_left(loop)


def assert_nothing_left(loop: Loop) -> None:
    """No visit, request or socket."""
    assert loop.is_idle or loop._next is not None
    assert not loop.busy
    assert not loop.visits
    assert loop.sockets == 0


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts hostile servers."""
    servers: list[Server] = []

    def start(script: Script, **options: object) -> Server:
        servers.append(Server(script, **options))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Ticks:
    """A clock that can be put forward; otherwise it is the system's."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def ticks() -> Ticks:
    """A clock that can be put forward."""
    return Ticks()
