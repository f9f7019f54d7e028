"""The server's side of HTTP/2 for `hostile` scripts: the library h2 in server role, and frames it would never send."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import Event, RequestReceived, StreamReset, WindowUpdated
from h2.settings import SettingCodes, Settings

from tests.engine.hostile import GoneError, Peer, Script, Talk

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Play: TypeAlias = Callable[["H2Peer"], Talk]
LARGEST = 16_384
"""Bytes of the largest frame that a client takes unless it says otherwise."""


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """Any frame at all."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


class H2Peer:
    """One connection after its preface."""

    def __init__(self, peer: Peer, settings: dict[SettingCodes, int]) -> None:
        self.peer, self.server = peer, peer.server
        self.h2 = H2Connection(H2Configuration(client_side=False, validate_inbound_headers=False))
        self.settings = settings
        self.asked: deque[RequestReceived] = deque()
        self.events: list[Event] = []
        """Everything heard."""
        self.wire = 0
        """Bytes of frames that belong to a stream."""

    def greet(self) -> Talk:
        self.h2.local_settings = Settings(client=False, initial_values=self.settings)
        self.h2.initiate_connection()
        yield from self.flush()

    def flush(self) -> Talk:
        """Send what h2 has to say."""
        yield from self.say(self.h2.data_to_send())

    def say(self, data: bytes) -> Talk:
        """Send frames, whole ones, and count those of streams."""
        at = 0
        while at + 9 <= len(data):
            size = 9 + int.from_bytes(data[at : at + 3])
            self.wire += size if int.from_bytes(data[at + 5 : at + 9]) else 0
            at += size
        if data:
            yield from self.peer.say(data)

    def listen(self) -> Generator[None, None, bool]:
        """Hear what is there now; whether it was anything. GoneError when the client has left."""
        data = self.peer._receive()
        if data == b"":
            raise GoneError
        if not data:
            yield
            return False
        for event in self.h2.receive_data(data):
            self.events.append(event)
            if isinstance(event, RequestReceived):
                self.asked.append(event)
                self.server.requests.append(dict(event.headers)[b":path"].decode())
        yield from self.flush()
        return True

    def hear(self) -> Generator[None, None, int]:
        """The stream of the next request."""
        while not self.asked:
            yield from self.listen()
        return self.asked.popleft().stream_id

    def hear_all(self, count: int) -> Generator[None, None, list[int]]:
        """The streams of the next requests."""
        while len(self.asked) < count:
            yield from self.listen()
        return [self.asked.popleft().stream_id for _ in range(count)]

    def answer(self, stream: int, body: bytes = b"hello", /, *, status: int = 200, **fields: str) -> Talk:
        """A whole response, windows allowing."""
        yield from self.begin(stream, status=status, end=not body, **fields)
        if body:
            yield from self.give(stream, body, end=True)

    def begin(self, stream: int, *, status: int = 200, end: bool = False, **fields: str) -> Talk:
        """Only the head of a response; ``content_length="5"`` is a field."""
        pairs = [(name.replace("_", "-"), value) for name, value in fields.items()]
        yield from self.begin_with(stream, pairs, status=status, end=end)

    def begin_with(
        self, stream: int, pairs: Sequence[tuple[str, str]], *, status: int = 200, end: bool = False
    ) -> Talk:
        """The same with any fields."""
        self.h2.send_headers(stream, [(":status", str(status)), *pairs], end_stream=end)
        yield from self.flush()

    def trail(self, stream: int, **fields: str) -> Talk:
        """Trailers end the response."""
        pairs = [(name.replace("_", "-"), value) for name, value in fields.items()]
        self.h2.send_headers(stream, pairs, end_stream=True)
        yield from self.flush()

    def give(self, stream: int, body: bytes, *, end: bool = False) -> Talk:
        """Body bytes, as fast as the windows open."""
        while body:
            size = min(self.h2.local_flow_control_window(stream), LARGEST, len(body))
            if size:
                self.h2.send_data(stream, body[:size], end_stream=end and size == len(body))
                body = body[size:]
                yield from self.flush()
            else:
                yield from self.listen()

    def reset(self, stream: int, code: ErrorCodes) -> Talk:
        self.h2.reset_stream(stream, code)
        yield from self.flush()

    def go_away(self, last: int, code: ErrorCodes = ErrorCodes.NO_ERROR) -> Talk:
        """GOAWAY, as a server sends it that goes on with what it has begun."""
        payload = last.to_bytes(4) + int(code).to_bytes(4)
        yield from self.say(frame(0x7, 0, payload))

    def rests(self) -> Talk:
        """Listen until the client leaves."""
        while True:
            yield from self.listen()

    def resets(self) -> list[tuple[int, ErrorCodes | int]]:
        """The streams that the client has reset."""
        return [(event.stream_id, event.error_code) for event in self.events if isinstance(event, StreamReset)]

    def updates(self) -> int:
        """How often the client has opened a window."""
        return sum(isinstance(event, WindowUpdated) for event in self.events)


def speaking(play: Play, *, settings: dict[SettingCodes, int] | None = None) -> Script:
    """A script that greets, then plays."""

    def script(peer: Peer) -> Talk:
        h2 = H2Peer(peer, settings or {})
        yield from h2.greet()
        yield from play(h2)

    return script


def always(body: bytes = b"hello") -> Play:
    """Answer every request."""

    def play(h2: H2Peer) -> Talk:
        while True:
            yield from h2.answer((yield from h2.hear()), body)

    return play
