"""Visits that ask for a list of addresses, one after the other, and keep what they are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from loadtests.engine.loop import Loop
from loadtests.engine.visit import Visit
from loadtests.results import Players, Requests, Window, add
from loadtests.session import Failed, Get, Got, RequestKind, Session, Viewer
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
