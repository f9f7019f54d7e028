"""The sketch: within one percent, mergeable in any order, and never read from nonsense."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from loadtests.sketch import RELATIVE_ERROR, SMALLEST, Sketch, bin_of, merged, middle_of
from tests.contract.lines import sketch_of, sketches

ADAPTER = TypeAdapter(Sketch)
SHARES = (0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)


def exact(values: list[float], share: float) -> float:
    """The value of that rank, no interpolation."""
    return sorted(values)[math.floor(share * (len(values) - 1))]


def assert_close(values: list[float]) -> None:
    sketch = sketch_of(values)
    for share in SHARES:
        truth = exact(values, share)
        assert abs(sketch.quantile(share) - truth) <= RELATIVE_ERROR * truth * (1 + 1e-9) + 2 * SMALLEST


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_any_quantile_of_any_values_is_within_one_percent(values: list[float]) -> None:
    assert_close(values)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["exponential", "lognormal", "uniform", "pareto", "two_humps", "constant"])
def test_quantiles_of_what_latency_looks_like(name: str, seed: int) -> None:
    dice = np.random.default_rng(seed)
    draws: dict[str, Callable[[], npt.NDArray[np.float64]]] = {
        "exponential": lambda: dice.exponential(0.05, 5000),
        "lognormal": lambda: dice.lognormal(-3, 1.5, 5000),
        "uniform": lambda: dice.uniform(0, 10, 5000),
        "pareto": lambda: dice.pareto(1.1, 5000) * 0.01,
        "two_humps": lambda: np.concatenate([dice.normal(0.02, 0.002, 4500), dice.normal(5, 0.5, 500)]),
        "constant": lambda: np.full(5000, 0.123),
    }
    assert_close([max(float(value), 0.0) for value in draws[name]()])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=100))
def test_count_sum_mean_and_extremes_are_exact(values: list[float]) -> None:
    sketch = sketch_of(values)
    assert sketch.count == len(values)
    assert (sketch.smallest, sketch.largest) == (min(values), max(values))
    assert sketch.mean == pytest.approx(sum(values) / len(values))


@given(st.floats(1e-5, 1e6))
def test_the_middle_of_a_bin_is_close_to_all_of_it(value: float) -> None:
    assert abs(middle_of(bin_of(value)) - value) <= RELATIVE_ERROR * value * (1 + 1e-9)


@given(st.lists(st.floats(1e-5, 1e3), min_size=1), st.floats(1e-4, 1e3))
def test_samples_above_a_limit_are_those_clearly_above_and_never_those_clearly_below(
    values: list[float], limit: float
) -> None:
    found = sketch_of(values).above(limit)
    assert sum(value > limit * 1.0203 for value in values) <= found <= sum(value > limit for value in values)


@given(sketches, sketches, sketches)
def test_merging_is_commutative_and_associative_and_empty_changes_nothing(a: Sketch, b: Sketch, c: Sketch) -> None:
    assert merged([a, b]) == merged([b, a])
    assert merged([merged([a, b]), c]) == merged([a, merged([b, c])])
    assert merged([a, Sketch()]) == merged([Sketch(), a]) == a


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 5))
def test_merging_parts_is_the_sketch_of_the_whole(values: list[float], parts: int) -> None:
    whole = merged(sketch_of(values[part::parts]) for part in range(parts))
    assert whole.bins == sketch_of(values).bins
    assert whole.quantile(0.9) == sketch_of(values).quantile(0.9)


def test_a_merge_leaves_what_was_merged_alone() -> None:
    one, other = sketch_of([1.0]), sketch_of([2.0])
    merged([one, other])
    assert (one, other) == (sketch_of([1.0]), sketch_of([2.0]))


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_a_sketch_reads_back_from_json(values: list[float]) -> None:
    sketch = sketch_of(values)
    text = ADAPTER.dump_json(sketch)
    assert ADAPTER.validate_json(text) == sketch
    assert ADAPTER.validate_python(json.loads(text)) == sketch


def test_an_empty_sketch() -> None:
    assert ADAPTER.dump_json(Sketch()) == b'{"count":0}'
    assert math.isnan(Sketch().quantile(0.5))
    assert math.isnan(Sketch().mean)
    assert Sketch().above(0.0) == 0


def test_clock_noise_counts_as_zero_and_no_number_is_refused() -> None:
    sketch = sketch_of([-0.001])
    assert (sketch.count, sketch.quantile(1.0)) == (1, 0.0)
    for nonsense in (math.nan, math.inf):
        with pytest.raises((ValueError, OverflowError)):
            sketch.add(nonsense)
    assert sketch.count == 1


GOOD = {"count": 2, "sum": 3.0, "min": 1.0, "max": 2.0, "bins": {"0": 1, "35": 1}}


@pytest.mark.parametrize(
    "change",
    [
        {"count": 3},
        {"count": 0},
        {"count": -1},
        {"count": 1.5},
        {"count": "two"},
        {"bins": {"0": 2, "35": 0}},
        {"bins": {"0": 3, "35": -1}},
        {"bins": {"zero": 1, "35": 1}},
        {"bins": {"0": 1, "99999999": 1}},
        {"bins": {"-99999999": 1, "35": 1}},
        {"bins": [1, 1]},
        {"bins": None},
        {"min": 3.0},
        {"min": -1.0},
        {"max": 1.5},
        {"sum": 300.0},
        {"sum": -3.0},
        {"sum": "much"},
        {"p99": 2.0},
    ],
)
def test_json_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    assert ADAPTER.validate_python(GOOD).count == 2
    with pytest.raises(ValidationError):
        ADAPTER.validate_json(json.dumps({**GOOD, **change}))


@pytest.mark.parametrize("text", ["null", "[]", "3", '"x"', "{}", '{"count":1}', '{"count":NaN}'])
def test_what_is_no_sketch_at_all_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_json(text)
    if text != "{}":
        with pytest.raises(ValidationError):
            ADAPTER.validate_python(json.loads(text))


@given(st.lists(st.floats(-1.0, 1e6), max_size=50))
def test_many_at_once_are_the_same_as_one_by_one(values: list[float]) -> None:
    """But for the last digit of a sum, and of a logarithm at the very edge of a bin."""
    at_once, each = Sketch.of(values), Sketch()
    for value in values:
        each.add(value)
    assert (at_once.count, at_once.smallest, at_once.largest) == (each.count, each.smallest, each.largest)
    assert at_once.total == pytest.approx(each.total)
    assert sum(at_once.bins.values()) == each.count
    for share in (0.0, 0.5, 1.0):
        assert at_once.quantile(share) == pytest.approx(each.quantile(share), rel=0.021, nan_ok=True)
