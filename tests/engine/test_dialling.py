"""From which address to which: addresses that do not answer, addresses of ours in turn, a bound on kernel buffers."""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from loadtests.engine.channel import SystemSocket, open_socket
from loadtests.engine.connection import CONNECT_TIMEOUT
from loadtests.engine.dial import HEAD_START
from loadtests.engine.loop import Loop
from loadtests.engine.poller import WRITE, PollPoller
from loadtests.engine.sockets import Sockets
from loadtests.session import Failed, Get, Got
from tests.engine.asking import OK, ask, asking, sums, visit
from tests.engine.conftest import MakeLoop, Serve, Ticks
from tests.engine.hostile import Peer, Script, Server, Talk, wait_for
from tests.engine.scripts import always, head

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")


@contextmanager
def silence() -> Iterator[int]:
    """A port of 127.0.0.1 that neither accepts nor refuses: its queue is full."""
    with SystemSocket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filling = [open_socket(socket.AF_INET) for _ in range(3)]
        for sock in filling:
            sock.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
        for sock in filling:
            sock.close()


def asked(loop: Loop, url: str, number: int = 0) -> list[Got | Failed]:
    """Where the reply will be."""
    replies: list[Got | Failed] = []
    get = Get(url, "playlist", read=True, timeout=99, first_byte_timeout=99)
    loop.admit(visit(loop, number), asking([get], replies))
    return replies


def turns(loop: Loop, *servers: Server, count: int = 20) -> None:
    for _ in range(count):
        for server in servers:
            server.step()
        loop.step()


@linux
def test_a_silent_address_costs_a_head_start_and_not_the_time_out(
    ticks: Ticks, make_loop: MakeLoop, serve: Serve
) -> None:
    with silence() as port:
        server = serve(always(OK), host="127.0.0.2", port=port)
        loop = make_loop(ticks=ticks, resolve=[f"twins.test:{port}:127.0.0.1,127.0.0.2"])
        replies = asked(loop, f"http://twins.test:{port}/")
        turns(loop, server)
        assert (replies, loop.sockets, server.accepted) == ([], 1, 0), "it has its head start for itself"
        ticks.ahead = HEAD_START + 0.2
        wait_for(lambda: loop.is_idle, server.step, loop.step)
        assert isinstance(replies[0], Got)
        assert loop.sockets == 0, "the silent one is given up"
        assert sums(loop).errors == {}


@linux
def test_while_another_address_may_still_answer_a_refusal_is_not_the_end(
    ticks: Ticks, make_loop: MakeLoop, serve: Serve
) -> None:
    """127.0.0.2 and 127.0.0.3 refuse at once; the silent one has until the time-out."""
    with silence() as port:
        loop = make_loop(ticks=ticks, resolve=[f"three.test:{port}:127.0.0.1,127.0.0.2,127.0.0.3"])
        replies = asked(loop, f"http://three.test:{port}/")
        turns(loop)
        ticks.ahead = HEAD_START + 0.2
        turns(loop)
        assert (replies, loop.sockets) == ([], 1)
        ticks.ahead = CONNECT_TIMEOUT + 1
        wait_for(lambda: loop.is_idle, loop.step)
    (reply,) = replies
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("timeout", "no connection after 10 s")
    assert sums(loop).errors == {"timeout": 1}


