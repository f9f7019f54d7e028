"""What the engine's tests share: both pollers, servers that are closed again, and a check for leaks."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from loadtests.engine.loop import Loop, Reach, System
from loadtests.engine.poller import Poller, PollPoller, system_poller
from tests.engine.certificates import Authority
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
    """Makes a test's loop; its options are fields of `Reach` and `System` too. Afterwards nothing may be left."""
    loops: list[Loop] = []

    def make(*args: Any, **options: Any) -> Loop:
        reach = Reach(**{name: options.pop(name) for name in Reach._fields if name in options})
        parts = {name: options.pop(name) for name in System._fields if name in options}
        loops.append(Loop(*args, reach=reach, system=System(**{"poller": poller, **parts}), **options))
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


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of test servers."""
    return Authority(tmp_path_factory.mktemp("authority"), "good")


@pytest.fixture(scope="session")
def h2_context(authority: Authority) -> ssl.SSLContext:
    """A server that chooses HTTP/2."""
    context = authority.server("127.0.0.1")
    context.set_alpn_protocols(["h2"])
    return context


@pytest.fixture
def http2(make_loop: MakeLoop, authority: Authority) -> MakeLoop:
    """Loops that offer HTTP/2."""
    return lambda **options: make_loop(ca_file=str(authority.file), http2=True, **options)


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
