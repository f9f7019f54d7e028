"""Which version of HTTP is spoken: what each server chooses, and that TLS sessions are resumed whatever that is."""

from __future__ import annotations

import errno
import os
import ssl
from typing import cast

import pytest
from pydantic import ValidationError

from loadtests.engine.http2 import Http2
from loadtests.engine.names import Addresses
from loadtests.errors import TargetError
from loadtests.preflight import look
from loadtests.scenario import read_scenario
from loadtests.session import Failed, Get, Got, Session, Spawn, WaitUntil
from loadtests.target import Target
from tests.engine.asking import OK, ask, asking, bodies, named, players, reasons, settle, sums, together, visit
from tests.engine.certificates import Authority
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Peer, Talk, wait_for
from tests.engine.http2_peer import H2Peer, always, speaking
from tests.engine.scripts import always as always_http1


@pytest.fixture(params=[["http/1.1"], []], ids=["http/1.1", "no ALPN"])
def old_context(request: pytest.FixtureRequest, authority: Authority) -> ssl.SSLContext:
    """A server that does not know HTTP/2."""
    context = authority.server("127.0.0.1")
    if request.param:
        context.set_alpn_protocols(request.param)
    return context


def test_a_server_that_chooses_http_1_gets_it(http2: MakeLoop, serve: Serve, old_context: ssl.SSLContext) -> None:
    """The requests that waited together go on apart; no request is sent twice, no connection opened in vain."""
    loop, server = http2(), serve(always_http1(OK), context=old_context)
    replies = together(loop, server, *named(server, "/a", "/b", "/c"))
    assert bodies(replies) == {"/a": b"hello", "/b": b"hello", "/c": b"hello"}
    assert (server.accepted, len(server.requests)) == (3, 3)
    assert players(loop).reconnects == 0
    assert sums(loop).bytes + sums(loop).head_bytes == 0


def test_a_session_of_a_server_that_chooses_http_1_is_resumed(
    http2: MakeLoop, serve: Serve, old_context: ssl.SSLContext
) -> None:
    reused: list[bool | None] = []

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        assert peer.tls is not None
        reused.append(peer.tls.session_reused)
        yield from peer.say(OK)
        yield from peer.end()

    loop, server = http2(), serve(script, context=old_context)
    assert len(bodies(ask(loop, server, "/a", "/b", "/c"))) == 3
    assert reused == [False, True, True]
    assert players(loop).reconnects == 2