def test_a_thousand_addresses_that_fail_at_once_are_one_failure(make_loop: MakeLoop, serve: Serve) -> None:
    """And no deep recursion: link-local addresses without their link, as a hostile name server may list them."""
    many = tuple((socket.AF_INET6, ("fe80::1", 80)) for _ in range(3000))
    loop = make_loop(lookup=lambda *_: many)
    (reply,) = ask(loop, serve(always(OK)), Get("http://many.test/", "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason == "connect"
    assert loop.health.faults == 0


def from_where(seen: Counter[tuple[str, str]], server: str) -> Script:
    """A script that notes who connects."""

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        seen[peer.sock.getpeername()[0], server] += 1
        yield from peer.say(OK)

    return script


@linux
@pytest.mark.parametrize("stride", [1, 3])
def test_viewers_connect_from_our_addresses_in_turn_to_each_of_the_targets(
    stride: int, make_loop: MakeLoop, serve: Serve
) -> None:
    """Every pair is used as often, also by a worker that drives every third viewer only."""
    seen = Counter[tuple[str, str]]()
    first = serve(from_where(seen, "A"))
    second = serve(from_where(seen, "B"), host="127.0.0.2", port=first.port)
    loop = make_loop(
        resolve=[f"twins.test:{first.port}:127.0.0.1,127.0.0.2"], sources=("127.0.1.1", "127.0.1.2"), stride=stride
    )
    for number in range(1, 1 + 8 * stride, stride):
        asked(loop, f"http://twins.test:{first.port}/", number)
    wait_for(lambda: loop.is_idle, first.step, second.step, loop.step)
    assert seen == {(ours, theirs): 2 for ours in ("127.0.1.1", "127.0.1.2") for theirs in "AB"}


def test_addresses_of_the_other_family_are_left_out(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(sources=("::1",)), serve(always(OK))
    assert isinstance(ask(loop, server, "/")[0], Got)


def test_ipv6_connects_from_its_own_addresses(make_loop: MakeLoop, serve: Serve) -> None:
    seen = Counter[tuple[str, str]]()
    try:
        server = serve(from_where(seen, "A"), host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    ask(make_loop(sources=("127.0.0.1", "::1")), server, "/")
    assert seen == {("::1", "A"): 1}


def test_an_address_that_is_not_ours_is_our_own_limit(make_loop: MakeLoop, serve: Serve) -> None:
    """192.0.2.0/24 is nobody's (RFC 5737). A command refuses it before any load; addresses may also be taken away."""
    loop, server = make_loop(sources=("192.0.2.1",)), serve(always(OK))
    (reply,) = ask(loop, server, "/")
    assert isinstance(reply, Failed)
    assert sums(loop).errors == {}
    assert loop.health.dropped == 1
    assert loop.sockets == 0


@linux
def test_a_bound_address_takes_its_port_only_when_it_connects() -> None:
    with open_socket(socket.AF_INET, "127.0.1.1") as sock:
        assert sock.getsockname() == ("127.0.1.1", 0)


def test_a_bounded_buffer_holds_less_and_the_body_comes_all_the_same(make_loop: MakeLoop, serve: Serve) -> None:
    with open_socket(socket.AF_INET) as usual, open_socket(socket.AF_INET, receive_buffer=8192) as bounded:
        sizes = [sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for sock in (bounded, usual)]
        assert 8192 <= sizes[0] < sizes[1]
    size = 300_000
    loop = make_loop(receive_buffer=8192)
    server = serve(always(head(f"Content-Length: {size}") + bytes(size)))
    (reply,) = ask(loop, server, Get(server.url(), "segment"))
    assert isinstance(reply, Got)
    assert reply.size == size


class Told(PollPoller):
    """A poller that says what it is told to say."""

    def __init__(self, *ready: int) -> None:
        super().__init__()
        self._ready = ready

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        return [(fd, WRITE) for fd in self._ready]


class Holder:
    """An owner that does something when it is ready."""

    def __init__(self, fd: int, *then: Callable[[], None]) -> None:
        self.fd, self._then = fd, then

    def on_ready(self) -> None:
        for each in self._then:
            each()

    def abandon(self, error: Exception) -> None:
        raise error


def test_what_was_said_of_a_closed_socket_is_not_about_the_next_one_of_its_number() -> None:
    """A socket that has only begun to connect would else pass for connected."""
    sockets = Sockets(Told(3, 4))
    old, new = Holder(4), Holder(4)
    first = Holder(3, lambda: sockets.unwatch(old), lambda: sockets.watch(new, WRITE))
    sockets.watch(first, WRITE)
    sockets.watch(old, WRITE)
    seen = list[object]()
    for owner in sockets.ready():
        seen.append(owner)
        owner.on_ready()
    assert seen == [first]
    assert [*map(id, sockets.ready())] == [id(first), id(new)]
