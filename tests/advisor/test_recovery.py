"""Does the target come back? Runs whose truth is known: second by second, and as whole files with their report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.advising import advise
from advisor.measured.measure import JUDGED, measure
from advisor.measured.recovery import HOLD, Recovery, recoveries
from advisor.measured.seconds import Second
from advisor.pages.aftermath import outcome
from advisor.pages.summary import summary
from advisor.reports import write_reports
from loadtests.results import Footer, Line, Note, Players, Requests, Window
from loadtests.run import Run, RunWriter, read_run
from loadtests.scenario import Budgets
from tests.advisor.runs import Town, lines

LENGTH = 150
BEGINS, ENDS = 50.0, 60.0


def second(at: int, *, health: float = 1.0, viewers: int = 400, planned: float = 400.0) -> Second:
    """One second of 400 viewers; ``health`` 1 is well, 0 serves nobody. Each failed request comes again."""
    good = round(400 * health)
    return Second(
        at=at,
        phase="warm_up" if at < 10 else "peak",
        viewers=viewers,
        joins=4,
        planned=planned,
        served=good + at % 3,
        failed=400 - good,
        body_bits=0.0,
        wire_bits=viewers * 2e5 * health * (1 + 0.03 * (at % 3 - 1)),
        startup_p95=0.5 + 8 * (1 - health),
        stall_ratio=0.6 * (1 - health),
        retries=400 - good,
    )


def notes(
    *, begins: float = BEGINS, ends: float | None = ENDS, index: int = 0, problem: str = "", within: float = 30.0
) -> list[Note]:
    data = {"fault": "brownout", "index": index, "planned": begins, "took": 0.0, "recover_within": within}
    first = Note(at=begins, kind="fault_begins", text="", data={**data, "problem": problem})
    return [first] if ends is None else [first, Note(at=ends, kind="fault_ends", text="", data={**data, "problem": ""})]


def judged(
    told: Iterable[Note],
    make: Callable[[int], Second],
    *,
    cut: Iterable[int] = (),
    length: int = LENGTH,
) -> tuple[Recovery, ...]:
    return recoveries([make(at) for at in range(length)], told, frozenset(cut), Budgets())


def sick(*spans: range, health: float = 0.3) -> Callable[[int], Second]:
    """A run that is well but for some seconds."""
    return lambda at: second(at, health=health if any(at in span for span in spans) else 1.0)


@pytest.mark.parametrize("lag", [0, 1, 5, 12, 25])
def test_the_time_to_recover_is_found_within_its_ends(lag: int) -> None:
    (found,) = judged(notes(), sick(range(51, 60 + lag)))
    assert found.state == "recovered"
    assert found.after is not None
    low, about, high = found.after
    assert low <= lag <= high
    assert high - low <= 6
    assert low <= about <= high
    assert found.in_time
    assert found.over == 60 + about
    assert found.worst is not None
    assert found.before is not None
    assert (found.before.retries, found.worst.retries) == (0, 280)


def test_a_target_that_never_comes_back_is_metastable_while_its_viewers_retry() -> None:
    (found,) = judged(notes(), sick(range(51, LENGTH)))
    assert found.state == "metastable"
    assert (found.over, found.watched, found.in_time) == (None, 90, False)
    assert found.last is not None
    assert found.last.retries == 280


def test_without_more_retries_than_before_it_only_fails() -> None:
    plain = sick(range(51, LENGTH))
    (found,) = judged(notes(), lambda at: plain(at).model_copy(update={"retries": 0}))
    assert found.state == "failing"


def test_a_fault_that_nobody_felt_is_said_to_be_one() -> None:
    (found,) = judged(notes(), second)
    assert found.state == "unharmed"
    assert found.after == (0.0, 0.0, 1.0)


def test_a_recovery_that_is_late_is_told_from_one_in_time() -> None:
    (found,) = judged(notes(within=10.0), sick(range(51, 85)))
    assert found.state == "recovered"
    assert not found.in_time
    assert "later than the 10 s allowed" in outcome("en", found)


def test_a_relapse_is_no_recovery_until_it_holds() -> None:
    """Well for ten seconds, then down again, as waves of retries do."""
    (found,) = judged(notes(), sick(range(51, 65), range(75, 80)))
    assert found.state == "recovered"
    assert found.over is not None
    assert found.over >= 80


@pytest.mark.parametrize(
    ("told", "make", "length", "key"),
    [
        (notes(problem="no such node"), second, LENGTH, "unknown_not_done"),
        (notes(begins=14.0, ends=20.0), second, LENGTH, "unknown_before"),
        (notes(), sick(range(51, 80)), 80, "unknown_short"),
        (notes(), sick(range(51, 140), health=0.4), 70, "unknown_short"),
        (notes(), lambda at: second(at, viewers=400 if at < 51 else 250), LENGTH, "unknown_empty"),
        (
            notes(),
            sick(range(51, 60), *(range(at, at + 1) for at in range(72, LENGTH, 14)), health=0.0),
            LENGTH,
            "unknown_unsettled",
        ),
    ],
)
def test_what_cannot_be_told_says_why(told: list[Note], make: Callable[[int], Second], length: int, key: str) -> None:
    (found,) = judged(told, make, length=length)
    assert found.state == "unknown"
    assert found.why is not None
    assert found.why.key == key


def test_a_target_that_comes_back_only_when_the_load_goes_is_metastable() -> None:
    """The plan falls to half at second 110, and only then all is well: judged is what was before."""
    ill = sick(range(51, 112))
    (found,) = judged(notes(), lambda at: ill(at).model_copy(update={"planned": 400.0 if at < 110 else 200.0}))
    assert (found.state, found.watched) == ("metastable", 50)


def test_seconds_that_the_generator_spoiled_count_for_nothing() -> None:
    ill = sick(range(51, 66), range(80, 100))
    (found,) = judged(notes(), ill, cut=range(80, 105))
    assert found.state == "recovered"
    assert found.after is not None
    assert found.after[0] <= 6 <= found.after[2]
    (blind,) = judged(notes(), second, cut=range(55, LENGTH))
    assert blind.state == "unknown"


def test_two_faults_at_once_are_judged_as_one_and_later_ones_apart() -> None:
    told = [*notes(), *notes(begins=55.0, ends=65.0, index=1), *notes(begins=100.0, ends=None, index=2)]
    first, last = judged(told, sick(range(51, 68), range(101, 104)))
    assert (first.fault, first.begins, first.ends) == ("brownout + brownout", 50.0, 65.0)
    assert first.state == last.state == "recovered"
    assert (last.begins, last.ends) == (100.0, 100.0)


def test_a_fault_into_a_target_that_is_still_down_cannot_be_judged() -> None:
    told = [*notes(), *notes(begins=100.0, ends=105.0, index=1)]
    first, last = judged(told, sick(range(51, LENGTH)))
    assert first.state == "metastable"
    assert last.why is not None
    assert last.why.key == "unknown_earlier"


def test_notes_of_others_and_broken_ones_are_no_faults() -> None:
    strange = [
        Note(at=50.0, kind="fault_begins", text="", data={"fault": 1}),
        Note(at=50.0, kind="fault_ends", text="", data=notes()[0].data),
        Note(at=50.0, kind="worker_lost", text="", data={}),
    ]
    assert judged(strange, second) == ()


# -- whole runs and their reports -----------------------------------------------------------------------------------

STORM = Town(seed=5, egress=400e6, baseline=250, peak=300, quiet=20, ramp=10, hold=110)
"""A stage that is never near its limit: what fails, fails for the fault. The peak lasts from second 38 to 148."""


def stormy(town: Town, until: int) -> Iterable[Line]:
    """The town's run with a fault from second 60 to 70, after which half of all requests fail until ``until``."""
    for line in lines(town):
        yield ill(line) if isinstance(line, Window) and 60 <= line.at < until else line
    yield from notes(begins=60.0, ends=70.0)


