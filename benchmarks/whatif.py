"""What-if against the truth: rehearse A, ask "what if B", then rehearse B and compare.

``python -m benchmarks.whatif [--json OUT] [--only virtual|nodes]``, under ten minutes. *virtual*: sessions by the rules
of hls.js in virtual time (docs/simulate.md), one viewer in five of 5,000, never short of capacity; what is compared is
the peak demand. The viewers of A and B are the same, so that chance is left out; the first row says how large it is.
*nodes*: synthetic targets with a declared limit (tests/advisor/runs.py), driven past it; what is compared is the number
of nodes on middle estimates, each question with four pairs of seeds.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from advisor.changes.whatif import RegionWhatIf
    from advisor.demands.demand import Demand

VIEWERS: Final = 5_000
WEIGHT: Final = 5
ANY: Final = {"startup_p95": "60s", "segment_p95": "60s", "stall_ratio": "100%", "error_ratio": "100%"}
"""Budgets that a slow last mile keeps too: every second counts."""
POPS: Final = {"id": "aws:ap-southeast-3", "in": "aws:ap-south-1", "br": "aws:sa-east-1"}
SEEDS: Final = (11, 12, 13, 14)
LADDER: Final = (300e3, 700e3, 1500e3)


@dataclass(frozen=True, slots=True)
class Event:
    """What is simulated: everything that a question may change."""

    segment_seconds: int = 2
    ladder: tuple[float, ...] = LADDER
    viewers: int = VIEWERS
    auto: bool = False
    """Whether every viewer's player chooses, over the last mile of its region."""
    seed: int = 20261205

    def options(self) -> list[str]:
        """As the process that simulates it reads them."""
        return [json.dumps([self.segment_seconds, self.ladder, self.viewers, self.auto, self.seed])]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of A, and the event that answers it."""

    name: str
    suppose: tuple[str, ...]
    before: Event
    after: Event


def questions() -> Iterator[Question]:
    """All of *virtual*."""
    for auto in (False, True):
        how = "each player chooses" if auto else "fixed renditions"
        plain = Event(auto=auto)
        yield Question(f"nothing, other viewers, {how}", ("segments=2s",), plain, replace(plain, seed=7))
        for seconds in (1, 4, 6):
            name, suppose = f"{seconds} s segments, {how}", (f"segments={seconds}s",)
            yield Question(name, suppose, plain, replace(plain, segment_seconds=seconds))
        yield Question(f"no top rung, {how}", ("ladder=-highest",), plain, replace(plain, ladder=LADDER[:2]))
        yield Question(
            f"10 % fewer viewers, {how}", ("viewers=-10%",), plain, replace(plain, viewers=VIEWERS * 9 // 10)
        )
    both = ("segments=4s", "ladder=-highest")
    yield Question("4 s and no top rung", both, Event(), Event(4, LADDER[:2]))


def simulate(text: str, out: Path) -> None:
    """In a process of its own, so that the length of the stage's segments can be set for all who read it."""
    seconds, ladder, viewers, auto, seed = json.loads(text)
    from loadtests.staging import clock, media, playlists
    from loadtests.virtual import content

    for reader in (clock, media, playlists, content):
        reader.SEGMENT_SECONDS = seconds  # type: ignore[attr-defined]
    from loadtests.scenario import BUNDLED, Scenario, read_scenario
    from loadtests.simulated import write_simulation
    from surgecast.simulating import SimulateOptions, world_of

    data = read_scenario(BUNDLED).model_dump(mode="json")
    data |= {"gate": [], "seed": seed, "patience": None, "budgets": ANY}
    for code, region in data["regions"].items():
        for cohort in region["cohorts"].values():
            cohort["renditions"] = {"auto": "100%"} if auto else _on(cohort["renditions"], len(ladder))
        region.update({"shaping": "full", "pop": POPS[code]} if auto else {})
    rates = ",".join(f"{rate * seconds / 2:.0f}bps" for rate in ladder)  # sizes are reckoned for two seconds
    options = SimulateOptions(
        viewers=viewers, nodes="1000", egress=1e9, rps=1e5, bitrates=rates, weight=str(WEIGHT), out=out
    )
    write_simulation(world_of(Scenario.model_validate(data), options), out)


def _on(mix: dict[str, str], rungs: int) -> dict[str, str]:
    """Where there is no top rung, its viewers take the next one; with two rungs ``middle`` would be the lower one."""
    if rungs > 2:
        return mix
    shares = {name: float(share.rstrip("%")) for name, share in mix.items()}
    top = shares.get("middle", 0.0) + shares.get("highest", 0.0)
    return {"lowest": f"{shares.get('lowest', 0.0):g}%", "highest": f"{top:g}%"}


def lived(event: Event, folder: Path) -> Path:
    """The run of an event."""
    subprocess.run([sys.executable, "-m", "benchmarks.whatif", "--simulate", *event.options(), str(folder)], check=True)
    return folder


