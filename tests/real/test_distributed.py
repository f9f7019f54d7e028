"""One scenario as one process, as ``--processes 4``, and as a master with two workers: the same run three times."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from loadtests.arrivals import arrivals
from loadtests.results import LAG_LIMIT, Footer
from loadtests.run import Run, read_run
from loadtests.scenario import read_scenario
from loadtests.staging import Cluster
from tests.real.processes import Started, fresh_port, locust, until
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow

SHAPE: Final = surge(75, 150, (2, 1, 3, 6, 1))
WAYS: Final = {"single": 1, "processes": 4, "separate": 2}
"""How it is run, and how many workers that makes."""
KINDS: Final = ("master", "playlist", "segment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the origin counted."""

    requests: Counter[str]
    body_bytes: int
    head_bytes: int

    @classmethod
    def of(cls, cluster: Cluster) -> Served:
        requests, body, wire = Counter[str](), 0, 0
        for node in cluster.metrics():
            requests.update({row.kind: row.requests for row in node.served if row.kind in KINDS})
            sent = [row for row in node.sent if row.kind in KINDS]
            body += sum(row.body_bytes for row in sent)
            wire += sum(row.wire_bytes for row in sent)
        return cls(requests=requests, body_bytes=body, head_bytes=wire - body)

    def since(self, before: Served) -> Served:
        return Served(
            requests=self.requests - before.requests,
            body_bytes=self.body_bytes - before.body_bytes,
            head_bytes=self.head_bytes - before.head_bytes,
        )


class Attempt:
    """One way to run it, against an origin of its own."""

    def __init__(self, way: str, folder: Path, stack: ExitStack) -> None:
        self.way, self.folder = way, folder
        self.cluster = stack.enter_context(Cluster(2, port=fresh_port()))
        self.scenario = write(folder, plan(self.cluster.url, surge=SHAPE, target={"resolve": [*self.cluster.resolve]}))
        port = fresh_port()
        shared = ["--scenario", self.scenario, "--headless", "--only-summary", "--json-file", folder / "locust"]
        extra = {"processes": ["--processes", "4"], "separate": ["--master", "--expect-workers", "2"]}.get(way, [])
        master = locust(*shared, "--out", folder / "run", *extra)
        self.processes = [stack.enter_context(Started(master, folder, name="master", master_port=port))]
        for number in range(2 if way == "separate" else 0):
            worker = Started(locust("--worker"), folder, name=f"worker-{number}", master_port=port)
            self.processes.append(stack.enter_context(worker))
        self.preflight: Served | None = None

    def look(self) -> bool:
        """Read the origin's counters between the preflight and run second zero; True once that is done."""
        if self.preflight is None and "Egress this run will cause" in self.processes[0].stderr:
            self.preflight = Served.of(self.cluster)
        return self.preflight is not None

    def finish(self) -> None:
        codes = [process.wait(40) for process in self.processes]
        assert not any(codes), [process.stderr for process in self.processes]
        assert self.preflight is not None
        self.served = Served.of(self.cluster).since(self.preflight)
        self.run = read_run(self.folder / "run")
        self.locust = json.loads((self.folder / "locust.json").read_text(encoding="utf-8"))

    @property
    def footer(self) -> Footer:
        assert self.run.footer is not None
        return self.run.footer


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Attempt]]:
    """All ways at the same time: they share nothing but the machine."""
    with ExitStack() as stack:
        found = {way: Attempt(way, tmp_path_factory.mktemp(way), stack) for way in WAYS}
        until(lambda: sum(attempt.look() for attempt in found.values()) == len(WAYS), "the preflights")
        for attempt in found.values():
            attempt.finish()
        yield found


@pytest.fixture(params=list(WAYS))
def attempt(request: pytest.FixtureRequest, attempts: dict[str, Attempt]) -> Attempt:
    return attempts[request.param]


def test_every_worker_reports_to_the_end(attempt: Attempt) -> None:
    footer, workers = attempt.footer, WAYS[attempt.way]
    assert (footer.complete, footer.ending) == (True, "finished")
    assert footer.workers_expected == footer.workers_heard == attempt.run.header.workers == workers
    assert {line.worker for line in attempt.run.generators} == {f"worker-{number}" for number in range(workers)}
    assert not attempt.run.notes


def test_the_preflight_is_three_requests(attempt: Attempt) -> None:
    assert attempt.preflight is not None
    assert attempt.preflight.requests == {"master": 1, "playlist": 1, "segment": 1}


def test_the_footer_says_what_the_origin_counted(attempt: Attempt) -> None:
    totals, served = attempt.footer.totals, attempt.served
    print(f"{attempt.way}: by us {totals.requests} {totals.bytes}+{totals.head_bytes} B, by the origin {served}")
    assert totals.errors == 0
    assert totals.requests == served.requests
    assert totals.bytes == served.body_bytes
    assert totals.head_bytes == served.head_bytes


def test_locusts_own_statistics_say_the_same(attempt: Attempt) -> None:
    """They are sums of our windows, sent by its own way from the workers to the master."""
    totals = attempt.footer.totals
    requests = Counter[str]()
    for entry in attempt.locust:
        requests[entry["name"].split()[-1]] += entry["num_requests"]
    assert requests == totals.requests
    assert sum(entry["total_content_length"] for entry in attempt.locust) == totals.bytes
    assert sum(entry["num_failures"] for entry in attempt.locust) == totals.errors


def test_the_same_viewers_come_in_the_same_seconds(attempts: dict[str, Attempt]) -> None:
    """Arrivals are the plan's, however many processes share them; one may cross a second's border by its lag."""
    planned = Counter(int(viewer.join_at) for viewer in arrivals(read_scenario(attempts["single"].scenario)))
    for attempt in attempts.values():
        joins = joins_by_second(attempt.run)
        assert joins.total() == planned.total() == attempt.footer.totals.joins
        moved = (joins - planned).total()
        assert moved <= 3, f"{attempt.way}: {moved} joins in another second than planned"


def test_no_worker_is_held_up_by_the_wiring(attempt: Attempt) -> None:
    """Locust tells every worker of every change of seats: that must not stop the viewers' clock."""
    late = [line for line in attempt.run.generators if line.lag.count and line.lag.quantile(0.99) > LAG_LIMIT]
    assert len(late) <= 0.1 * len(attempt.run.generators), [(line.at, line.worker, line.bottleneck()) for line in late]


def joins_by_second(run: Run) -> Counter[int]:
    joins = Counter[int]()
    for window in run.windows:
        joins[window.at] += window.players.joins
    return joins
