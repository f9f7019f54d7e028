"""TLS: who is believed, what is counted, and that a fast server does not starve the others."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from loadtests.engine.channel import LEAKS, TURN, Tls
from loadtests.engine.loop import Loop, Reach
from loadtests.errors import InputError
from loadtests.session import Failed, Get, Got, Session
from tests.engine.asking import OK, ask, asking, connection_of, players, sums, visit
from tests.engine.certificates import Authority
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Peer, Talk, wait_for
from tests.engine.scripts import CHUNKED, always, head, idle_after_first


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "good")


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    return authority.server("127.0.0.1")


@pytest.fixture
def trusting(make_loop: MakeLoop, authority: Authority) -> MakeLoop:
    """Loops that trust the authority."""
    return lambda **options: make_loop(ca_file=str(authority.file), **options)


def test_a_known_authority_is_believed(trusting: MakeLoop, serve: Serve, context: ssl.SSLContext) -> None:
    loop, server = trusting(), serve(always(OK), context=context)
    replies = ask(loop, server, *["/"] * 5)
    assert [reply.body for reply in replies if isinstance(reply, Got)] == [b"hello"] * 5
    assert server.accepted == 1
    recorded = sums(loop)
    assert recorded.bytes + recorded.head_bytes == server.said


def test_an_unknown_authority_is_not(make_loop: MakeLoop, serve: Serve, context: ssl.SSLContext) -> None:
    loop, server = make_loop(), serve(always(OK), context=context)
    assert_refused(ask(loop, server, "/")[0], "self-signed certificate|unable to get local issuer")
    assert sums(loop).errors == {"tls": 1}
    assert players(loop).reconnects == 0


def assert_refused(reply: Got | Failed, detail: str) -> None:
    assert isinstance(reply, Failed)
    assert reply.reason == "tls"
    assert any(part in reply.detail for part in detail.split("|")), reply.detail


def test_another_host_name_is_refused(trusting: MakeLoop, serve: Serve, context: ssl.SSLContext) -> None:
    server = serve(always(OK), context=context)
    loop = trusting(resolve=[f"live.test:{server.port}:127.0.0.1"])
    (reply,) = ask(loop, server, Get(f"https://live.test:{server.port}/", "playlist"))
    assert_refused(reply, "Hostname mismatch")


def test_the_right_host_name_is_what_counts(trusting: MakeLoop, serve: Serve, authority: Authority) -> None:
    server = serve(always(OK), context=authority.server("live.test"))
    loop = trusting(resolve=[f"live.test:{server.port}:127.0.0.1"])
    (reply,) = ask(loop, server, Get(f"https://live.test:{server.port}/", "playlist"))
    assert isinstance(reply, Got)


def test_an_expired_certificate_is_refused(trusting: MakeLoop, serve: Serve, authority: Authority) -> None:
    server = serve(always(OK), context=authority.server("127.0.0.1", expired=True))
    assert_refused(ask(trusting(), server, "/")[0], "certificate has expired")


def test_a_server_that_does_not_speak_tls(make_loop: MakeLoop, serve: Serve) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.say(b"220 mail.test ESMTP\r\n")
        yield from peer.pause(1000)

    loop, server = make_loop(), serve(script)
    (reply,) = ask(loop, server, Get(f"https://127.0.0.1:{server.port}/", "playlist"))
    assert_refused(reply, "WRONG_VERSION_NUMBER")


@pytest.mark.parametrize("reset", [True, False])
def test_a_server_that_hangs_up_during_the_handshake(reset: bool, make_loop: MakeLoop, serve: Serve) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.pause(5)
        if reset:
            peer.reset()

    loop, server = make_loop(), serve(script)
    (reply,) = ask(loop, server, Get(f"https://127.0.0.1:{server.port}/", "playlist"))
    assert_refused(reply, "EOF|reset")


@pytest.mark.parametrize("host", [".live.test", "live..test"])
def test_a_name_no_certificate_can_have(host: str, make_loop: MakeLoop, serve: Serve) -> None:
    server = serve(always(OK))
    loop = make_loop(resolve=[f"{host}:{server.port}:127.0.0.1"])
    (reply,) = ask(loop, server, Get(f"https://{host}:{server.port}/", "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason in ("tls", "protocol")
    assert loop.health.faults == 0


@pytest.mark.parametrize("read", [True, False])
def test_big_bodies(read: bool, trusting: MakeLoop, serve: Serve, context: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 12_000
    loop = trusting()
    server = serve(always(head(f"Content-Length: {len(body)}") + body), context=context)
    replies = ask(loop, server, *[Get(server.url(), "segment", read)] * 2)
    for reply in replies:
        assert isinstance(reply, Got)
        assert (reply.size, reply.body) == (len(body), body if read else b"")
    recorded = sums(loop, "segment")
    assert recorded.bytes + recorded.head_bytes == server.said
    assert server.accepted == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_many_small_records(at_once: bool, trusting: MakeLoop, serve: Serve, context: ssl.SSLContext) -> None:
    pieces = [head("Content-Length: 3000"), *[bytes([number % 256]) for number in range(3000)]]

    def script(peer: Peer) -> Talk:
        while True:
            yield from peer.hear()
            yield from peer.say_at_once(*pieces) if at_once else peer.say(*pieces)

    loop, server = trusting(), serve(script, context=context)
    for reply in ask(loop, server, "/", "/"):
        assert isinstance(reply, Got)
        assert reply.body == b"".join(pieces[1:])
    assert server.accepted == 1


def test_a_fast_server_gets_its_share_of_a_turn_and_no_more(
    trusting: MakeLoop, serve: Serve, context: ssl.SSLContext
) -> None:
    loop = trusting()
    server = serve(always(head("Content-Length: 3000000") + bytes(3_000_000)), context=context)
    whole, replies = visit(loop), list[Got | Failed]()
    loop.admit(whole, asking([Get(server.url(), "segment")], replies))
    most, before = 0, 0

    def step() -> None:
        nonlocal most, before
        loop.step()
        now = connection_of(whole).exchange.received if whole.opened else 0
        most, before = max(most, now - before), now

    wait_for(lambda: loop.is_idle, server.step, server.step, server.step, step)
    assert isinstance(replies[0], Got)
    assert 0 < most <= TURN + 65536


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_only_a_closing_alert_ends_a_body_without_length(
    says_goodbye: bool, trusting: MakeLoop, serve: Serve, context: ssl.SSLContext
) -> None:
    """Without it anybody on the way could have cut the body short (RFC 9112 §9.8)."""

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say(head() + b"hello")
        if says_goodbye:
            yield from peer.end()

    (reply,) = ask(trusting(), serve(script, context=context), "/")
    assert isinstance(reply, Got) == says_goodbye
    assert says_goodbye or (isinstance(reply, Failed) and reply.reason == "reset")


@pytest.mark.parametrize("pieces", [(head("Content-Length: 9") + b"hello",), (CHUNKED + b"9\r\nhello",)])
def test_a_body_cut_short(pieces: tuple[bytes, ...], trusting: MakeLoop, serve: Serve, context: ssl.SSLContext) -> None:
    (reply,) = ask(trusting(), serve(always(*pieces, close=True), context=context), "/")
    assert isinstance(reply, Failed)
    assert reply.reason == "reset"


def test_garbage_behind_a_response_ends_the_connection(
    trusting: MakeLoop, serve: Serve, context: ssl.SSLContext
) -> None:
    """A record of its own that is already here: the poller will not tell of it."""

    def script(peer: Peer) -> Talk:
        while True:
            yield from peer.hear()
            yield from peer.say_at_once(OK, b"garbage")

    loop, server = trusting(), serve(script, context=context)
    assert all(isinstance(reply, Got) for reply in ask(loop, server, "/", "/", "/"))
    assert server.accepted == 3


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_later_connection_resumes_the_session(
    version: ssl.TLSVersion, trusting: MakeLoop, serve: Serve, authority: Authority
) -> None:
    context = authority.server("127.0.0.1")
    context.maximum_version = version
    reused = []

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        assert peer.tls is not None
        reused.append(peer.tls.session_reused)
        yield from peer.say(OK)
        yield from peer.end()

    loop, server = trusting(), serve(script, context=context)
    replies = ask(loop, server, *["/"] * 3)
    assert all(isinstance(reply, Got) for reply in replies)
    assert reused == [False, True, True]
    assert players(loop).reconnects == 2


@pytest.mark.skipif(not LEAKS, reason="this Python does not leak TLS sessions")
def test_where_reading_a_session_leaks_a_viewer_has_one_for_all_its_reconnects(
    trusting: MakeLoop, serve: Serve, context: ssl.SSLContext
) -> None:
    """5.3 KB for each response of a server that closes every connection would be a gigabyte a minute."""
    loop, server, seen = trusting(), serve(always(OK, close=True), context=context), set[int]()
    whole = visit(loop)

    def session() -> Session:
        for _ in range(4):
            yield from asking([Get(server.url(), "playlist")], [])
            seen.update(map(id, whole.tls_sessions.values()))

    loop.admit(whole, session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert server.accepted == 4
    assert len(seen) == 1


def test_a_connection_closed_while_idle_is_replaced(trusting: MakeLoop, serve: Serve, context: ssl.SSLContext) -> None:
    loop, server = trusting(), serve(idle_after_first, context=context)
    replies: list[Got | Failed] = []

    def session() -> Session:
        for _ in range(3):
            yield from asking([Get(server.url(), "playlist")], replies)
            wait_for(lambda: not server.connections, server.step)

    loop.admit(visit(loop), session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert all(isinstance(reply, Got) for reply in replies)
    assert len(server.requests) == 3
    assert sums(loop).errors == {}


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"])
def test_an_authority_file_that_holds_none_is_said_at_once(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"target\.ca_file: .*ca\.pem"):
        Loop(reach=Reach(ca_file=str(file)))


def test_what_the_kernel_does_not_take_at_once_is_sent_later(
    trusting: MakeLoop, serve: Serve, context: ssl.SSLContext
) -> None:
    def script(peer: Peer) -> Talk:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(3):
            yield from peer.pause(20)
            yield from peer.hear()
            yield from peer.say(OK)

    loop, server = trusting(), serve(script, context=context)
    whole, replies = visit(loop), list[Got | Failed]()

    def session() -> Session:
        yield from asking([Get(server.url(), "playlist")], replies)
        channel = connection_of(whole)._channel
        assert isinstance(channel, Tls)
        channel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        yield from asking([Get(server.url("/" + "x" * 8000), "playlist")] * 2, replies)

    loop.admit(whole, session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert [type(reply) for reply in replies] == [Got] * 3
    assert server.accepted == 1
