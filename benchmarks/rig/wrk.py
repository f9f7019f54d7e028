"""wrk in a closed loop, one thread on the client's core: what C reaches with nothing but requests."""

from __future__ import annotations

import json
import math
import shutil
import time
from pathlib import Path
from typing import Final

from benchmarks.rig.machine import on_core
from benchmarks.rig.measured import Climbed, Measured, Told, follow, put_together
from benchmarks.rig.running import core_of, started
from benchmarks.rig.servers import Servers
from benchmarks.rig.work import Work

LEAD: Final = 1.0


def why_absent() -> str:
    """Why there is no such client here, empty when there is."""
    return "" if shutil.which("wrk") else "wrk is not on PATH"


def paths(segment: str) -> list[str]:
    """What is asked for in turn: ``s20.ts 2`` is two playlists and that segment (`benchmarks.protocols.busy`)."""
    name, playlists = segment.split()
    return ["p.m3u8"] * int(playlists) + ([] if name == "-" else [name])


def mean_size(servers: Servers, segment: str) -> float:
    """Body bytes of one of these requests."""
    sizes = [(servers.folder / "html" / name).stat().st_size for name in paths(segment)]
    return sum(sizes) / len(sizes)


def climb(work: Work, servers: Servers) -> list[Measured]:
    """As many connections as the first level has viewers, all asking one server process."""
    told = work.model_copy(update={"epoch": time.time() + LEAD})
    connections, seconds = work.stairs.levels[0], work.stairs.duration + LEAD + 1
    options = ["-t", 1, "-c", connections, "-d", f"{seconds:.0f}s", "-s", Path(__file__).with_name("wrk.lua")]
    command = on_core(core_of(work), "wrk", *options, f"{work.origins[0]}/", "--", *paths(work.segment))
    with started(command, told) as process:
        climbed = follow(told, told.epoch, servers, process)
        process.wait(seconds + 20)
    said = json.loads((told.folder / "client.stdout").read_text(encoding="utf-8").splitlines()[-1])
    size = mean_size(servers, work.segment)
    return [put_together(told, _told(connections, said["errors"], size, one), one) for one in climbed]


def _told(connections: int, errors: int, size: float, climbed: Climbed) -> Told:
    """Nginx counts the requests of the measured seconds; wrk itself only knows its whole run."""
    before, after = climbed.before, climbed.after
    rate = (after.requests - before.requests) / (after.at - before.at)
    return Told(connections, rate, math.nan, errors, 0, rate * size)
