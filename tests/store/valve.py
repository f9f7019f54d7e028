"""A line between two programs that can be cut: a TCP relay that counts, stands still at a mark, or breaks off."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from dataclasses import dataclass, field
from typing import Self


def free_port() -> int:
    """A port of 127.0.0.1 below 10000 that nobody has."""
    for port in random.sample(range(7000, 9900), 200):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no free port below 10000")


@dataclass
class Valve:
    """Relays to ``target``. Stands still for good once ``up`` bytes went there, or ``down`` bytes came back."""

    target: tuple[str, int]
    up: float = float("inf")
    down: float = float("inf")
    cut: float = float("inf")
    """Bytes that come back on one connection before it breaks."""
    sent: int = 0
    received: int = 0
    still: threading.Event = field(default_factory=threading.Event)
    _closed: threading.Event = field(default_factory=threading.Event)
    _sockets: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._door = socket.create_server(("127.0.0.1", free_port()))
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        for one in (self._door, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                near, _ = self._door.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            self._sockets += [near, far]
            threading.Thread(target=self._relay, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._relay, args=(far, near, False), daemon=True).start()

    def _relay(self, here: socket.socket, there: socket.socket, upwards: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := here.recv(65536):
                if upwards:
                    self.sent += len(data)
                else:
                    self.received += len(data)
                if self.sent > self.up or self.received > self.down:
                    self.still.set()
                    self._closed.wait()
                    return
                passed += len(data)
                if not upwards and passed > self.cut:
                    break
                there.sendall(data)
        for one in (here, there):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
