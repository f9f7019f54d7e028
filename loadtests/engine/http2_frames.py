"""One HTTP/2 connection's bytes, a frame at a time; the library h2 keeps its rules (RFC 9113).

h2 is fed single frames, because that tells which bytes on the wire belong to which stream, and because it regards two
things as the end of a connection that are not: a GOAWAY (python-hyper/h2 issue 1181; RFC 9113 §6.8 lets earlier
streams finish) and a body that is not as long as its Content-Length (§8.1.1: an error of that stream only).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, Event, StreamReset
from h2.exceptions import InvalidBodyLengthError, ProtocolError
from h2.settings import SettingCodes, Settings

from loadtests.engine.head import LONGEST_HEAD

STREAM_WINDOW: Final = 6 * 2**20
"""Bytes that a stream may bring before they are consumed: Chrome's kSpdyStreamMaxRecvWindowSize."""
CONNECTION_WINDOW: Final = 15 * 2**20
"""Bytes of all streams together: Chrome's kSpdySessionMaxRecvWindowSize (net/http/http_network_session.cc)."""
FIRST_WINDOW: Final = 65_535
"""Bytes of the connection's window before it is opened (RFC 9113 §6.9.2)."""
FRAME_HEAD: Final = 9
"""Bytes before each frame's payload (RFC 9113 §4.1)."""
DATA: Final = 0x0
HEADERS: Final = 0x1
CONTINUATION: Final = 0x9
MOST_EMPTY: Final = 1000
"""Frames in a row that bring nothing for a request; more are a flood (RFC 9113 §10.5, CVE-2019-9512 and its kin)."""

Field = tuple[bytes, bytes]


class Frame(NamedTuple):
    """What came: a whole frame, or, with ``size`` 0, the announcement of one whose payload is still on its way."""

    kind: int
    stream: int
    """0 for what concerns the whole connection."""
    size: int
    """Bytes on the wire, before TLS."""
    events: Sequence[Event]


@lru_cache(maxsize=4096)
def fields_of(request: bytes) -> tuple[Field, ...]:
    """The fields of an https request as HTTP/2 sends them, from the same request as HTTP/1.1 does (RFC 9113 §8.3.1)."""
    line, *lines = request.rstrip(b"\r\n").split(b"\r\n")
    method, path, _ = line.split(b" ")
    pairs = [(name.lower(), value) for name, _, value in (field.partition(b": ") for field in lines)]
    (_, host), *rest = pairs
    return ((b":method", method), (b":authority", host), (b":scheme", b"https"), (b":path", path), *rest)


class Frames:
    """Both directions of one connection; sockets are the caller's. Every method may leave bytes for `take_out`."""

    __slots__ = ("_empty", "_h2", "_inbox", "_out")

    def __init__(self) -> None:
        # our own requests need no check for lower case: `fields_of` makes nothing else
        config = H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self._h2 = H2Connection(config)
        settings = {
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            SettingCodes.MAX_HEADER_LIST_SIZE: LONGEST_HEAD,
        }
        self._h2.local_settings = Settings(client=True, initial_values=settings)
        del self._h2.local_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL]  # a server's word, not a client's
        self._h2.decoder.max_header_list_size = LONGEST_HEAD
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW - FIRST_WINDOW)
        self._inbox, self._out, self._empty = bytearray(), bytearray(), 0

    @property
    def room(self) -> int:
        """How many streams the server allows at a time; no limit until it has said so."""
        return self._h2.remote_settings.max_concurrent_streams

    def ask(self, request: bytes) -> int:
        """Open a stream with a request that has no body; its number."""
        number = self._h2.get_next_available_stream_id()
        self._h2.send_headers(number, fields_of(request), end_stream=True)
        return number

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames found in ``data`` and in what was left before; ProtocolError when this is not HTTP/2."""
        inbox = self._inbox
        inbox += data
        while len(inbox) >= FRAME_HEAD:
            length, kind = int.from_bytes(inbox[:3]), inbox[3]
            stream = int.from_bytes(inbox[5:FRAME_HEAD]) & 0x7FFFFFFF
            end = FRAME_HEAD + length
            if length > self._h2.max_inbound_frame_size:
                self._h2.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
                raise ProtocolError(f"a frame of {length} bytes, at most {self._h2.max_inbound_frame_size}")
            if self._empty > MOST_EMPTY:
                self._h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
                raise ProtocolError(f"more than {MOST_EMPTY} frames in a row that bring nothing")
            if len(inbox) < end:
                yield Frame(kind, stream, 0, ())
                return
            self._empty = 0 if length and kind in (DATA, HEADERS, CONTINUATION) else self._empty + 1
            frame = bytes(inbox[:end])
            del inbox[:end]
            yield Frame(kind, stream, end, self._receive(kind, stream, frame))

    def _receive(self, kind: int, stream: int, frame: bytes) -> Sequence[Event]:
        self._collect()
        try:
            events = self._h2.receive_data(frame)
        except InvalidBodyLengthError:
            self._h2.clear_outbound_data_buffer()  # h2 says goodbye to the whole connection
            self._go_on()
            if kind == DATA:
                self.consumed(stream, len(frame) - FRAME_HEAD)
            self.cancel(stream, ErrorCodes.PROTOCOL_ERROR)
            return [StreamReset(stream_id=stream, error_code=ErrorCodes.PROTOCOL_ERROR, remote_reset=False)]
        if any(isinstance(event, ConnectionTerminated) for event in events):
            self._go_on()
        return events

    def _go_on(self) -> None:
        """Streams that are open go on, whatever h2 thinks."""
        self._h2.state_machine.state = ConnectionState.CLIENT_OPEN

    def consumed(self, stream: int, size: int) -> None:
        """Open the windows again by ``size`` bytes; h2 tells the server once half of one is used, as Chrome does."""
        self._h2.acknowledge_received_data(size, stream)

    def cancel(self, stream: int, code: ErrorCodes = ErrorCodes.CANCEL) -> None:
        """Tell the server that nobody wants the rest of a response (RFC 9113 §8.7)."""
        self._h2.reset_stream(stream, code)

    def end(self) -> None:
        """Tell the server that the connection ends, unless it has been told why it must."""
        if self._h2.state_machine.state is not ConnectionState.CLOSED:
            self._h2.close_connection()

    def take_out(self) -> bytes:
        """What has to be sent now."""
        self._collect()
        data = bytes(self._out)
        self._out.clear()
        return data

    def _collect(self) -> None:
        """h2 forgets what waits to be sent when a GOAWAY comes; what has been said stays said."""
        self._out += self._h2.data_to_send()
