"""Readiness of sockets: epoll where there is one, poll elsewhere. Both level-triggered, timeouts in seconds.

gevent's monkey patching takes `epoll` away and makes `poll` cooperative; the engine needs the system's own, since
it is itself the one place that may wait.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from gevent import monkey

READ: Final = 0x001
WRITE: Final = 0x004
"""POLLIN and POLLOUT; epoll and poll share these numbers on every system that has them."""


def original(module: str, name: str) -> Any:
    """An attribute of a standard module as it was before gevent patched it; AttributeError when there is none."""
    return monkey.get_original(module, name)


class Poller(Protocol):
    """What the loop needs of the operating system."""

    def register(self, fd: int, events: int, /) -> object:
        """Watch a descriptor."""

    def modify(self, fd: int, events: int, /) -> object:
        """Change what is watched."""

    def unregister(self, fd: int, /) -> object:
        """Stop watching."""

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Ready descriptors with their events, waiting at most ``timeout`` seconds."""

    def close(self) -> None:
        """Give the poller's own descriptor back, if it has one."""


class PollPoller:
    """The portable path: `select.poll`, whose timeout is in milliseconds."""

    def __init__(self) -> None:
        self._poll = original("select", "poll")()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Ready descriptors with their events."""
        ready: list[tuple[int, int]] = self._poll.poll(max(0.0, timeout) * 1000)
        return ready

    def close(self) -> None:
        """There is none."""


def system_poller() -> Poller:
    """The fastest poller of this system."""
    try:
        epoll = original("select", "epoll")
    except AttributeError:
        return PollPoller()
    poller: Poller = epoll()
    return poller
