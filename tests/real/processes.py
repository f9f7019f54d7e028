"""Starts the product as its user would: a command in a session of its own, its output in files, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from threading import Lock
from types import TracebackType
from typing import Final, Self

import psutil
import pytest

from tests.staging.conftest import is_free

LOCUSTFILE: Final = Path(__file__).parents[2] / "loadtests" / "locustfile.py"
PATIENCE: Final = 20.0
"""Seconds that anything awaited may take at most: several times what it takes on two busy cores."""


def _ports() -> Iterator[int]:
    candidates = list(range(5000, 7000))  # below the ports of outgoing connections, apart from tests/staging
    Random(os.getpid()).shuffle(candidates)
    return (port for port in candidates if is_free(port))


_PORTS: Final = _ports()
_ONE_AT_A_TIME: Final = Lock()


def fresh_port() -> int:
    """A port that nobody listens on, another one at each call."""
    with _ONE_AT_A_TIME:
        return next(_PORTS)


def until(done: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something; name it when it does not come."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


def locust(*words: object) -> list[str]:
    """Plain Locust with our locustfile."""
    return [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *map(str, words)]


@cache
def _import_problem() -> str:
    probe = subprocess.run([sys.executable, "-c", "import surgecast.cli"], capture_output=True, text=True)
    told = probe.stderr.strip().splitlines() or [""]
    return told[-1] if told[-1].startswith(("ImportError", "ModuleNotFoundError")) else ""


def surgecast(*words: object) -> list[str]:
    """Our own command; where it cannot be imported, the test is skipped with that reason."""
    if problem := _import_problem():
        pytest.skip(f"surgecast.cli cannot be imported: {problem}")
    return [sys.executable, "-m", "surgecast", *map(str, words)]


class Started:
    """A command under way in ``folder``; a context manager that kills whatever is left of its session.

    ``master_port`` is where the master of a distributed run listens: one of its own for each command, so that
    runs do not meet.
    """

    def __init__(self, command: list[str], folder: Path, *, name: str = "command", master_port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._out, self._err = folder / f"{name}.stdout", folder / f"{name}.stderr"
        port = str(master_port or fresh_port())
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "LOCUST_MASTER_NODE_PORT": port, "LOCUST_MASTER_BIND_PORT": port},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.began = time.monotonic()
        self.lasted = 0.0
        """Seconds until it ended, once `wait` has seen that."""

    @property
    def stdout(self) -> str:
        return self._out.read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def wait(self, seconds: float) -> int:
        """The exit code; fails when the command has not ended within ``seconds``."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {seconds:g} s; it said: {self.stderr[-2000:]}")
        self.lasted = time.monotonic() - self.began
        return code

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait for something the command does; fails at once when the command ends before."""

        def settled() -> bool:
            assert done() or self.process.poll() is None, f"{what}: ended before; it said: {self.stderr[-2000:]}"
            return done()

        until(settled, what)

    def until_gone(self, seconds: float) -> None:
        """Wait for its last process, orphans included."""
        until(lambda: not self.members(), "every process gone", seconds)

    def members(self) -> list[psutil.Process]:
        """The living processes of its session."""
        return [process for process in psutil.process_iter() if self._is_mine(process)]

    def workers(self) -> list[psutil.Process]:
        """Locust's worker processes: the children of the Locust process, as ``--processes`` forks them."""
        masters = [process for process in self.members() if "locustfile.py" in " ".join(process.cmdline())]
        pids = {process.pid for process in masters}
        return [process for process in masters if process.ppid() in pids]

    def interrupt(self) -> None:
        """Ctrl-C in a terminal: SIGINT to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            return os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.members():
            process.kill()
        self.process.wait()