def ill(window: Window) -> Window:
    requests = {kind: refused(sums) for kind, sums in window.requests.items()}
    lost = window.players.play_seconds / 2
    stalls = {"play_seconds": lost, "stall_seconds": window.players.stall_seconds + lost, "reconnects": 9}
    players = Players.model_validate({**window.players.model_dump(), **stalls})
    return window.model_copy(update={"requests": requests, "players": players})


def refused(sums: Requests) -> Requests:
    half = sums.count // 2
    return sums.model_copy(update={"errors": {"http_5xx": half}, "bytes": sums.bytes // 2, "retries": half})


def run_of(town: Town, until: int, folder: Path) -> Run:
    with RunWriter(folder) as writer:
        writer.write(stormy(town, until))
        end = {"complete": True, "ending": "finished", "at": 158, "workers_expected": 1, "workers_heard": 1}
        writer.write([Footer.model_validate({**end, "totals": writer.totals})])
    return read_run(folder)


@pytest.fixture(scope="module")
def down(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(STORM, 10_000, tmp_path_factory.mktemp("down"))


@pytest.fixture(scope="module")
def back(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(STORM, 78, tmp_path_factory.mktemp("back"))


def test_the_report_says_metastable_in_both_languages(down: Run, tmp_path: Path) -> None:
    advice = advise([down])
    (fault,) = advice.runs[0].faults
    assert fault.state == "metastable"
    assert advice.warnings[0].key == "warn_metastable"
    assert "brownout at second 60: METASTABLE" in summary(advice, "en")
    assert "亚稳态故障" in summary(advice, "zh")
    for lang, said in (("en", "METASTABLE: still failing"), ("zh", "亚稳态故障")):
        files = {path.name: path.read_text(encoding="utf-8") for path in write_reports(advice, tmp_path / lang, lang)}
        assert said in files["report.html"]
        assert said in files["report.md"]
        assert '"state": "metastable"' in files["advice.json"]
        assert files["report.html"].count('<rect class="fault"') >= 8


def test_the_report_says_how_long_it_took(back: Run) -> None:
    advice = advise([back])
    (fault,) = advice.runs[0].faults
    assert fault.state == "recovered"
    assert fault.after is not None
    assert fault.after[0] <= 8 <= fault.after[2]
    assert "recovered" in summary(advice)


def test_what_a_fault_did_is_not_taken_for_the_capacity_of_the_target(back: Run) -> None:
    """Seconds from its beginning until it was over are left out; without the notes they pass for an overload."""
    told = advise([back])
    assert not told.capacities.saturated
    silent = replace(back, notes=())
    seconds = {one.at for one in measure([back]).whole(JUDGED)}
    assert {one.at for one in measure([silent]).whole(JUDGED)} - seconds >= set(range(60, 78))
    assert told.verdict.first is not None, "the verdict still says that viewers suffered"


def test_hold_is_longer_than_the_longest_wait_of_hls_js() -> None:
    assert HOLD >= 2 * 8
