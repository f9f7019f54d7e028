"""Work in a process of its own, beside this one: parts of an advice that need nothing of each other.

The other process is a copy of this one (``fork``), so nothing has to be handed over; its answer comes through a pipe.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar, cast

Answer = TypeVar("Answer")


def cores() -> int:
    """Processes that may be busy at once. One, where a copy of this process could not be relied on.

    Only on Linux is a process with libraries of all kinds safe to copy, and not with greenlets inside.
    """
    if sys.platform != "linux" or "gevent" in sys.modules:
        return 1
    return len(os.sched_getaffinity(0))


@contextmanager
def beside(work: Callable[[], Answer]) -> Iterator[Callable[[], Answer]]:
    """Begin ``work`` beside what follows, and hand out the function that waits for its answer; it is asked once.

    On a single core, and where the other process came to nothing, the work is done when its answer is asked for: so
    what it raises is raised here. Whoever leaves without asking ends it.
    """
    if cores() < 2:
        yield work
        return
    child = _Child(work)
    try:
        yield lambda: child.answer(work)
    finally:
        child.end()


class _Child:
    """The copy of this process."""

    def __init__(self, work: Callable[[], object]) -> None:
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # Python warns of native threads, which numpy has: the copy computes without them
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            os.close(reading)
            _answer(work, writing)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb")

    def answer(self, work: Callable[[], Answer]) -> Answer:
        """What it sent; the work itself where that is not whole."""
        data = self._pipe.read()
        if self._wait() == 0:
            return cast("Answer", pickle.loads(data))  # noqa: S301 - from a copy of this very process
        return work()

    def end(self) -> None:
        """No more of it."""
        self._pipe.close()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self._wait()

    def _wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return status


def _answer(work: Callable[[], object], writing: int) -> None:
    """All that the copy does; it ends without a word, and without the exit of the process it was copied from."""
    code = 1
    with suppress(BaseException):
        data = pickle.dumps(work(), protocol=pickle.HIGHEST_PROTOCOL)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)
        code = 0
    os._exit(code)
