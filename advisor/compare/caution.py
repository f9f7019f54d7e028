"""Why runs may not be comparable, and what their tools measure otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from advisor.compare.words import say
from advisor.foreign import Outcomes
from advisor.measured.measure import INVALID_LIMIT
from advisor.texts import Message


def warnings(runs: Mapping[str, Outcomes], compared: Mapping[str, int], cut: Mapping[str, int]) -> list[Message]:
    """Runs are by their letters; ``compared`` and ``cut`` are seconds of the table that counts."""
    return [*_each(runs, compared, cut), *_between(runs)]


def _each(runs: Mapping[str, Outcomes], compared: Mapping[str, int], cut: Mapping[str, int]) -> Iterator[Message]:
    for letter, run in runs.items():
        if run.unfinished == "cut":
            yield say("compare_cut_short", run=letter)
        elif run.unfinished:
            yield say("compare_unfinished", run=letter, ending=run.unfinished)
        if lost := cut[letter]:
            share = lost / (lost + compared[letter])
            first = next(iter(run.invalid.values()))
            key = "generator_bound" if share > INVALID_LIMIT else "generator_cut"
            yield say(key, run=letter, seconds=str(lost), share=f"{share:.0%}")
            yield say(f"limit_{first.kind}", run=letter, found=first.found, limit=first.limit)


def _between(runs: Mapping[str, Outcomes]) -> Iterator[Message]:
    (base, first), *others = runs.items()
    for letter, run in others:
        if run.tool != first.tool:
            yield say("other_tool", run=letter, tool=run.tool, base=base, base_tool=first.tool)
        for trait in first.traits:
            if trait in run.traits and run.traits[trait] != first.traits[trait]:
                values = {"base_value": first.traits[trait], "value": run.traits[trait]}
                shown = {name: text if len(text) <= 60 else "…" for name, text in values.items()}
                yield say(f"other_{trait}", run=letter, base=base, **shown)
        if run.phases and first.phases and run.phases != first.phases:
            yield say("other_schedule", run=letter, base=base)


def remarks(runs: Sequence[Outcomes]) -> tuple[Message, ...]:
    """Each once, in the order of the runs."""
    return tuple(say(key) for key in dict.fromkeys(key for run in runs for key in run.remarks))
