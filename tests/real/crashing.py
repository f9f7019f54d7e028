"""A locustfile of ours whose loop breaks three seconds into the run: the system takes its poller away.

Linux only: an epoll descriptor can be closed under its owner.
"""

from __future__ import annotations

import gc
import os
from typing import Any, Final

import gevent
from locust import events
from locust.runners import MasterRunner

from loadtests.engine.sockets import Sockets
from loadtests.locustfile import LiveViewer, Surge

__all__ = ["LiveViewer", "Surge"]

AFTER: Final = 3.0
"""Seconds."""


def _take_away() -> None:
    gc.unfreeze()  # a worker freezes what is loaded when its run begins
    for sockets in [each for each in gc.get_objects() if isinstance(each, Sockets)]:
        os.close(sockets._poller.fileno())  # type: ignore[attr-defined]


def _begin(environment: Any, **_: object) -> None:
    if not isinstance(environment.runner, MasterRunner):
        gevent.spawn_later(AFTER, _take_away)


events.test_start.add_listener(_begin)  # type: ignore[no-untyped-call]
