"""Which socket is whose: the poller tells of descriptors, the loop wants their owners."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from loadtests.engine.poller import READ, Poller


class Owner(Protocol):
    """Whoever owns a socket that the loop polls."""

    fd: int

    def on_ready(self) -> None:
        """The socket can move on."""

    def abandon(self, error: Exception) -> None:
        """`on_ready` raised ``error``."""


class Sockets:
    """The sockets of one loop; its length is how many there are."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._owners: dict[int, Owner] = {}
        self._gone: set[int] = set()
        """Closed since the poller was asked: what it says of them is not about a new socket of the same number."""

        self._held: dict[int, int] = {}
        """Not polled for a while, and what for afterwards."""

    def __len__(self) -> int:
        return len(self._owners)

    def ready(self) -> Iterator[Owner]:
        """Owners whose socket can move on now."""
        self._gone.clear()
        for fd, _ in self._poller.poll(0):
            owner = self._owners.get(fd)
            if owner is not None and fd not in self._gone:  # else it was closed on behalf of one before it
                yield owner

    def watch(self, owner: Owner, events: int) -> None:
        """Start polling a socket."""
        self._owners[owner.fd] = owner
        self._poller.register(owner.fd, events)

    def take_over(self, owner: Owner) -> None:
        """The same socket has a new owner."""
        self._owners[owner.fd] = owner

    def rewatch(self, owner: Owner, events: int) -> None:
        """Poll a socket for something else."""
        if owner.fd in self._held:
            self._held[owner.fd] = events
        else:
            self._poller.modify(owner.fd, events)

    def hold(self, fd: int) -> None:
        """Do not poll it for a while: it is ready, and its owner may not read."""
        if fd in self._owners and fd not in self._held:
            self._held[fd] = READ
            self._poller.unregister(fd)

    def release(self, fd: int) -> None:
        """Poll it again."""
        if fd in self._held:
            self._poller.register(fd, self._held.pop(fd))

    def owner(self, fd: int) -> Owner | None:
        """Whose it is."""
        return self._owners.get(fd)

    def unwatch(self, owner: Owner) -> None:
        """Stop polling a socket, before it is closed."""
        if self._owners.pop(owner.fd, None) is not None:
            if self._held.pop(owner.fd, 0) == 0:
                self._poller.unregister(owner.fd)
            self._gone.add(owner.fd)

    def close(self) -> None:
        """Give the poller back to the system."""
        self._poller.close()
