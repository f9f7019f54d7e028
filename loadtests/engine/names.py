"""Host names to addresses: overrides first, then a cache, then the system's resolver in a thread.

Each viewer starts at another address of the list, as clients behind different resolvers do, and goes on to the
next when one does not answer. Under gevent's patching the thread is a greenlet and the look-up cooperative.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, TypeAlias

Addresses: TypeAlias = tuple[tuple[int, tuple[object, ...]], ...]
"""(address family, sockaddr) pairs, in the resolver's order."""
Lookup: TypeAlias = Callable[[str, int], Addresses]

KEEP: Final = 30.0
"""Seconds an answer is kept: CDN and load-balancer records commonly live 30-60 s, and the TTL is not told."""


def literal(address: str, port: int) -> tuple[int, tuple[object, ...]]:
    """The sockaddr of a numeric address; ValueError when it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, address.strip("[]"))
        except OSError:
            continue
        return family, (address.strip("[]"), port)
    raise ValueError(f"{address!r} is not a numeric address")


@lru_cache(maxsize=1024)
def literal_or_none(host: str, port: int) -> tuple[int, tuple[object, ...]] | None:
    """The sockaddr of a numeric address, None for a name."""
    try:
        return literal(host, port)
    except ValueError:
        return None


def read_overrides(texts: Iterable[str]) -> dict[tuple[str, int], Addresses]:
    """Read ``HOST:PORT:ADDRESS[,ADDRESS]`` overrides, as curl's ``--resolve`` takes them."""
    overrides = {}
    for text in texts:
        host, port, addresses = text.split(":", 2)
        overrides[host.lower(), int(port)] = tuple(literal(one, int(port)) for one in addresses.split(","))
    return overrides


def system_lookup(host: str, port: int) -> Addresses:
    """Ask the system's resolver; OSError when it knows no address."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys((int(family), sockaddr) for family, _, _, _, sockaddr in found))


class Names:
    """Resolves without ever blocking the loop; answers are handed out by `deliver`, in the loop's own turn."""

    def __init__(
        self,
        overrides: Iterable[str] = (),
        lookup: Lookup = system_lookup,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._overrides = read_overrides(overrides)
        self._lookup, self._clock = lookup, clock
        self._known: dict[tuple[str, int], tuple[float, Addresses]] = {}
        self._waiting: dict[tuple[str, int], list[Callable[[Addresses | OSError], None]]] = {}
        self._answers: deque[tuple[tuple[str, int], Addresses | OSError]] = deque()

    def known(self, host: str, port: int) -> Addresses | None:
        """The addresses if they are at hand."""
        key = (host, port)
        if key in self._overrides:
            return self._overrides[key]
        if (numeric := literal_or_none(host, port)) is not None:
            return (numeric,)
        kept = self._known.get(key)
        return kept[1] if kept and self._clock() - kept[0] < KEEP else None

    def ask(self, host: str, port: int, then: Callable[[Addresses | OSError], None]) -> None:
        """Look a name up in the background; ``then`` is called from `deliver`."""
        key = (host, port)
        first = key not in self._waiting
        self._waiting.setdefault(key, []).append(then)
        if first:
            try:
                threading.Thread(target=self._resolve, args=(key,), daemon=True).start()
            except RuntimeError:  # no more threads: the generator's limit, not the resolver's
                self._answers.append((key, OSError(errno.EAGAIN, "no thread for the look-up")))

    def _resolve(self, key: tuple[str, int]) -> None:
        try:
            answer: Addresses | OSError = self._lookup(*key)
        except OSError as error:
            answer = error
        except ValueError:  # a label too long, a null byte
            answer = OSError(f"not a host name: {key[0]!r}")
        self._answers.append((key, answer))

    def deliver(self) -> None:
        """Hand the answers that came in to those who asked."""
        while self._answers:
            key, answer = self._answers.popleft()
            if not isinstance(answer, OSError):
                self._known[key] = (self._clock(), answer)
            for then in self._waiting.pop(key, ()):
                then(answer)
