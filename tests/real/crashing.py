"""A locustfile of ours whose loop breaks three seconds into the run: the system takes its poller away.

Linux only: the newest epoll descriptor of a process that drives viewers is its loop's.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import gevent
from locust import events
from locust.runners import MasterRunner

from loadtests.locustfile import LiveViewer, Surge

__all__ = ["LiveViewer", "Surge"]

AFTER: Final = 3.0
"""Seconds."""


def _take_away() -> None:
    pollers = [int(fd.name) for fd in Path("/proc/self/fd").iterdir() if _is_poller(fd)]
    os.close(max(pollers))


def _is_poller(fd: Path) -> bool:
    try:
        return str(fd.readlink()) == "anon_inode:[eventpoll]"
    except FileNotFoundError:
        return False


def _begin(environment: Any, **_: object) -> None:
    if not isinstance(environment.runner, MasterRunner):
        gevent.spawn_later(AFTER, _take_away)


events.test_start.add_listener(_begin)  # type: ignore[no-untyped-call]
