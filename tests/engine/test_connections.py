"""How connections are opened, used again, lost and limited."""

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
from loadtests.session import ErrorKind, Failed, Get, Got, Session, Spawn, WaitUntil
from tests.engine.asking import OK, ask, asking, players, sums, visit
from tests.engine.conftest import MakeLoop, Serve, Ticks
from tests.engine.hostile import Peer, Server, Talk, wait_for
from tests.engine.test_responses import always

DESCRIPTORS: Final = Path("/dev/fd")
"""Where a system lists a process's open descriptors."""


def closed_port() -> int:
    """A port that refuses."""
    with SystemSocket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def idle_after_first(peer: Peer) -> Talk:
    """Answer once, wait for leave, close without a word."""
    yield from peer.hear()
    yield from peer.say(OK)
    yield from peer.pause(3)


# -- used again -------------------------------------------------------------------------------------------------------


def test_one_connection_serves_request_after_request(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    replies = ask(loop, server, *["/"] * 20)
    assert all(isinstance(reply, Got) for reply in replies)
    assert (server.accepted, len(server.requests)) == (1, 20)
    assert players(loop).reconnects == 0


def test_a_connection_closed_while_idle_is_replaced(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(idle_after_first)
    replies: list[Got | Failed] = []
    whole = visit(loop)

    def session() -> Session:
        yield from asking([Get(server.url(), "playlist")], replies)
        wait_for(lambda: not server.connections, server.step)
        yield from asking([Get(server.url(), "playlist")], replies)

    loop.admit(whole, session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert all(isinstance(reply, Got) for reply in replies)
    assert (server.accepted, len(server.requests)) == (2, 2)
    assert players(loop).reconnects == 1


def test_a_connection_closed_at_the_moment_of_reuse_is_retried_once(make_loop: MakeLoop, serve: Serve) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        if len(server.requests) == 1:
            yield from peer.say(OK)
            yield from peer.hear()
            server.requests.pop()  # dropped unanswered: as far as the server knows it never came
        else:
            yield from peer.say(OK)

    loop, server = make_loop(), serve(script)
    first, second = ask(loop, server, "/1", "/2")
    assert isinstance(first, Got)
    assert isinstance(second, Got)
    assert len(server.requests) == 2
    recorded = loop.windows(100)
    assert sum(window.requests["playlist"].count for window in recorded) == 2
    assert sum(window.players.reconnects for window in recorded) == 1
    assert not any(window.requests["playlist"].errors for window in recorded)


def test_a_server_that_never_answers_a_second_time_is_retried_only_once(make_loop: MakeLoop, serve: Serve) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        if len(server.requests) == 1:
            yield from peer.say(OK)
            yield from peer.hear()

    loop, server = make_loop(), serve(script)
    first, second = ask(loop, server, "/1", "/2")
    assert isinstance(first, Got)
    assert isinstance(second, Failed)
    assert second.reason == "reset"
    assert len(server.requests) == 3
    assert sums(loop).errors == {"reset": 1}


def test_what_an_idle_connection_brings_unasked_ends_it(make_loop: MakeLoop, serve: Serve) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say(OK)
        yield from peer.pause(5)
        yield from peer.say(OK)
        yield from peer.pause(10_000)

    loop, server = make_loop(), serve(script)
    replies: list[Got | Failed] = []

    def session() -> Session:
        yield from asking([Get(server.url(), "playlist")], replies)
        wait_for(lambda: server.said == 2 * len(OK), server.step)
        yield WaitUntil(loop.clock() + 0.001)
        yield from asking([Get(server.url(), "playlist")], replies)

    loop.admit(visit(loop), session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert all(isinstance(reply, Got) for reply in replies)
    assert server.accepted == 2


def test_two_lanes_use_two_connections_and_then_either(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    replies: list[Got | Failed] = []

    def session() -> Session:
        yield Spawn(asking([Get(server.url("/a"), "segment")] * 3, replies))
        yield from asking([Get(server.url("/b"), "playlist")] * 5, replies)

    loop.admit(visit(loop), session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert len(replies) == 8
    assert server.accepted == 2


def test_a_request_that_does_not_fit_the_socket_is_sent_in_pieces(make_loop: MakeLoop, serve: Serve) -> None:
    """The second time too: a connection that is used again has to wait for room and then listen."""

    def script(peer: Peer) -> Talk:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(3):
            yield from peer.pause(20)
            yield from peer.hear()
            yield from peer.say(OK)

    loop, server = make_loop(), serve(script)
    whole = visit(loop)
    replies: list[Got | Failed] = []

    def session() -> Session:
        yield from asking([Get(server.url(), "playlist")], replies)
        channel = whole.opened[0]._channel
        channel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        yield from asking([Get(server.url("/" + "x" * 8000), "playlist")] * 2, replies)

    loop.admit(whole, session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert [type(reply) for reply in replies] == [Got] * 3
    assert (server.accepted, len(server.requests[2])) == (1, len(server.requests[1]))


# -- opened -----------------------------------------------------------------------------------------------------------


def found(*hosts: str) -> Callable[[str, int], Addresses]:
    """A resolver that knows these addresses for every name."""
    return lambda _, port: tuple((socket.AF_INET, (host, port)) for host in hosts)


def test_nothing_listens(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    url = f"http://127.0.0.1:{closed_port()}/"
    (reply,) = ask(loop, server, Get(url, "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason == "connect"
    assert "refused" in reply.detail
    assert sums(loop).errors == {"connect": 1}
    assert loop.health.dropped == 0


def test_a_refused_connection_is_none_that_was_lost(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    ask(loop, server, Get(f"http://127.0.0.1:{closed_port()}/", "playlist"), "/")
    assert players(loop).reconnects == 0


@pytest.mark.parametrize("number", range(4))
def test_viewers_begin_at_different_addresses_and_go_on_where_one_refuses(
    number: int, make_loop: MakeLoop, serve: Serve
) -> None:
    """127.0.0.2 refuses; every viewer still gets an answer, and only the odd ones had to try twice."""
    server = serve(always(OK))
    loop = make_loop(lookup=found("127.0.0.1", "127.0.0.2"))
    (reply,) = ask(loop, server, Get(f"http://twins.test:{server.port}/", "playlist", read=True), number=number)
    assert isinstance(reply, Got)
    assert server.requests[0].splitlines()[1] == f"Host: twins.test:{server.port}"


def test_viewers_spread_over_the_addresses_by_their_number(make_loop: MakeLoop, serve: Serve) -> None:
    first = serve(always(OK))
    second = serve(always(OK), host="127.0.0.2", port=first.port)
    loop = make_loop(resolve=[f"twins.test:{first.port}:127.0.0.1,127.0.0.2"])
    for number in range(6):
        loop.admit(visit(loop, number), asking([Get(f"http://twins.test:{first.port}/", "playlist")], []))
    wait_for(lambda: loop.is_idle, first.step, second.step, loop.step)
    assert (first.accepted, second.accepted) == (3, 3)


def test_an_override_is_followed_without_asking_anybody(make_loop: MakeLoop, serve: Serve) -> None:
    def lookup(host: str, port: int) -> Addresses:
        raise AssertionError(host)

    server = serve(always(OK))
    loop = make_loop(resolve=[f"Live.Test:{server.port}:127.0.0.1"], lookup=lookup)
    (reply,) = ask(loop, server, Get(f"http://LIVE.test:{server.port}/", "playlist"))
    assert isinstance(reply, Got)


@pytest.mark.parametrize("problem", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve(problem: Exception, make_loop: MakeLoop, serve: Serve) -> None:
    asked = []

    def lookup(host: str, port: int) -> Addresses:
        asked.append((host, port))
        raise problem

    loop, server = make_loop(lookup=lookup), serve(always(OK))
    replies = ask(loop, server, *[Get("http://nobody.test/", "playlist")] * 2)
    assert [reply.reason for reply in replies if isinstance(reply, Failed)] == ["dns", "dns"]
    assert asked == [("nobody.test", 80)] * 2
    assert sums(loop).errors == {"dns": 2}


def test_a_name_without_addresses(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(lookup=found()), serve(always(OK))
    (reply,) = ask(loop, server, Get("http://nobody.test/", "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason == "dns"


def test_ipv6(make_loop: MakeLoop, serve: Serve) -> None:
    try:
        server = serve(always(OK), host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    (reply,) = ask(make_loop(), server, "/")
    assert isinstance(reply, Got)
    assert server.requests[0].splitlines()[1] == f"Host: [::1]:{server.port}"


def test_an_address_that_cannot_be_used_is_passed_over(make_loop: MakeLoop, serve: Serve) -> None:
    """A link-local address without its link: the next one answers, and nothing is counted against anybody."""

    def lookup(host: str, port: int) -> Addresses:
        return ((socket.AF_INET6, ("fe80::1", port)), (socket.AF_INET, ("127.0.0.1", port)))

    server, loop = serve(always(OK)), make_loop(lookup=lookup)
    (reply,) = ask(loop, server, Get(f"http://both.test:{server.port}/", "playlist"))
    assert isinstance(reply, Got)
    assert loop.health.dropped == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/x",
        "file:///etc/passwd",
        "//h/x",
        "x.ts",
        "",
        "http://",
        "http:///x",
        "http://h:0/",
        "http://h:99999/",
        "http://h:x/",
        "http://[::1/",
        "http://a b/",
        "http://a\x00b/",
        "http://a\x7fb/",
        "http://a<b/",
        "http://h/" + "x" * 9000,
        "http://h/\ud800",
        "http://" + "\xe4" * 100 + "/",
    ],
)
def test_what_is_no_web_address_is_never_asked_for(url: str, make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    (reply,) = ask(loop, server, Get(url, "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason == "protocol"
    recorded = sums(loop)
    assert (recorded.count, recorded.errors) == (0, {"protocol": 1})


def test_control_characters_never_reach_the_request(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    path = "/a b\r\nX-Evil: 1\x00\x0b\\\xe9?q=\r\n\x1f#part"
    (reply,) = ask(loop, server, Get(server.url(path), "playlist"))
    assert isinstance(reply, Got)
    lines = server.requests[0].split("\r\n")
    assert lines[0] == "GET /a%20bX-Evil:%201%00%0B%5C%C3%A9?q=%1F HTTP/1.1"
    assert [line.partition(":")[0] for line in lines[1:]] == ["Host", "User-Agent", "Accept", "Accept-Encoding"]


def test_a_host_nobody_claims_gets_no_request(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(hosts=frozenset({"live.test"})), serve(always(OK))
    (reply,) = ask(loop, server, "/")
    assert isinstance(reply, Failed)
    assert reply.reason == "unclaimed_host"
    assert server.accepted == 0


# -- time-outs --------------------------------------------------------------------------------------------------------


def silent(peer: Peer) -> Talk:
    yield from peer.hear()
    yield from peer.hear()


def dripping(peer: Peer) -> Talk:
    """A slow-loris in reverse: the head never ends."""
    yield from peer.hear()
    yield from peer.say(b"HTTP/1.1 200 OK\r\n")
    while True:
        yield from peer.say(b"X: y\r\n")
        yield from peer.pause(100)


def never_whole(peer: Peer) -> Talk:
    yield from peer.hear()
    yield from peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
    yield from peer.hear()


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


# -- the generator's own limits ---------------------------------------------------------------------------------------


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


def test_servers_are_kept_apart(make_loop: MakeLoop, serve: Serve) -> None:
    """A connection is used again for its own origin only."""
    loop, one, other = make_loop(), serve(always(OK)), serve(always(OK))

    class Both(Server):
        def __init__(self) -> None: ...

        def step(self) -> None:
            one.step()
            other.step()

    ask(loop, Both(), *[Get(server.url(), "playlist") for server in (one, other, one, other)])
    assert (one.accepted, other.accepted) == (1, 1)