@dataclass(slots=True)
class Virtual:
    """Answers every question, and says how far off it was."""

    folder: Path
    runs: dict[Event, Path] = field(default_factory=dict)

    def run(self, event: Event) -> Path:
        """Simulated once each."""
        if event not in self.runs:
            self.runs[event] = lived(event, self.folder / str(len(self.runs)))
        return self.runs[event]

    def error(self, question: Question) -> dict[str, Any]:
        """Predicted over true minus one, for the sum of the regions and for the worst of them."""
        from advisor.advising import advise
        from loadtests.run import read_run

        audience = {"id": 50_000, "in": 35_000, "br": 15_000}
        asked = advise([read_run(self.run(question.before))], audience, suppose=question.suppose)
        factor = question.after.viewers / question.before.viewers
        then = {code: round(count * factor) for code, count in audience.items()}
        true = advise([read_run(self.run(question.after))], then)
        row: dict[str, Any] = {"question": question.name}
        for unit in ("requests", "wire"):
            pairs = [
                (_said(one, unit, old.demand), getattr(two.demand, unit).mid, getattr(old.demand, unit).mid)
                for one, two, old in zip(asked.whatif.regions, true.regions, asked.regions, strict=True)
            ]
            said, seen, before = (sum(pair[index] for pair in pairs) for index in range(3))
            row[unit] = {
                "before": before,
                "predicted": said,
                "true": seen,
                "error": said / seen - 1,
                "worst": max((one / two - 1 for one, two, _ in pairs), key=abs),
            }
        return row


def _said(region: RegionWhatIf, unit: str, before: Demand) -> float:
    """What was predicted: as it was, where nothing was changed."""
    from advisor.changes.whatif import Outcome

    changed = region.supposed
    return float(getattr(changed.after if isinstance(changed, Outcome) else before, unit).mid)


def nodes(folder: Path) -> Iterator[dict[str, Any]]:
    """Towns whose limit is declared: predicted nodes beside those that the advice on B's own rehearsal asks for."""
    from advisor.advising import advise
    from advisor.changes.whatif import Outcome
    from advisor.plans.plan import Plan
    from tests.advisor.runs import Town, run_of

    requests = Town(nodes=2, rps=110, egress=4e9, peak=600, quiet=40)
    bits = Town(nodes=2, egress=40e6, quiet=40)
    lower = {"lowest": 300e3, "middle": 700e3, "highest": 700e3}
    pairs: Sequence[tuple[str, str, Town, Town]] = (
        ("4 s segments, requests bind", "segments=4s", requests, replace(requests, segment_seconds=4.0)),
        ("3 s segments, requests bind", "segments=3s", requests, replace(requests, segment_seconds=3.0)),
        ("4 s segments, egress binds", "segments=4s", bits, replace(bits, segment_seconds=4.0)),
        ("no top rung, egress binds", "ladder=-highest", bits, replace(bits, bitrates=lower)),
        ("twice as large, egress binds", "size=2", bits, replace(bits, egress=80e6, peak=600)),
    )
    for name, suppose, before, after in pairs:
        said, seen = [], []
        for seed in SEEDS:
            asked = advise([run_of(replace(before, seed=seed), folder / f"{name} {seed} a")], suppose=[suppose])
            true = advise([run_of(replace(after, seed=seed + 100), folder / f"{name} {seed} b")])
            changed = [one.supposed for one in asked.whatif.regions]
            said.append(sum(one.after.expected or 0 for one in changed if isinstance(one, Outcome)))
            seen.append(sum(one.nodes.expected for one in true.regions if isinstance(one.nodes, Plan)))
        errors = [one / two - 1 for one, two in zip(said, seen, strict=True)]
        yield {
            "question": name,
            "predicted": sum(said) / len(said),
            "true": sum(seen) / len(seen),
            "error": sum(said) / sum(seen) - 1,
            "worst": max(errors, key=abs),
        }


def main() -> None:
    """Print the tables; write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT")
    parser.add_argument("--only", choices=["virtual", "nodes"])
    parser.add_argument("--simulate", nargs=2, metavar=("EVENT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.simulate:
        return simulate(options.simulate[0], Path(options.simulate[1]))
    figures: dict[str, Any] = {"machine": platform.platform(), "date": datetime.now(UTC).isoformat()}
    with tempfile.TemporaryDirectory() as name:
        if options.only != "nodes":
            figures["virtual"] = _virtual(Path(name) / "virtual")
        if options.only != "virtual":
            figures["nodes"] = _nodes(Path(name) / "nodes")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return None


def _virtual(folder: Path) -> list[dict[str, Any]]:
    print(f"{'what if':<42}{'requests/s':>24}{'error':>8}{'worst':>8}{'Gbit/s':>18}{'error':>8}{'worst':>8}")
    rows, virtual = [], Virtual(folder)
    for question in questions():
        row = virtual.error(question)
        asks, wire = row["requests"], row["wire"]
        print(
            f"{row['question']:<42}{asks['predicted']:>12,.0f} / {asks['true']:>8,.0f}"
            f"{asks['error']:>8.1%}{asks['worst']:>8.1%}{wire['predicted'] / 1e9:>9.2f} / {wire['true'] / 1e9:>6.2f}"
            f"{wire['error']:>8.1%}{wire['worst']:>8.1%}",
            flush=True,
        )
        rows.append(row)
    return rows


def _nodes(folder: Path) -> list[dict[str, Any]]:
    print(f"{'what if':<42}{'nodes':>10}{'true':>10}{'error':>8}{'worst':>8}")
    rows = []
    for row in nodes(folder):
        print(
            f"{row['question']:<42}{row['predicted']:>10,.0f}{row['true']:>10,.0f}{row['error']:>8.1%}{row['worst']:>8.1%}",
            flush=True,
        )
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
