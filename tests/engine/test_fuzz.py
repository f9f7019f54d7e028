"""Whatever a server sends, every request has one recorded outcome and the loop lives on.

`python -m tests.engine.fuzz` runs these laws, and those of the parsers, for as long as it is told.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from itertools import count, cycle
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadtests.engine.loop import Loop
from loadtests.engine.visit import Visit
from loadtests.players.hls_js import HlsJs
from loadtests.protocols.hls import Hls
from loadtests.session import Failed, Get, Got
from tests.engine.asking import OK, ask, asking, sums, viewer, visit, windows
from tests.engine.hostile import Peer, Server, Talk, wait_for
from tests.engine.scripts import CHUNKED, head
from tests.engine.streams import (
    HONEST,
    MASTER,
    MEDIA,
    TAGS,
    Edit,
    edits,
    hasty_clock,
    meeting,
    mutants,
    pieces,
    playing,
    server_context,
    spoilt,
)

UNUSABLE: Final = ("not gzip", "gzip cut short", "unpacks to more")
"""How failures begin that are the body's, not the response's: those responses were recorded as whole ones."""
LIMIT: Final = 10_000
MOST_HEARD: Final = 2_000


@settings(max_examples=250, deadline=None)
@given(stream=pieces, rounds=st.integers(1, 3), read=st.booleans())
@example(stream=[b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"], rounds=2, read=True)
@example(stream=[b"HTTP/1.1 101 x\r\n\r\n"], rounds=1, read=True)
def test_any_stream_has_one_outcome_per_request(stream: list[bytes], rounds: int, read: bool) -> None:
    with meeting(stream, rounds) as (loop, server):
        three_outcomes(loop, server, read=read)


@settings(max_examples=40, deadline=None)
@given(stream=pieces, rounds=st.integers(1, 3), read=st.booleans())
def test_and_so_has_any_stream_within_tls(stream: list[bytes], rounds: int, read: bool) -> None:
    with meeting(stream, rounds, tls=True) as (loop, server):
        three_outcomes(loop, server, read=read)


def three_outcomes(loop: Loop, server: Server, *, read: bool) -> None:
    """Three requests of one viewer are three outcomes, none beyond its limit, and nothing is left over."""
    replies = ask(loop, server, *[Get(server.url(), "playlist", read, limit=LIMIT)] * 3)
    assert len(replies) == 3
    assert all(len(reply.body) <= LIMIT and reply.size <= LIMIT for reply in replies if isinstance(reply, Got))
    unusable = sum(isinstance(reply, Failed) and reply.detail.startswith(UNUSABLE) for reply in replies)
    recorded = sums(loop)
    assert recorded.count == 3
    assert recorded.cancelled == 0
    assert recorded.total.count + sum(recorded.errors.values()) == 3 + unusable
    assert recorded.bytes + recorded.head_bytes <= server.said
    nothing_wrong(loop)


def nothing_wrong(loop: Loop) -> None:
    """Nothing is left, and no error is ours."""
    assert loop.sockets == 0
    assert not loop.busy
    assert not loop.visits
    assert loop.health.faults == loop.health.dropped == 0


@settings(max_examples=40, deadline=None)
@given(flight=st.integers(0, 5), wrong=edits([b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\xff\xff", OK]))
def test_any_broken_tls_has_one_outcome(flight: int, wrong: list[Edit]) -> None:
    """The server's TLS records are changed on their way, in its ``flight``-th turn."""

    def script(peer: Peer) -> Talk:
        peer.tls = server_context().wrap_bio(peer._inbox, peer._outbox, server_side=True)
        for turn in count():
            peer._fill()
            with suppress(ssl.SSLError):  # the client says what it thinks of it
                peer.tls.do_handshake()
                peer.tls.write(OK)
            text = peer._outbox.read()
            yield from peer._to_socket(spoilt(text, wrong) if turn == flight else text)
            yield

    with playing(script, hasty_clock(), trusted=True) as (loop, server):
        url = server.url().replace("http:", "https:")
        replies = ask(loop, server, *[Get(url, "playlist", read=True, limit=LIMIT, timeout=3.0)] * 2)
        recorded = sums(loop)
        assert recorded.count == len(replies) == 2
        assert recorded.total.count + sum(recorded.errors.values()) == 2
        nothing_wrong(loop)


