"""N nodes hold, N - 1 break: the advisor's answer from a small rehearsal, tried on real clusters on this machine.

Every cluster is drawn by a seed. One or two of its nodes are rehearsed at a fraction of the full load, the advisor says
N for all of it, then N nodes and N - 1 nodes are run under all of it. Nodes are the embedded origin's, or nginx in
network namespaces with an egress limit (tc tbf) or a CPU quota (cgroup); those need root and are skipped without.

``python -m benchmarks.proof [--clusters 12] [--seed 1] [--jobs 2] [--out FILE]``
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from benchmarks.proof import judged, memory, shown
from benchmarks.proof.drawn import ROTATION, Drawn, draw
from benchmarks.proof.experiment import Bench, experiment
from benchmarks.proof.judged import Record, Tally
from benchmarks.proof.namespaces import missing, sweep
from benchmarks.rig.machine import facts

GRACE: Final = 20.0
"""Seconds that an experiment has to take its nodes away when the benchmark ends early."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, default=len(ROTATION), help=f"default {len(ROTATION)}")
    parser.add_argument("--seed", type=int, default=1, help="of the first cluster; default 1")
    parser.add_argument("--jobs", type=int, default=1, help="clusters at a time; two need two cores")
    parser.add_argument("--out", type=Path, help="JSON lines, one for each cluster as it is done")
    parser.add_argument("--resume", type=Path, help="the --out of an earlier benchmark: go on with it")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--markdown", type=Path, help="write the table of the docs there")
    parser.add_argument("--runs", type=Path, help="keep the runs in this folder")
    parser.add_argument("--before", default="", help="words in front of each load, such as a lock")
    parser.add_argument("--only", help="numbers of clusters, such as 0,4")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _one(options: argparse.Namespace) -> None:
    """An experiment in a process of its own: its record on stdout."""
    signal.signal(signal.SIGTERM, _leave)  # so that its nodes end too
    drawn = draw(options.one, options.seed)
    label = f"cluster {options.one}"
    with _folder(options.runs) as folder:
        print(experiment(drawn, Bench(folder, shlex.split(options.before), label)).model_dump_json())


def _leave(*_: object) -> NoReturn:
    sys.exit("ended early")


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="surgecast-proof-runs-") as folder:
        yield Path(folder)


def _all(options: argparse.Namespace) -> list[Record]:
    """Every cluster that is left, so many at a time; the file holds what is done at any moment."""
    numbers = [int(part) for part in options.only.split(",")] if options.only else range(options.clusters)
    wanted = [draw(number, options.seed) for number in numbers]
    place = options.resume or options.out
    kept = judged.read(options.resume) if options.resume else []
    todo = judged.left(wanted, kept)
    running: dict[int, subprocess.Popen[str]] = {}
    try:
        while todo or running:
            while todo and len(running) < options.jobs:
                drawn = todo.pop(0)
                running[drawn.number] = _started(drawn, options)
            for number, process in list(running.items()):
                if process.poll() is not None:
                    del running[number]
                    record = _record(draw(number, options.seed), process)
                    kept = [*(one for one in kept if one.drawn != record.drawn), record]
                    print(shown.terminal([record]), flush=True)
                    if place:
                        judged.write(place, kept)
            time.sleep(0.5)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait(GRACE)
    return sorted((one for one in kept if one.drawn in wanted), key=lambda one: one.drawn.number)


def _started(drawn: Drawn, options: argparse.Namespace) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "benchmarks.proof", "--one", str(drawn.number), "--seed", str(drawn.seed)]
    words += ["--before", options.before] if options.before else []
    words += ["--runs", str(options.runs)] if options.runs else []
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def _record(drawn: Drawn, process: subprocess.Popen[str]) -> Record:
    out = process.communicate()[0]
    if process.returncode:
        return Record(drawn=drawn, skipped=f"the experiment failed with {process.returncode}; see what it said above")
    return Record.model_validate_json(out)


def main(options: argparse.Namespace) -> int:
    """The table, its summary, and 1 when the advice was not right often enough."""
    signal.signal(signal.SIGTERM, _leave)
    memory.sweep()
    if not missing():
        sweep()
    records = _all(options)
    print("\n" + shown.terminal(records) + "\n\n" + shown.told(records))
    for line in shown.misses(records):
        print(line)
    if options.markdown:
        options.markdown.write_text(shown.markdown(records) + "\n", encoding="utf-8")
    tally = Tally.of(records)
    if options.json:
        rows = [record.model_dump(mode="json") | {"state": record.state} for record in records]
        whole = {"benchmark": "proof", **facts(), **tally.model_dump(), "clusters": rows}
        options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return 0 if tally.good else 1


if __name__ == "__main__":
    given = _options()
    if given.one is not None:
        _one(given)
    else:
        sys.exit(main(given))
