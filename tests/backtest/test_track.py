"""A history with a known truth comes out at its known coverage and bias, and nothing is said of too few."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import yaml

from advisor.backtest import Event, Seen, backtest, read_events
from advisor.backtest.binomial import at_most, share
from advisor.backtest.pages import terminal, write_pages
from advisor.backtest.track import FEWEST, Backtest, Score, agree
from advisor.interval import Interval
from advisor.ledger import Entry, Ledger, Promise, Promised
from loadtests.errors import InputError
from loadtests.region import Names

DAY = datetime(2026, 11, 1, tzinfo=UTC)
Z90 = 1.645
TRUTH = 40e6


def interval(middle: float, error: float, z: float = Z90) -> Interval:
    """A 90 % interval around an estimate with a normal error."""
    return Interval(low=middle - z * error, mid=middle, high=middle + z * error, coverage=0.9, samples=50)


def advice(number: int, per_node: Interval, **changes: object) -> Entry:
    """An advice of one day, made from a run of its own."""
    region = Promised(
        code="id",
        name=Names(en="Indonesia", zh="印尼"),
        audience=10_000,
        demand={"bit/s": interval(10e9, 0.5e9), "requests/s": interval(8e3, 400)},
        per_viewer={"bit/s": interval(1e6, 3e4), "requests/s": interval(0.8, 0.02)},
        nodes=300,
        expected=270,
        bound="needed",
        binding="bandwidth",
    )
    entry = Entry(
        recorded_at=DAY + timedelta(days=2 * number),
        software="0.1.0",
        scenario="goal",
        target="cdn.example",
        runs=(f"advised-{number}",),
        nodes_tested=2,
        tested_viewers=300.0,
        capacities=(Promise(model="bandwidth", unit="bit/s", per_node=per_node, saturated=True),),
        regions=(region,),
    )
    return entry.model_copy(update=changes)


def run(number: int, per_node: Interval, **changes: object) -> Seen:
    """A run of the day after."""
    seen = Seen(
        name=f"later-{number}",
        at=DAY + timedelta(days=2 * number + 1),
        scenario="goal",
        target="cdn.example",
        nodes=2,
        viewers=300.0,
        held=False,
        capacities={"bit/s": per_node},
        per_viewer={},
    )
    return seen.model_copy(update=changes)


def history(count: int, bias: float = 0.0, width: float = Z90, seed: int = 1) -> Backtest:
    """Towns of one truth, each advised on and then run again; both estimates err by 4 %."""
    dice = np.random.default_rng(seed)
    error = 0.04 * TRUTH
    said = [interval(TRUTH * (1 + bias) + float(dice.normal(0, error)), error, width) for _ in range(count)]
    seen = [interval(TRUTH + float(dice.normal(0, error)), error, width) for _ in range(count)]
    entries = tuple(advice(number, one) for number, one in enumerate(said))
    return backtest(Ledger(entries), [run(number, one) for number, one in enumerate(seen)])


def score(found: Backtest, about: str, unit: str = "bit/s") -> Score:
    """The score of a kind."""
    return next(one for one in found.scores if one.about == about and one.unit == unit)


def test_honest_intervals_come_out_at_their_coverage() -> None:
    found = score(history(400), "capacity")
    assert found.share is not None
    assert found.share.low <= 0.90 <= found.share.high
    assert found.bias == pytest.approx(0.0, abs=0.01)


def test_forty_towns_come_out_at_their_coverage_within_what_forty_can_say() -> None:
    found = score(history(40), "capacity")
    assert found.checks == 40
    assert found.share is not None
    assert found.share.low <= 0.90 <= found.share.high


def test_intervals_of_half_the_width_are_found_out() -> None:
    """The truth of such is 59 %: P(|N(0,1)| < 0.8225)."""
    found = score(history(400, width=Z90 / 2), "capacity")
    assert found.share is not None
    assert found.share.low <= 0.589 <= found.share.high
    assert found.share.high < 0.90


@pytest.mark.parametrize("bias", [-0.25, 0.25])
def test_biased_advice_is_found_biased(bias: float) -> None:
    found = score(history(40, bias=bias), "capacity")
    assert found.bias == pytest.approx(bias, abs=0.04)
    assert found.share is not None
    assert found.share.high < 0.5


def test_too_few_checks_say_nothing() -> None:
    few, enough = score(history(FEWEST - 1), "capacity"), score(history(FEWEST), "capacity")
    assert (few.share, few.bias) == (None, None)
    assert enough.share is not None
    assert "too few to say" in terminal(history(FEWEST - 1), "en")


def test_an_advice_is_never_held_against_its_own_run() -> None:
    sure = interval(TRUTH, 1e6)
    found = backtest(Ledger((advice(0, sure, runs=("later-0", "other")),)), [run(0, sure)])
    assert found.checks == ()
    assert [one.why.key for one in found.left_out] == ["left_out_source"]


def test_only_the_newest_advice_before_a_run_is_tested() -> None:
    old, new, late = interval(9e6, 1e6), interval(TRUTH, 1e6), interval(1e6, 1e5)
    ledger = Ledger((advice(0, old), advice(1, new), advice(9, late)))
    (check,) = backtest(ledger, [run(2, new)]).checks
    assert check.advised_from == ("advised-1",)
    assert check.held


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scenario": "match"}, "left_out_unknown"),
        ({"target": "elsewhere.example"}, "left_out_unknown"),
        ({"at": DAY - timedelta(days=1)}, "left_out_before"),
        ({"capacities": {}}, "left_out_silent"),
    ],
)
def test_what_no_advice_was_about_is_left_out(changes: dict[str, object], why: str) -> None:
    sure = interval(TRUTH, 1e6)
    found = backtest(Ledger((advice(0, sure),)), [run(0, sure, **changes)])
    assert [one.why.key for one in found.left_out] == [why]


@pytest.mark.parametrize(
    ("nodes", "viewers", "held", "right"),
    [
        (300, 10_000, True, True),
        (280, 9_100, True, True),  # fewer did it
        (320, 10_000, True, None),  # more did it: says nothing of 300
        (300, 5_000, True, None),
        (300, 10_000, False, False),
        (320, 10_900, False, False),
        (280, 10_000, False, None),
        (300, 20_000, False, None),
    ],
)
def test_nodes_are_right_or_wrong_only_where_it_follows(
    nodes: int, viewers: int, held: bool, right: bool | None
) -> None:
    event = Event.model_validate(
        {
            "event": "final",
            "at": DAY + timedelta(days=1),
            "scenario": "goal",
            "region": "id",
            "viewers": viewers,
            "nodes": nodes,
            "held": held,
        }
    )
    checks = backtest(Ledger((advice(0, interval(TRUTH, 1e6)),)), [], [event]).checks
    assert [check.held for check in checks] == ([] if right is None else [right])


def final(nodes: int, viewers: int, *, held: bool) -> Event:
    told = {"event": "final", "at": DAY + timedelta(days=1), "scenario": "goal", "region": "id"}
    return Event.model_validate(told | {"viewers": viewers, "nodes": nodes, "held": held})


@pytest.mark.parametrize(
    ("nodes", "viewers", "held", "error"),
    [
        (75, 10_000, True, 3.0),  # 300 advised
        (75, 9_000, True, 2.6),  # a tenth fewer viewers: 83.3 for all of them
        (300, 10_000, True, 0.0),
        (400, 10_000, False, -0.25),
        (300, 10_000, False, 0.0),
    ],
)
def test_nodes_that_held_or_broke_bound_the_error(nodes: int, viewers: int, held: bool, error: float) -> None:
    found = backtest(Ledger((advice(0, interval(TRUTH, 1e6)),)), [], [final(nodes, viewers, held=held)])
    assert [check.error for check in found.checks] == [pytest.approx(error)]


def test_advice_of_far_too_many_nodes_is_told_to_be_so(tmp_path: Path) -> None:
    """It was enough every time, so it is right; and the page says how much too many it was at least."""
    found = backtest(Ledger((advice(0, interval(TRUTH, 1e6)),)), [], [final(75, 10_000, held=True)] * FEWEST)
    assert score(found, "nodes", "nodes").bias == 3.0
    assert score(found, "all", "").bias is None
    assert "at least 300% too many" in terminal(found, "en")
    write_pages(found, tmp_path, "zh")
    assert "至少偏多 300%" in (tmp_path / "backtest.md").read_text(encoding="utf-8")
    assert "≥ +300.0%" in (tmp_path / "backtest.html").read_text(encoding="utf-8")


def test_an_event_tests_the_demand_scaled_to_its_audience(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text(
        "event,at,scenario,region,viewers,nodes,held,egress_gbits,requests_per_second\n"
        "final,2026-11-02T19:00:00+07:00,goal,id,5000,,,5.2,\n"
        "semi,2026-11-02T19:00:00+07:00,goal,id,5000,150,yes,9.9,4000\n",
        encoding="utf-8",
    )
    found = backtest(Ledger((advice(0, interval(TRUTH, 1e6)),)), [], read_events(file))
    assert [(check.against, check.unit, check.held) for check in found.checks] == [
        ("final", "bit/s", True),
        ("semi", "bit/s", False),
        ("semi", "requests/s", True),
    ]
    assert found.checks[0].predicted.mid == 5e9


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("e.csv", "event,at\nx,2026-11-02T19:00:00Z\n", "events: line 2: scenario: Field required"),
        ("e.yaml", "- {event: x, at: 2026-11-02T19:00:00Z, scenario: a, region: id, viewers: -1}", "event 1: viewers"),
        ("e.yaml", "- {event: x, at: 2026-11-02T19:00:00Z, scenario: a, region: id, viewers: 1, x: 2}", "event 1: x: "),
        ("e.yaml", "event: x", "expected a list of events"),
        ("e.csv", "event,at,scenario,region,viewers\nx,noon,a,id,3\n", "events: line 2: at: "),
    ],
)
def test_a_broken_events_file_is_named(name: str, text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_events(file)


def test_an_exact_observation_must_lie_inside() -> None:
    said = interval(100.0, 5.0)
    assert agree(said, Interval.exact(108.0))
    assert not agree(said, Interval.exact(109.0))
    assert not agree(said, Interval.exact(91.0))


@pytest.mark.parametrize(("held", "count"), [(0, 5), (5, 5), (36, 40), (900, 1000), (1, 1)])
def test_the_interval_of_a_share_leaves_a_twentieth_on_each_side(held: int, count: int) -> None:
    found = share(held, count)
    if held:
        assert 1 - at_most(held - 1, count, found.low) == pytest.approx(0.05, abs=1e-9)
    if held < count:
        assert at_most(held, count, found.high) == pytest.approx(0.05, abs=1e-9)
    assert found.low <= held / count <= found.high


def test_the_interval_of_a_share_covers_as_often_as_it_says() -> None:
    """Summed over every outcome, for some true chances."""
    for chance in (0.5, 0.8, 0.9, 0.97):
        covered = sum(
            at_most(held, 30, chance) - (at_most(held - 1, 30, chance) if held else 0.0)
            for held in range(31)
            if share(held, 30).low <= chance <= share(held, 30).high
        )
        assert covered >= 0.90


def words(lang: str) -> dict[str, str]:
    text = (resources.files("advisor.backtest") / "texts" / f"{lang}.yaml").read_text(encoding="utf-8")
    return {str(key): str(value) for key, value in yaml.safe_load(text).items()}


def test_both_languages_say_the_same_things() -> None:
    def gaps(text: str) -> set[str]:
        return {part.partition("}")[0] for part in text.split("{")[1:]}

    english, chinese = words("en"), words("zh")
    assert english.keys() == chinese.keys()
    assert [key for key in english if gaps(english[key]) != gaps(chinese[key])] == []


def pages(found: Backtest, folder: Path) -> Iterator[str]:
    for lang in ("en", "zh"):
        for path in write_pages(found, folder / lang, lang):
            yield path.read_text(encoding="utf-8")
        yield terminal(found, lang)


def test_nothing_from_a_ledger_can_mark_up_a_page(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>|`x`\x1b[2J"
    sure = interval(TRUTH, 1e6)
    found = backtest(Ledger((advice(0, sure),), cut=(7,)), [run(0, sure, name=hostile), run(1, sure, scenario=hostile)])
    html, markdown, _, shown, *_ = pages(found, tmp_path)
    assert "<script" not in html
    assert "<script" not in markdown.replace("\\<", "")
    assert "\x1b" not in shown
    assert "unfinished" in shown