@settings(max_examples=40, deadline=None)
@given(
    streams=st.lists(pieces, min_size=1, max_size=4), viewers=st.integers(2, 6), cancel=st.none() | st.integers(0, 60)
)
def test_hostile_servers_do_no_harm_to_the_viewers_of_others(
    streams: list[list[bytes]], viewers: int, cancel: int | None
) -> None:
    """Some viewers meet hostile streams, one meets good answers; and the run may end at any moment."""

    def script(peer: Peer) -> Talk:
        while True:
            number = int((yield from peer.hear()).strip("/"))
            yield from peer.say(*(streams[number % len(streams)] if number else [OK]))
            if number:
                return

    told: list[list[Got | Failed]] = [[] for _ in range(viewers)]
    with playing(script, hasty_clock()) as (loop, server):
        for number, replies in enumerate(told):
            get = Get(server.url(f"/{number}"), "playlist", True, LIMIT)
            loop.admit(visit(loop, number), asking([get] * 3, replies))
        for turn in count():
            if loop.is_idle or turn == cancel:
                break
            server.step()
            loop.step()
        loop.cancel()
        recorded = sums(loop)
        unusable = [reply for replies in told for reply in replies if isinstance(reply, Failed)]
        extra = sum(reply.detail.startswith(UNUSABLE) for reply in unusable)
        assert recorded.total.count + sum(recorded.errors.values()) + recorded.cancelled == recorded.count + extra
        if cancel is None:
            assert recorded.count == 3 * viewers
            assert [reply.body for reply in told[0] if isinstance(reply, Got)] == [b"hello"] * 3
        nothing_wrong(loop)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from([MASTER, MEDIA]), mutants([MASTER, MEDIA, *HONEST], TAGS)), min_size=1, max_size=6
    ),
    st.sampled_from([True, True, True, False]),
)
def test_a_player_lives_through_any_playlists(texts: list[bytes], framed: bool) -> None:
    """The whole of it: session, loop, loopback, one text after the other as playlists and as segments."""
    turns = cycle(texts)

    def script(peer: Peer) -> Talk:
        while len(peer.server.requests) < MOST_HEARD:
            yield from peer.hear()
            text = next(turns)
            yield from peer.say((head(f"Content-Length: {len(text)}") if framed else b"") + text)
            if not framed:
                return

    with playing(script, hasty_clock()) as (loop, server):
        tally = loop.recorder.tally("id", "mobile")
        who = viewer()._replace(url=server.url("/m"), leave_at=20.0)
        loop.admit(Visit(who, tally), Hls().watch(who, HlsJs(), tally))
        wait_for(lambda: loop.is_idle, server.step, loop.step, patience=30.0)
        assert len(server.requests) < MOST_HEARD
        for window in windows(loop):
            for recorded in window.requests.values():
                ended = recorded.total.count + recorded.cancelled
                assert ended <= recorded.count <= ended + sum(recorded.errors.values())
        nothing_wrong(loop)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([OK, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"]), min_size=1, max_size=4), st.data())
def test_a_good_response_is_good_however_it_is_cut(responses: list[bytes], data: st.DataObject) -> None:
    cuts: list[list[bytes]] = []
    for response in responses:
        places = sorted(data.draw(st.lists(st.integers(0, len(response)), max_size=6)))
        cuts.append([response[a:b] for a, b in zip([0, *places], [*places, len(response)], strict=True) if a < b])

    def script(peer: Peer) -> Talk:
        for cut in cuts:
            yield from peer.hear()
            yield from peer.say(*cut)

    with playing(script) as (loop, server):
        replies = ask(loop, server, *["/"] * len(cuts))
        assert [reply.body for reply in replies if isinstance(reply, Got)] == [b"hello"] * len(cuts)
        assert server.accepted == 1