def test_a_later_connection_resumes_the_session(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    reused: list[bool | None] = []

    def play(h2: H2Peer) -> Talk:
        assert h2.peer.tls is not None
        reused.append(h2.peer.tls.session_reused)
        stream = yield from h2.hear()
        yield from h2.answer(stream)
        yield from h2.go_away(stream)

    loop, server = http2(), serve(speaking(play), context=h2_context)
    assert len(bodies(ask(loop, server, "/a", "/b", "/c"))) == 3
    assert reused == [False, True, True]


def test_servers_that_change_their_mind(http2: MakeLoop, serve: Serve, authority: Authority) -> None:
    """Behind one name there may be old and new ones: whatever each connection agrees on is spoken there."""
    context, names = authority.server("127.0.0.1"), ["http/1.1", "h2", "h2", "http/1.1", "http/1.1", "h2", "h2", "h2"]

    def script(peer: Peer) -> Talk:
        assert peer.tls is not None
        chosen = peer.tls.selected_alpn_protocol()
        context.set_alpn_protocols([names[server.accepted]])  # for the next one
        yield from (speaking(once) if chosen == "h2" else once_http1)(peer)

    def once(h2: H2Peer) -> Talk:
        stream = yield from h2.hear()
        yield from h2.answer(stream)
        yield from h2.go_away(stream)

    def once_http1(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say(OK)
        yield from peer.pause(3)

    context.set_alpn_protocols(names[:1])
    loop, server = http2(), serve(script, context=context)
    assert len(bodies(ask(loop, server, *[f"/{number}" for number in range(4)]))) == 4


def test_a_plain_http_server_is_asked_as_ever(http2: MakeLoop, serve: Serve) -> None:
    loop, server = http2(), serve(always_http1(OK))
    assert len(bodies(ask(loop, server, "/a", "/b"))) == 2
    assert server.accepted == 1


def test_a_server_that_cannot_be_reached(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    elsewhere = serve(speaking(always()), context=h2_context)
    gets, loop = named(elsewhere, "/a", "/b"), http2()
    elsewhere.close()
    replies = together(loop, serve(speaking(always()), context=h2_context), *gets)
    assert reasons(replies) == ["connect", "connect"]
    assert sums(loop).errors == {"connect": 2}


def test_a_server_nobody_trusts(make_loop: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    loop, server = make_loop(http2=True), serve(speaking(always()), context=h2_context)
    assert reasons(together(loop, server, *named(server, "/a", "/b"))) == ["tls", "tls"]


@pytest.mark.parametrize(("code", "ours"), [(errno.EMFILE, True), (errno.EIO, False)])
def test_requests_that_we_cannot_send_are_not_the_servers_fault(code: int, ours: bool, http2: MakeLoop) -> None:
    def lookup(host: str, port: int) -> Addresses:
        raise OSError(code, os.strerror(code))

    loop, replies = http2(lookup=lookup), list[Got | Failed]()

    def main() -> Session:
        yield Spawn(asking([Get("https://live.test/a", "playlist")], replies))
        yield from asking([Get("https://live.test/b", "playlist")], replies)
        yield WaitUntil(loop.clock() + 0.01)

    loop.admit(visit(loop), main())
    settle(loop)
    assert reasons(replies) == ["dns", "dns"]
    assert loop.health.dropped == (2 if ours else 0)
    assert sums(loop).count == (0 if ours else 2)


def test_an_error_of_ours_costs_one_viewers_requests(http2: MakeLoop, serve: Serve, h2_context: ssl.SSLContext) -> None:
    """Those count as neither good nor bad."""

    def play(h2: H2Peer) -> Talk:
        stream = yield from h2.hear()
        yield from h2.peer.pause(100)
        yield from h2.answer(stream)
        yield from h2.rests()

    loop, replies = http2(), [list[Got | Failed](), list[Got | Failed]()]
    server = serve(speaking(play), context=h2_context)
    visits = [visit(loop, number) for number in range(2)]
    for one, told in zip(visits, replies, strict=True):
        loop.admit(one, asking(named(server, "/"), told))
    wait_for(lambda: len(server.requests) == 2, loop.step, server.step)
    (link,) = visits[0].opened
    assert isinstance(link, Http2)
    link._streams[1].first_at = cast("float", None)
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert isinstance(replies[0][0], Failed)
    assert "error in surgecast" in replies[0][0].detail
    assert isinstance(replies[1][0], Got)
    assert (sums(loop).count, loop.health.faults) == (2, 1)


@pytest.mark.parametrize(("written", "read"), [("2", "2"), (2, "2"), ("1.1", "1.1"), (1.1, "1.1")])
def test_a_scenario_may_write_the_version_as_a_number(written: object, read: str) -> None:
    assert Target.model_validate({"url": "https://live.test/x.m3u8", "http": written}).http == read


@pytest.mark.parametrize("written", ["3", 1, "h2", True, None])
def test_other_versions_are_refused(written: object) -> None:
    with pytest.raises(ValidationError, match=r"http\n"):
        Target.model_validate({"url": "https://live.test/x.m3u8", "http": written})


def test_http_2_without_tls_is_refused_before_anything_is_sent() -> None:
    scenario = read_scenario("viral-goal")
    target = scenario.target.model_copy(update={"url": "http://127.0.0.1:9/x.m3u8", "http": "2"})
    with pytest.raises(TargetError, match="over TLS only"):
        look(scenario.model_copy(update={"target": target}))
