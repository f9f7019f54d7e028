"""What cannot carry an answer is refused with the reason; warm-up and invalid seconds are cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from advisor.advising import advise
from advisor.measured.measure import INVALID_LIMIT, JUDGED, LOADED, measure
from advisor.measured.seconds import Fold, Second
from loadtests.errors import CannotMeasure, InputError, RunError
from loadtests.results import Gap, Players, Requests, Window
from loadtests.run import Run, read_run
from loadtests.scenario import Budgets
from loadtests.sketch import Sketch
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town, write

SMALL = Town(seed=9, baseline=20, peak=40, quiet=12, ramp=10, hold=15, fall=3)


def sketch(value: float, times: int) -> Sketch:
    made = Sketch()
    made.add(value, times)
    return made


def second(players: Players = Players(), **requests: Requests) -> Second:  # noqa: B008 - frozen
    window = Window.model_validate({"at": 0, "region": "id", "cohort": "a", "requests": requests, "players": players})
    return Fold(Budgets(), lambda at: 7.0).add(0, "peak", [window])


def test_needs_a_run() -> None:
    with pytest.raises(InputError, match="no run given"):
        measure([])


def test_refuses_a_run_without_a_footer_and_accepts_it_with_a_warning(tmp_path: Path) -> None:
    run = read_run(write(SMALL, tmp_path, footer=False))
    with pytest.raises(CannotMeasure, match="no proper end") as refusal:
        measure([run])
    assert refusal.value.exit_code == 3
    assert "--accept-unfinished" in refusal.value.hint
    assert advise([run], {"id": 60}, accept_unfinished=True).warnings[0].key == "unfinished_cut"


def test_refuses_an_interrupted_run(make: Maker) -> None:
    run = make(replace(SMALL, ending="interrupted"))
    with pytest.raises(CannotMeasure, match="interrupted"):
        measure([run])
    assert measure([run], accept_unfinished=True).warnings[0].key == "unfinished_ending"


def test_a_line_cut_in_the_middle_is_bad_input_unless_accepted(tmp_path: Path) -> None:
    path = write(SMALL, tmp_path, footer=False)
    path.write_bytes(path.read_bytes()[:-20])
    run = read_run(path)
    with pytest.raises(RunError, match="cut in the middle") as refusal:
        measure([run])
    assert refusal.value.exit_code == 2
    assert measure([run], accept_unfinished=True).warnings


def test_cuts_the_seconds_in_which_any_generator_was_the_limit(make: Maker) -> None:
    town = replace(SMALL, hold=40, busy=range(35, 37))
    found = measure([make(town)])
    assert not {35, 36} & {one.at for one in found.whole(JUDGED)}
    assert {34, 37} <= {one.at for one in found.whole(JUDGED)}
    assert [warning.key for warning in found.warnings] == ["warn_invalid_cpu"]


def test_cuts_a_gap_from_the_regions_whose_viewers_were_missing(make: Maker) -> None:
    """And from the whole; the others' seconds stand."""
    run = make(replace(SMALL, hold=40))
    assert run.footer is not None
    code, *others = run.header.scenario.regions
    gap = Gap(worker="w1", regions=(code,), since=35, until=37, viewers={code: 9})
    found = measure([replace(run, footer=run.footer.model_copy(update={"gaps": (gap,)}))])
    for region in ("", code):
        seconds = found.region(region, JUDGED) if region else found.whole(JUDGED)
        assert not {35, 36} & {one.at for one in seconds}
        assert {34, 37} <= {one.at for one in seconds}
    assert all({35, 36} <= {one.at for one in found.region(other, JUDGED)} for other in others)
    (warning,) = found.warnings
    assert warning.key == "warn_invalid_rehomed"


def test_refuses_a_run_that_measured_its_generator(make: Maker) -> None:
    with pytest.raises(CannotMeasure, match="core: 99%") as refusal:
        measure([make(replace(SMALL, busy=range(20, 45)))])
    assert f"{INVALID_LIMIT:.0%}" in refusal.value.message
    assert refusal.value.exit_code == 3


