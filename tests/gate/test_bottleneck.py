"""What a generator ran out of is said in the reader's language, whatever it was and wherever it is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from advisor.compare.words import words
from advisor.gate import Gate
from advisor.gate.reports.markdown import Markdown
from advisor.gate.reports.terminal import Terminal
from advisor.gate.sentences import told
from advisor.texts import LANGS, texts
from loadtests.results import Bottleneck, Footer, Gap, Generator, Line
from loadtests.sketch import Sketch
from tests.gate.simulated import Made, verdict, write_lines

LATE = Sketch()
LATE.add(0.5, 100)
SPENT: dict[str, dict[str, object]] = {
    "dropped": {"dropped": 2},
    "faults": {"faults": 3},
    "cpu": {"cpu": 0.99},
    "lag": {"lag": LATE},
    "rehomed": {},
}
LOST = Gap(worker="w1", regions=("id",), since=0, until=60)
KINDS: Sequence[str] = get_args(get_type_hints(Bottleneck)["kind"])
SLOW = "segment.total p95 < 200ms"
LATER = SLOW.replace("200ms", "baseline + 10%")


def spent(folder: Path, kind: str) -> tuple[str, Bottleneck]:
    """A run whose generator ran out of one thing in each second, and how that is said in English."""

    def worn(line: Line) -> Line:
        if isinstance(line, Footer) and kind == "rehomed":
            return line.model_copy(update={"gaps": (LOST,)})
        return line.model_copy(update=SPENT[kind]) if isinstance(line, Generator) else line

    lines = [worn(line) for line in Made().lines()]
    worn_out = (bottleneck for line in lines if isinstance(line, Generator) and (bottleneck := line.bottleneck()))
    found = next(worn_out, LOST.bottleneck)
    assert found.kind == kind
    return write_lines(folder, lines), found


def saturated(folder: Path, kind: str, *, baseline: bool) -> tuple[Gate, Bottleneck]:
    place, found = spent(folder / "spent", kind)
    if baseline:
        return verdict([Made().write(folder / "now")], LATER, [place]), found
    return verdict([place], SLOW), found


@pytest.mark.parametrize("baseline", [False, True], ids=["run", "baseline"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gate_says_it_in_both_languages(kind: str, baseline: bool, tmp_path: Path) -> None:
    gate, found = saturated(tmp_path, kind, baseline=baseline)
    (judged,) = gate.judged
    assert judged.state == "INVALID"
    assert str(found) in judged.reason.text
    assert told(judged.reason, "en") == judged.reason.text
    english = set(re.findall("[A-Za-z]{3,}", str(found)))
    assert len(english) > 3
    for text in (told(judged.reason, "zh"), Terminal().render(gate, "zh"), Markdown().render(gate, "zh")):
        assert found.found in text
        assert not english & set(re.findall("[A-Za-z]{3,}", text))


def test_a_gap_counts_for_its_own_regions_only(tmp_path: Path) -> None:
    """Most of id's viewers were missing; what in lived through is judged all the same."""
    made = Made(regions=("id", "in"))
    ends = [line for line in made.lines() if isinstance(line, Footer)]
    gapped = [one.model_copy(update={"gaps": (LOST,)}) for one in ends]
    place = write_lines(tmp_path, [*(line for line in made.lines() if not isinstance(line, Footer)), *gapped])
    states = {judged.region: judged.state for judged in verdict([place], f"{SLOW} per region").judged}
    assert states == {"id": "INVALID", "in": "PASS"}


def test_a_budget_on_the_generator_itself_is_told_in_chinese(tmp_path: Path) -> None:
    (judged,) = verdict([Made(busy=range(10, 12)).write(tmp_path)], "generator.cpu max < 80%").judged
    assert judged.reason.text.endswith(": surely broken: 99%")
    assert not re.findall("[A-Za-z]{3,}", told(judged.reason, "zh"))


@pytest.mark.parametrize("lang", LANGS)
def test_the_advice_and_the_comparison_know_every_kind(lang: str) -> None:
    assert {f"warn_invalid_{kind}" for kind in KINDS} <= texts(lang).keys()
    assert {f"limit_{kind}" for kind in KINDS} <= words(lang).keys()
