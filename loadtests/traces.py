"""Recorded last miles: Sabre's JSON, Mahimahi's packet times and CSV, read into kilobits per second, second by second.

A trace is a file from anywhere, so it is measured before it is read, and whatever is odd in it is refused with its
line. Formats: github.com/UMass-LIDS/sabre (README), github.com/ravinet/mahimahi (man page of mm-link).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, ValidationInfo, model_validator

from loadtests.errors import InputError
from loadtests.region import Frozen

LARGEST_FILE: Final = 16 * 2**20
LONGEST: Final = 7200
"""Seconds; the whole trace goes into the run file."""
FASTEST: Final = 100e9
"""bit/s; more than that is a mistake in the unit."""
PACKET: Final = 1500 * 8
"""Bits of one delivery opportunity in Mahimahi."""
UNITS: Final = {"bps": 1.0, "kbps": 1e3, "mbps": 1e6, "gbps": 1e9}
"""What may stand at the head of a CSV's second column."""

_HINT: Final = "docs/scenarios.md shows the three formats that are read: .json (Sabre), .csv, and Mahimahi"


class Trace(Frozen):
    """A recorded last mile. In a scenario it is a path; in a run file it is written out."""

    name: str
    """The file's name, without its folder."""
    kbps: Annotated[tuple[Annotated[int, Field(ge=0, le=FASTEST / 1e3)], ...], Field(min_length=1, max_length=LONGEST)]
    """Kilobits per second during each second."""

    @model_validator(mode="after")
    def _delivers_something(self) -> Self:
        if not any(self.kbps):
            raise ValueError(f"{self.name}: nothing ever comes in this trace")
        return self

    @property
    def mean(self) -> float:
        """bit/s over the whole trace."""
        return sum(self.kbps) * 1e3 / len(self.kbps)


def read_trace(file: Path) -> Trace:
    """Read a trace; InputError says file, line, found and expected."""
    try:
        if not file.is_file():
            raise _wrong(file, "no such file")
        if file.stat().st_size > LARGEST_FILE:
            raise _wrong(file, f"found {file.stat().st_size} bytes, expected at most {LARGEST_FILE}")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(file, f"cannot be read: {error}") from error
    pieces = {".json": _sabre, ".csv": _csv}.get(file.suffix.lower(), _mahimahi)(file, text)
    bits = _by_second(file, pieces)
    if not any(bits):
        raise _wrong(file, "nothing ever comes in this trace")
    return Trace(name=file.name, kbps=tuple(round(one / 1e3) for one in bits))


def followed(value: object, info: ValidationInfo) -> object:
    """The trace that a path in a scenario leads to, from the folder of its file; anything else as it is."""
    if not isinstance(value, str):
        return value
    if info.context is None:
        raise ValueError(f"a path can be followed only in a scenario that is a file, found {value!r}")
    return read_trace(Path(info.context["folder"]) / value)


def _wrong(file: Path, what: str, line: int = 0) -> InputError:
    return InputError(f"{file}{f':{line}' if line else ''}: {what}", hint=_HINT)


def _by_second(file: Path, pieces: Iterator[tuple[float, float]]) -> list[float]:
    """Bit/s of each second from pieces of (seconds, bits); what begins a last second counts for the whole of it."""
    bits: list[float] = []
    now = 0.0
    for length, amount in pieces:
        end = now + length
        if end > LONGEST:
            raise _wrong(file, f"expected at most {LONGEST} seconds; cut it into several traces")
        bits += [0.0] * (math.ceil(end - 1e-9) - len(bits))
        for second in range(int(now), len(bits)):
            part = min(end, second + 1) - max(now, second)
            bits[second] += amount * max(part, 0.0) / length
        now = end
    if bits and now < len(bits) - 1e-9:
        bits[-1] /= now - (len(bits) - 1)
    return bits


def _number(text: object) -> float:
    """A finite number that is not negative; NaN for anything else."""
    try:
        number = float(text) if isinstance(text, str | int | float) and not isinstance(text, bool) else math.nan
    except (ValueError, OverflowError):
        return math.nan
    return number if 0 <= number < math.inf else math.nan


def _found(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _sabre(file: Path, text: str) -> Iterator[tuple[float, float]]:
    """A list of ``{"duration_ms", "bandwidth_kbps", "latency_ms"}``; latencies are placeholders and are left out."""
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong(file, f"not JSON: {error.msg}", error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise _wrong(file, f"not JSON: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise _wrong(file, f"expected a list of periods as Sabre has it, found {_found(entries)}")
    for number, entry in enumerate(entries, 1):
        period = entry if isinstance(entry, dict) else {}
        length, speed = (_number(period.get(key)) for key in ("duration_ms", "bandwidth_kbps"))
        if not (length > 0 and speed * 1e3 <= FASTEST):
            raise _wrong(
                file,
                f"period {number} of {len(entries)}: expected duration_ms above 0 and bandwidth_kbps from 0 to "
                f"{FASTEST / 1e3:g}, found {_found(entry)}",
            )
        yield length / 1e3, length * speed


def _mahimahi(file: Path, text: str) -> Iterator[tuple[float, float]]:
    """One line for each packet that may leave, its time in whole milliseconds; the last one is the trace's length."""
    opportunities: dict[int, int] = {}
    last = 0
    for line, word in enumerate(text.split("\n"), 1):
        stamp = word.strip()
        if not stamp:
            continue
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 9 and last <= int(stamp) <= LONGEST * 1000):
            raise _wrong(
                file,
                f"expected a time in whole milliseconds, from {last} to {LONGEST * 1000}, found {_found(stamp)}",
                line,
            )
        last = int(stamp)
        second = max(last - 1, 0) // 1000
        opportunities[second] = opportunities.get(second, 0) + 1
    if not last:
        raise _wrong(file, "no time above 0 in it")
    for second in range(math.ceil(last / 1000)):
        length = min(last / 1000 - second, 1.0)
        yield length, float(opportunities.get(second, 0) * PACKET)


def _csv(file: Path, text: str) -> Iterator[tuple[float, float]]:
    """A head ``seconds,Mbps`` and rows; each holds until the next begins, the last one as long as the one before."""
    rows = [(line, row.strip()) for line, row in enumerate(text.split("\n"), 1) if row.strip()]
    if not rows:
        raise _wrong(file, "is empty")
    head = [word.strip().lower() for word in rows[0][1].lstrip("\ufeff").split(",")]
    if len(head) != 2 or head[0] != "seconds" or head[1] not in UNITS:
        raise _wrong(
            file, f"expected a head such as 'seconds,Mbps' (or bps, kbps, Gbps), found {_found(rows[0][1])}", 1
        )
    samples: list[tuple[float, float]] = []
    for line, row in rows[1:]:
        words = [_number(word.strip()) for word in row.split(",")]
        begins = samples[-1][0] if samples else -1.0
        if len(words) != 2 or not (words[0] > begins and words[1] * UNITS[head[1]] <= FASTEST):
            after = f"above {begins:g}" if samples else "from 0"
            raise _wrong(
                file, f"expected a time {after} and a throughput up to {FASTEST:g} bit/s, found {_found(row)}", line
            )
        samples.append((words[0], words[1] * UNITS[head[1]]))
    if len(samples) < 2:
        raise _wrong(file, f"expected at least two rows, found {len(samples)}")
    lengths = [after[0] - before[0] for before, after in pairwise(samples)]
    for length, (_, speed) in zip([*lengths, lengths[-1]], samples, strict=True):
        yield length, length * speed