def test_refuses_a_run_that_never_reached_its_ramp(tmp_path: Path) -> None:
    run = read_run(write(SMALL, tmp_path))
    early = tuple(window for window in run.windows if window.at < 10)
    cut = Run(run.header, early, run.generators, run.notes, None)
    with pytest.raises(CannotMeasure, match="no second of its ramp or peak"):
        measure([cut], accept_unfinished=True)


def test_cuts_warm_up_and_recovery(make: Maker) -> None:
    found = measure([make(SMALL)])
    assert {one.phase for one in found.whole(LOADED)} == {"baseline", "ramp", "peak"}
    assert min(one.at for one in found.whole(LOADED)) == SMALL.warm_up


def test_regions_add_up_to_the_whole(make: Maker) -> None:
    found = measure([make(SMALL)])
    for at, whole in enumerate(found.runs[0].whole):
        parts = [series[at] for series in found.runs[0].regions.values()]
        assert whole.viewers == sum(part.viewers for part in parts)
        assert whole.served == sum(part.served for part in parts)
        assert whole.wire_bits == pytest.approx(sum(part.wire_bits for part in parts), rel=0.02)


def test_runs_of_different_events_are_not_pooled(make: Maker) -> None:
    with pytest.raises(InputError, match="regions"):
        measure([make(SMALL), make(replace(SMALL, shares={"id": 1.0}))])


def test_repeated_runs_are_pooled_without_bridging(make: Maker) -> None:
    both = measure([make(SMALL), make(replace(SMALL, seed=SMALL.seed))])
    one = measure([make(SMALL)])
    assert len(both.whole(JUDGED)) == 2 * len(one.whole(JUDGED))
    assert len({second.at for second in both.whole(JUDGED)}) == len(both.whole(JUDGED))


def test_a_refusal_is_not_service() -> None:
    found = second(segment=Requests(count=10, errors={"http_5xx": 4}, bytes=6000, head_bytes=1000, refused_bytes=460))
    assert (found.served, found.failed) == (6, 4)
    assert found.wire_bits == pytest.approx(8 * (6000 + 1000 - 460))
    assert found.error_ratio == 0.4


def test_what_the_end_of_the_run_cut_off_is_neither_good_nor_bad() -> None:
    found = second(segment=Requests(count=10, cancelled=3, bytes=7000))
    assert (found.served, found.failed, found.error_ratio) == (7, 0, 0)


@pytest.mark.parametrize(
    ("samples", "broken"),
    [
        (19, ()),  # less than one sample above a p95: not judged
        (20, ("segment_p95",)),
    ],
)
def test_a_percentile_is_judged_from_twenty_samples_on(samples: int, broken: tuple[str, ...]) -> None:
    assert second(segment=Requests(count=samples, total=sketch(1.5, samples))).broken == broken


def test_one_failure_is_an_event_two_are_a_rate() -> None:
    assert second(segment=Requests(count=30, errors={"timeout": 1})).broken == ()
    assert second(segment=Requests(count=30, errors={"timeout": 2})).broken == ("error_ratio",)


def test_stalls_are_judged_against_time_played_or_stalled() -> None:
    assert second(Players(viewers=50, play_seconds=49.6, stall_seconds=0.4)).broken == ()
    assert second(Players(viewers=50, play_seconds=49.4, stall_seconds=0.6)).broken == ("stall_ratio",)


def test_an_empty_second_says_nothing() -> None:
    found = second()
    assert (found.ttfb, found.total, found.bitrate, found.live_latency, found.startup_p95) == (None,) * 5
    assert (found.stall_ratio, found.error_ratio, found.broken) == (0, 0, ())


def test_viewers_who_gave_up_were_still_asked_for() -> None:
    assert second(Players(viewers=3)).offered == 7
    assert second(Players(viewers=9)).offered == 9


def test_a_second_says_who_had_had_enough() -> None:
    assert second(Players(abandonments={"stalls": 3})).abandoned == {"stalls": 3}
