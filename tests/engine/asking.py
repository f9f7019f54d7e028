"""Visits that ask for a list of addresses, one after the other, and keep what they are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlsplit

from loadtests.engine.connection import Connection
from loadtests.engine.loop import Loop
from loadtests.engine.visit import Visit
from loadtests.results import Players, Requests, Window, add
from loadtests.session import ErrorKind, Failed, Get, Got, RequestKind, Session, Spawn, Viewer, WaitUntil
from tests.engine.hostile import Server, wait_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def viewer(number: int = 0) -> Viewer:
    return Viewer(number, "id", "mobile", "lowest", "http://unused", 0.0, 100.0, 0.0)


def visit(loop: Loop, number: int = 0) -> Visit:
    return Visit(viewer(number), loop.recorder.tally("id", "mobile"))


def asking(gets: Iterable[Get], replies: list[Got | Failed]) -> Session:
    """A lane that asks for everything and writes down the replies."""
    for get in gets:
        reply = yield get
        replies.append(cast("Got | Failed", reply))


def ask(loop: Loop, server: Server, *gets: Get | str, number: int = 0, patience: float = 5.0) -> list[Got | Failed]:
    """Ask a server from one visit; a bare path is read as a playlist. The replies in order."""
    replies: list[Got | Failed] = []
    whole = [Get(server.url(get), "playlist", read=True) if isinstance(get, str) else get for get in gets]
    loop.admit(visit(loop, number), asking(whole, replies))
    wait_for(lambda: loop.is_idle, server.step, loop.step, patience=patience)
    return replies


def together(loop: Loop, server: Server, *gets: Get) -> list[Got | Failed]:
    """Ask for everything at the same time, one lane each; the replies as they come."""
    replies: list[Got | Failed] = []

    def main() -> Session:
        for get in gets[1:]:
            yield Spawn(asking([get], replies))
        yield from asking(gets[:1], replies)
        while len(replies) < len(gets):
            yield WaitUntil(loop.clock() + 0.001)

    loop.admit(visit(loop), main())
    wait_for(lambda: loop.is_idle, server.step, loop.step)
    return replies


def named(server: Server, *paths: str, **options: Any) -> list[Get]:
    """Playlists of a server."""
    return [Get(server.url(path), "playlist", read=True, **options) for path in paths]


def bodies(replies: list[Got | Failed]) -> dict[str, bytes]:
    """By path, of those that are whole."""
    return {urlsplit(reply.url).path: reply.body for reply in replies if isinstance(reply, Got)}


def reasons(replies: list[Got | Failed]) -> list[ErrorKind]:
    """Of those that are not."""
    return sorted(reply.reason for reply in replies if isinstance(reply, Failed))


def connection_of(whole: Visit) -> Connection:
    """The viewer's first connection, where it speaks HTTP/1.1."""
    (first, *_) = whole.opened
    assert isinstance(first, Connection)
    return first


def settle(loop: Loop) -> None:
    """Step until nothing is left to do; nobody is asked anything."""
    wait_for(lambda: loop.is_idle, loop.step)


def sums(loop: Loop, kind: RequestKind = "playlist") -> Requests:
    """Everything recorded of one kind of request so far."""
    whole = Requests()
    for window in windows(loop):
        whole = add(whole, window.requests.get(kind, Requests()))
    return whole


def players(loop: Loop) -> Players:
    """Everything recorded of the players so far; the loop forgets it."""
    whole = Players()
    for window in windows(loop):
        whole = add(whole, window.players)
    return whole


def windows(loop: Loop) -> list[Window]:
    """All windows, the second under way included."""
    return loop.windows(loop.recorder.second + int(loop.clock()) + 2)
