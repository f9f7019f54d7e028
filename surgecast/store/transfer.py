"""How far a long transfer is, on standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

EVERY: Final = 2.0
"""Seconds between two lines; a transfer that takes less is not told."""


@dataclass(slots=True)
class Transfer:
    """Counts bytes of one folder. ``verb`` is what is done with them, such as ``sent``."""

    what: str
    verb: str
    total: int
    done: int = 0
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    now: Callable[[], float] = time.monotonic
    _told: float = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._told = self.now()

    def add(self, count: int) -> None:
        """So many bytes more; by any thread."""
        with self._lock:
            self.done += count
            if (now := self.now()) - self._told >= EVERY:
                self._told = now
                self.stream.write(f"{self.what}: {readable(self.done)} of {readable(self.total)} {self.verb}\n")
                self.stream.flush()


def readable(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"
