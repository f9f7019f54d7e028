"""What nodes spend: CPU and work, second by second of a run, and in a short trial of one node."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final

from benchmarks.proof.drawn import Drawn
from benchmarks.proof.nodes import PORT, Spent, Stage
from loadtests.errors import SurgecastError
from loadtests.session import LadderStep
from loadtests.staging.cluster import HOST

TRIAL_SECONDS: Final = 4.0
TRIAL_CLIENTS: Final = 24
FOLDERS: Final[dict[LadderStep, str]] = {"lowest": "low", "middle": "mid", "highest": "high"}


@dataclass(frozen=True, slots=True)
class Rate:
    """What all nodes spent in a second."""

    cpu: float
    """Seconds."""
    work: float


@dataclass(slots=True)
class Sampled:
    """What nodes had spent, second by second, in Unix time."""

    at: list[float] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)

    def between(self, since: float, until: float) -> Rate:
        """What was spent each second between two moments; SurgecastError when nobody looked."""
        inside = [(at, one) for at, one in zip(self.at, self.spent, strict=True) if since <= at <= until]
        if len(inside) < 2:
            raise SurgecastError("nobody looked at what the nodes spent")
        (began, first), (ended, last) = inside[0], inside[-1]
        return Rate((last.cpu - first.cpu) / (ended - began), (last.work - first.work) / (ended - began))


@contextmanager
def sampling(stage: Stage) -> Iterator[Sampled]:
    """Look once a second, for as long as the context lasts; of nodes that do not tell there is nothing."""
    sampled, over, look = Sampled(), Event(), stage.spent
    if look is None:
        yield sampled
        return

    def sample() -> None:
        while not over.wait(1.0):
            try:
                spent = look()
            except OSError:  # a node with no CPU left may be too slow to tell
                continue
            sampled.at.append(time.time())
            sampled.spent.append(spent)

    thread = Thread(target=sample, name="sampling", daemon=True)
    thread.start()
    try:
        yield sampled
    finally:
        over.set()
        thread.join()


def trial(stage: Stage, drawn: Drawn) -> float:
    """Work that a node does in a second, asked as fast as it answers."""
    assert stage.spent is not None
    over = Event()
    with ThreadPoolExecutor(TRIAL_CLIENTS) as pool:
        asking = [pool.submit(_ask, stage, over, drawn, client) for client in range(TRIAL_CLIENTS)]
        try:
            time.sleep(1.0)
            before = stage.spent()
            time.sleep(TRIAL_SECONDS)
            after = stage.spent()
        finally:
            over.set()
    for one in asking:
        one.result()
    return (after.work - before.work) / TRIAL_SECONDS


def _ask(stage: Stage, over: Event, drawn: Drawn, client: int) -> None:
    """A playlist and its newest segment, again and again."""
    address = stage.resolve.rsplit(":", 1)[1]
    trust = ssl.create_default_context(cafile=stage.ca_file) if stage.ca_file else None
    folder = FOLDERS[_watched(drawn, (client + 0.5) / TRIAL_CLIENTS)]
    newest, connection = "", None
    try:
        while not over.is_set():
            connection = connection or _dial(address, trust)
            body = _get(connection, f"/live/{folder}/{newest or 'index.m3u8'}")
            newest = "" if newest else body.decode("ascii").split()[-1]
            if drawn.tls:
                connection.close()
                connection = None
    finally:
        if connection is not None:
            connection.close()


def _watched(drawn: Drawn, place: float) -> LadderStep:
    """The rendition that a client asks for: as many ask for each as watch it."""
    for step, share in drawn.mix.items():
        if (place := place - share) < 0:
            return step
    return step


def _dial(address: str, trust: ssl.SSLContext | None) -> socket.socket:
    plain = socket.create_connection((address, PORT), timeout=20)
    return trust.wrap_socket(plain, server_hostname=HOST) if trust else plain


def _get(connection: socket.socket, path: str) -> bytes:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode("ascii"))
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = (
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += _more(connection)
    return body


def _more(connection: socket.socket) -> bytes:
    if not (part := connection.recv(1 << 16)):
        raise SurgecastError("a node closed the connection in the middle of a response")
    return part
