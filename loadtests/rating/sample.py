"""What the machine did meanwhile: others' CPU, steal, time spent waiting for a core, and what the sinks used."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

PERIOD: Final = 0.2
"""Seconds between two samples."""


class Sample(NamedTuple):
    """Running totals at one moment, in seconds but for ``memory``."""

    at: float
    busy: float
    """Of all cores of the machine, whoever used them."""
    steal: float
    """Taken by the hypervisor."""
    ours: float
    """Of the generator, the sinks and the command itself."""
    sink: float
    """Of the sink that used, or waited for, most."""
    waiting: float
    """The generator was ready to run and had no core; zero where the system does not tell."""
    memory: int
    """Bytes of memory that the generator has of its own."""


class Between(NamedTuple):
    """Two samples about a second apart, per second."""

    others: float
    steal: float
    sink: float
    waiting: float
    memory: int


class Use(NamedTuple):
    """What one process used so far."""

    cpu: float
    memory: int
    waited: float
    """Ready to run and without a core."""


@dataclass
class Sampler:
    """Takes samples of the generator ``pid`` and of the sinks."""

    pid: int
    sinks: Sequence[int]
    samples: list[Sample] = field(default_factory=list)

    def take(self) -> None:
        """One sample; a process that has ended counts no further."""
        times = psutil.cpu_times()
        generator, sinks = _use(self.pid), [_use(pid) for pid in self.sinks]
        own = time.process_time() + generator.cpu + sum(use.cpu for use in sinks)
        idle = times.idle + getattr(times, "iowait", 0.0)
        steal = getattr(times, "steal", 0.0)
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted under user already
        self.samples.append(
            Sample(
                time.time(),
                sum(times) - idle - steal - guests,
                steal,
                own,
                max((use.cpu + use.waited for use in sinks), default=0.0),
                generator.waited,
                generator.memory,
            )
        )

    def second(self, start: float) -> Between | None:
        """What happened in the second that began at ``start``, seconds since 1970; None when it was not sampled."""
        if not self.samples or start < self.samples[0].at - PERIOD or start + 1 > self.samples[-1].at + PERIOD:
            return None
        one, two = (min(self.samples, key=lambda sample: abs(sample.at - at)) for at in (start, start + 1))
        return between(one, two)


def between(one: Sample, two: Sample) -> Between | None:
    """Differences per second; None when nothing lies between."""
    span = two.at - one.at
    if span < PERIOD:
        return None
    others = (two.busy - one.busy) - (two.ours - one.ours)
    return Between(
        others=max(others, 0.0) / span,
        steal=max(two.steal - one.steal, 0.0) / span,
        sink=(two.sink - one.sink) / span,
        waiting=max(two.waiting - one.waiting, 0.0) / span,
        memory=two.memory,
    )


def waited(file: Path) -> float:
    """Seconds that a process was ready and had no core (Linux's schedstat); zero where nobody knows."""
    try:
        return int(file.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _use(pid: int) -> Use:
    with suppress(psutil.Error):
        process: Any = psutil.Process(pid)
        with process.oneshot():
            times, memory = process.cpu_times(), process.memory_info()
        own = memory.rss - getattr(memory, "shared", 0)
        return Use(times.user + times.system, own, waited(Path(f"/proc/{pid}/schedstat")))
    return Use(0.0, 0, 0.0)
