"""Connections that are used again, and lost while nobody looks."""

from __future__ import annotations

import socket

from loadtests.session import Failed, Get, Got, Session, Spawn, WaitUntil
from tests.engine.asking import OK, ask, asking, connection_of, players, sums, visit
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Peer, Server, Talk, wait_for
from tests.engine.scripts import always, idle_after_first


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
        channel = connection_of(whole)._channel
        channel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        yield from asking([Get(server.url("/" + "x" * 8000), "playlist")] * 2, replies)

    loop.admit(whole, session())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    assert [type(reply) for reply in replies] == [Got] * 3
    assert (server.accepted, len(server.requests[2])) == (1, len(server.requests[1]))


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
