"""Time that is up, and the generator's own limits, which are never the target's fault."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from loadtests.engine.channel import SystemSocket, open_socket
from loadtests.engine.connection import CONNECT_TIMEOUT
from loadtests.engine.names import Addresses
from loadtests.session import ErrorKind, Failed, Get, Got
from tests.engine.asking import OK, ask, asking, sums, visit
from tests.engine.conftest import MakeLoop, Serve, Ticks
from tests.engine.hostile import Peer, Talk, wait_for
from tests.engine.scripts import always, dripping, never_whole, silent

DESCRIPTORS: Final = Path("/dev/fd")
"""Where a system lists a process's open descriptors."""


def found(*hosts: str) -> Callable[[str, int], Addresses]:
    """A resolver that knows these addresses for every name."""
    return lambda _, port: tuple((socket.AF_INET, (host, port)) for host in hosts)


@pytest.mark.parametrize(
    ("script", "ahead", "detail"),
    [(silent, 3.0, "no first byte after 2 s"), (dripping, 6.0, "not whole"), (never_whole, 6.0, "not whole after 5 s")],
)
def test_a_time_out_ends_the_request_and_its_connection(
    script: Callable[[Peer], Talk], ahead: float, detail: str, ticks: Ticks, make_loop: MakeLoop, serve: Serve
) -> None:
    loop, server = make_loop(ticks=ticks), serve(script)
    replies: list[Got | Failed] = []
    get = Get(server.url(), "playlist", timeout=5.0, first_byte_timeout=2.0)
    loop.admit(visit(loop), asking([get], replies))
    wait_for(lambda: bool(server.requests), server.step, loop.step)
    for _ in range(20):
        server.step()
        loop.step()
    assert replies == []
    ticks.ahead = ahead
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    (reply,) = replies
    assert isinstance(reply, Failed)
    assert reply.reason == "timeout"
    assert detail in reply.detail
    assert sums(loop).errors == {"timeout": 1}
    wait_for(lambda: not server.connections, server.step)


def test_a_server_that_does_not_accept_times_out(ticks: Ticks, make_loop: MakeLoop, serve: Serve) -> None:
    with SystemSocket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filling = [open_socket(socket.AF_INET) for _ in range(3)]
        for sock in filling:
            sock.connect_ex(listener.getsockname())
        loop = make_loop(ticks=ticks)
        replies: list[Got | Failed] = []
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        loop.admit(visit(loop), asking([Get(url, "playlist", timeout=99, first_byte_timeout=99)], replies))
        loop.step()
        ticks.ahead = CONNECT_TIMEOUT + 1
        wait_for(lambda: loop.is_idle, loop.step)
        for sock in filling:
            sock.close()
    (reply,) = replies
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("timeout", "no connection after 10 s")


def test_a_name_that_is_not_answered_times_out(ticks: Ticks, make_loop: MakeLoop) -> None:
    """And when the answer comes after all, nobody minds."""
    loop = make_loop(ticks=ticks, lookup=found("127.0.0.1"))
    replies: list[Got | Failed] = []
    loop.names._waiting["slow.test", 80] = []  # somebody asked before and is still waiting
    loop.admit(visit(loop), asking([Get("http://slow.test/", "playlist")], replies))
    loop.step()
    ticks.ahead = 11
    wait_for(lambda: loop.is_idle, loop.step)
    loop.names._answers.append((("slow.test", 80), found("127.0.0.1")("slow.test", 80)))
    loop.step()
    assert isinstance(replies[0], Failed)
    assert replies[0].reason == "timeout"
    assert loop.sockets == 0


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in DESCRIPTORS.iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    filling = []
    try:
        while True:
            filling.append(os.dup(0))
    except OSError:
        yield
    finally:
        for fd in filling:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="open descriptors cannot be counted here")
def test_without_descriptors_actions_are_dropped_and_not_blamed_on_the_target(
    make_loop: MakeLoop, serve: Serve
) -> None:
    loop, server = make_loop(), serve(always(OK))
    replies: list[Got | Failed] = []
    loop.admit(visit(loop), asking([Get(server.url(), "playlist")] * 2, replies))
    with no_descriptors_left():
        wait_for(lambda: loop.is_idle, loop.step)
    assert [reply.reason for reply in replies if isinstance(reply, Failed)] == ["connect", "connect"]
    assert all("Too many open files" in reply.detail for reply in replies if isinstance(reply, Failed))
    recorded = sums(loop)
    assert (recorded.count, recorded.errors) == (0, {})
    line = loop.health.read(0, "w", sockets=0, viewers=0, received=0)
    assert line.dropped == 2
    assert line.bottleneck() == ("dropped", "2", "0")
    (after,) = ask(loop, server, "/")
    assert isinstance(after, Got)


@pytest.mark.parametrize(
    ("code", "ours"), [(errno.EMFILE, True), (errno.EADDRNOTAVAIL, True), (errno.EAGAIN, True), (errno.EIO, False)]
)
def test_a_look_up_that_fails_for_want_of_our_own_means_is_dropped(
    code: int, ours: bool, make_loop: MakeLoop, serve: Serve
) -> None:
    def lookup(host: str, port: int) -> Addresses:
        raise OSError(code, os.strerror(code))

    loop, server = make_loop(lookup=lookup), serve(always(OK))
    (reply,) = ask(loop, server, Get("http://live.test/", "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason == "dns"
    assert loop.health.dropped == ours
    expected: dict[ErrorKind, int] = {} if ours else {"dns": 1}
    assert sums(loop).errors == expected
