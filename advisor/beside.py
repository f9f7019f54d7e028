"""Work in a process of its own, beside this one: parts of an advice that need nothing of each other.

The other process is a copy of this one (``fork``), so nothing has to be handed over; its answer comes through a pipe.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn, TypeVar, cast

Answer = TypeVar("Answer")

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
SIZE: Final = 8
"""Bytes before an answer that say how long it is: one that was cut is none."""


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

    On a single core, and where the other process could not begin or came to nothing, the work is done when its answer
    is asked for: so what it raises is raised here. Whoever leaves without asking ends it.
    """
    child = _begun(work) if cores() > 1 else None
    if child is None:
        yield work
        return
    try:
        yield lambda: child.answer(work)
    finally:
        child.end()


def _begun(work: Callable[[], object]) -> _Child | None:
    """The copy at work; None where the system has no room for one, or would not say how it ended."""
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        return None
    reading, writing = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # nothing may raise in the copy before it is on its own
    try:
        with warnings.catch_warnings():
            # Python warns of native threads, which numpy has: the copy computes without them
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            _answer(work, reading, writing, mask)
    except OSError:
        os.close(reading)
        return None
    finally:
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return _Child(pid, reading)


class _Child:
    """The copy of this process."""

    def __init__(self, pid: int, reading: int) -> None:
        self.pid = pid
        self._pipe = os.fdopen(reading, "rb")

    def answer(self, work: Callable[[], Answer]) -> Answer:
        """What it sent; the work itself where that is not whole."""
        told = self._pipe.read()
        self._wait()
        if len(told) < SIZE or int.from_bytes(told[:SIZE], "big") != len(told) - SIZE:
            return work()
        return cast("Answer", pickle.loads(told[SIZE:]))  # noqa: S301 - from a copy of this very process

    def end(self) -> None:
        """No more of it."""
        self._pipe.close()
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._wait()

    def _wait(self) -> None:
        pid, self.pid = self.pid, 0
        with suppress(ChildProcessError):  # somebody else may have waited for it
            os.waitpid(pid, 0)


def _answer(work: Callable[[], object], reading: int, writing: int, mask: Collection[int]) -> NoReturn:
    """All that the copy does; it ends without a word, and without the exit of the process it was copied from."""
    with suppress(BaseException):
        for one in STOPPING:
            signal.signal(one, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(reading)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):  # whoever reads what this process says must not wait for the copy
            os.dup2(nowhere, standard)
        data = pickle.dumps(work(), protocol=pickle.HIGHEST_PROTOCOL)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(len(data).to_bytes(SIZE, "big"))
            pipe.write(data)
    os._exit(0)
