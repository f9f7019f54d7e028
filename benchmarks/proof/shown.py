"""The table of the proof: on a terminal, and as Markdown for the docs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.proof.drawn import BAND, left_out
from benchmarks.proof.judged import Ran, Record, Tally

TITLES = (
    "#",
    "seed",
    "cluster",
    "binds: declared",
    "found",
    "viewers",
    "rehearsed",
    "ratio declared",
    "ratio predicted",
    "N",
    "at N",
    "at N−1",
    "",
)


def row(record: Record) -> tuple[str, ...]:
    """One cluster."""
    drawn, answer = record.drawn, record.answer
    first = (str(drawn.number), str(drawn.seed), f"{drawn.name}, {drawn.player}", drawn.binds)
    if record.skipped:
        return (*first, *("",) * (len(TITLES) - 5), f"skipped: {record.skipped}")
    low, middle, high = (f"{end:.2f}" for end in answer.ratio) if answer and answer.ratio else ("", "", "")
    return (
        *first,
        answer.binding if answer else "",
        f"{record.audience:,}" if record.audience else "",
        f"{drawn.rehearsed} at {record.fraction:.0%}",
        f"{record.declared:.2f}" if record.declared else "",
        f"{middle} ({low}–{high})" if middle else "",
        str(answer.nodes) if answer and answer.nodes else "none",
        _outcome(record.enough),
        _outcome(record.too_few),
        record.state,
    )


def _outcome(ran: Ran | None) -> str:
    return ran.outcome if ran else "not run"


def terminal(records: Sequence[Record]) -> str:
    """For people at a terminal."""
    rows = [TITLES, *map(row, records)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(TITLES))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in rows
    )


def markdown(records: Sequence[Record]) -> str:
    """For the docs."""
    lines = [TITLES, ("---",) * len(TITLES), *map(row, records)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def told(records: Sequence[Record]) -> str:
    """What it comes to, in sentences."""
    tally = Tally.of(records)
    parts = [f"{tally.right} of {tally.measured} right on both sides."]
    parts += [f"{tally.unmeasured} could not be measured: the generator was the limit." if tally.unmeasured else ""]
    parts += [f"{tally.skipped} skipped: {_skipped(records)}." if tally.skipped else ""]
    known = [record for record in records if record.inside is not None]
    parts += [f"The predicted interval held the declared ratio in {tally.inside} of {len(known)}."]
    errors = sorted(
        abs(one.answer.ratio[1] / one.declared - 1) for one in known if one.answer and one.answer.ratio and one.declared
    )
    if errors:
        parts += [f"Error of the ratio: median {errors[len(errors) // 2]:.1%}, worst {errors[-1]:.1%}."]
    band = f"{BAND[0]:g} to {BAND[1]:g}"
    parts += [f"Fractions of the ratio are drawn from {band}; of random loads that leaves out {left_out():.0%}."]
    return " ".join(part for part in parts if part)


def _skipped(records: Sequence[Record]) -> str:
    return "; ".join(sorted({record.skipped for record in records if record.skipped}))


def misses(records: Sequence[Record]) -> list[str]:
    """A line for each cluster that is not right: what happened in its runs."""
    lines = []
    for record in records:
        if record.state in ("right", "skipped"):
            continue
        runs = (("rehearsal", record.rehearsal), ("N", record.enough), ("N−1", record.too_few))
        happened = "; ".join(f"{name}: {ran.outcome} {ran.why}".strip() for name, ran in runs if ran)
        lines.append(
            f"cluster {record.drawn.number}: {record.state}; {happened}; {record.answer.why if record.answer else ''}"
        )
    return lines
