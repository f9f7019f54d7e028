"""Windows read as plain values are taken and refused exactly as their models are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadtests.errors import RunError
from loadtests.plain import Bins, PlainReader, form_of, percentiles, sketch_of, windows_of
from loadtests.results import LINE, Window, text_of
from loadtests.run import RunReader
from loadtests.sketch import merged
from tests.contract.lines import a_run, dyadic, windows
from tests.contract.lines import sketch_of as sketched


def taken(text: bytes) -> bool:
    """Whether the contract takes it."""
    try:
        return isinstance(LINE.validate_json(text), Window)
    except ValidationError:
        return False


@given(windows())
def test_a_window_reads_as_its_model_says(window: Window) -> None:
    (found,) = windows_of([text_of(window).encode()])
    assert found is not None
    assert LINE.validate_python(json.loads(json.dumps({**found, "line": "window"}, default=dict))) == window


@given(windows(), st.data())
def test_whatever_a_mistake_does_to_a_line_both_readers_say_the_same(window: Window, data: st.DataObject) -> None:
    """A plain window is never what the model would refuse; the other way round costs only time."""
    text = text_of(window)
    at = data.draw(st.integers(1, len(text) - 1))
    letter = data.draw(st.sampled_from(list('0127-+_. "{}:,eEN\\')))
    broken = (text[:at] + letter + text[at + data.draw(st.integers(0, 1)) :]).encode()
    if windows_of([broken])[0] is not None:
        assert taken(broken)


ODD = ('"+7"', '" 7"', '"7 "', '"7_0"', '"7.0"', '" -7"', '"\\u00207"', '"７"', '"\\t7"')


@pytest.mark.parametrize("name", ODD)
def test_a_bin_under_an_odd_name_is_left_to_the_model(name: str) -> None:
    sketch = '{"count":1,"sum":1.15,"min":1.15,"max":1.15,"bins":{%s:1}}'
    line = '{"line":"window","at":1,"region":"id","cohort":"移动","players":{"startup":%s}}'
    assert windows_of([(line % (sketch % '"7"')).encode()])[0] is not None
    assert windows_of([(line % (sketch % name)).encode()])[0] is None


STRANGE = {
    "descending": '"players":{"startup":{"count":2,"sum":2.3,"min":1.1,"max":1.2,"bins":{"9":1,"7":1}}}',
    "twice": '"players":{"startup":{"count":3,"sum":3.4,"min":1.15,"max":1.15,"bins":{"7":1,"7":3}}}',
    "beyond all measure": '"players":{"startup":{"count":36893488147419103232,"sum":4e19,"min":1.15,"max":1.15,'
    '"bins":{"7":36893488147419103232}}}',
    "elsewhere": '"players":{"failures":{"bins":{"7":1}}}',
    "as a number": '"players":{"startup":{"count":1,"sum":1.15,"min":1.15,"max":1.15,"bins":0}}',
    "with a digit after the second": '"players":{"startup":{"count":1,"sum":1.15,"min":1.15,"max":1.15,"bins":{"7":1}},'
    '"live_latency":{"count":1,"sum":1.15,"min":1.15,"max":1.15,"bins":{"7":1}0}}',
    "as a reason": '"players":{"failures":{"bins":3}}',
}


@pytest.mark.parametrize("name", STRANGE)
def test_bins_in_a_strange_place_or_order_are_left_to_the_model(name: str) -> None:
    assert windows_of([f'{{"line":"window","at":1,"region":"id","cohort":"m",{STRANGE[name]}}}'.encode()])[0] is None


def test_bins_are_a_mapping() -> None:
    bins = Bins.of({9: 2, 7: 1})
    assert dict(bins) == {7: 1, 9: 2}
    assert (list(bins.values()), list(bins.items()), bins[9]) == ([1, 2], [(7, 1), (9, 2)], 2)


@pytest.mark.parametrize(
    "change",
    [
        {"count": 2},
        {"sum": 9.0},
        {"min": 1.4, "max": 1.4, "sum": 1.4},
        {"max": 0.9},
        {"bins": {"7": 1, "90": 1}, "count": 2, "sum": 2.3},
        {"bins": {}},
        {"count": 0},
        {"colour": 1},
        {"bins": {"7": 0}},
        {"max": float("inf")},
    ],
)
def test_a_sketch_that_contradicts_itself_is_refused_as_the_model_refuses_it(change: dict[str, Any]) -> None:
    sketch = {"count": 1, "sum": 1.15, "min": 1.15, "max": 1.15, "bins": {"7": 1}} | change
    line = json.dumps({"line": "window", "at": 0, "region": "id", "cohort": "m", "players": {"startup": sketch}})
    lines = [text_of(a_run()[0]), line.replace(" ", "")]
    said = []
    for reader in (RunReader("here"), PlainReader("here")):
        reader.add(f"{lines[0]}\n".encode())
        with pytest.raises(RunError) as caught:
            reader.add(f"{lines[1]}\n".encode())
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "here: line 2: window.players.startup" in said[0]


@given(st.lists(st.lists(dyadic, max_size=8).map(sketched), min_size=1, max_size=4), st.floats(0, 1))
def test_plain_sketches_merge_to_the_same_quantiles(sketches: list[Any], share: float) -> None:
    whole = sketched([])
    for one in sketches:
        whole.merge(one)
    found = sketch_of([form_of(one) for one in sketches])
    assert (found.count, found.bins) == (whole.count, whole.bins)
    if found.count:
        assert found.quantile(share) == whole.quantile(share) == found.quantiles(0.5, share)[1]


GROUPS = st.lists(st.lists(st.lists(dyadic, min_size=1, max_size=8).map(sketched), max_size=3), max_size=5)


@given(GROUPS)
def test_percentiles_of_many_groups_at_once_are_those_of_each(groups: list[list[Any]]) -> None:
    shares = (0.0, 0.5, 0.95, 0.99, 1.0)
    whole = [merged(group) for group in groups]
    found = percentiles([[form_of(one) for one in group] for group in groups], shares)
    assert found == [one.quantiles(*shares) if one.count else None for one in whole]
