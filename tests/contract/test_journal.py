"""The journal: seconds in order, whole where everybody tells of them, honest where somebody does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.errors import RunError
from loadtests.journal import SILENCE, Journal, header, redacted, run_id
from loadtests.results import GAP_LIMIT, Ending, Gap, Generator, Line, Window
from loadtests.run import Run, read_run
from loadtests.scenario import BUNDLED, read_scenario
from loadtests.target import OwnTarget
from tests.contract.lines import STARTED, a_window

SCENARIO = read_scenario(BUNDLED)
CARRIED = {"w0": ("id", "in"), "w1": ("id", "in")}


class Seen:
    """What an observer was told."""

    def __init__(self) -> None:
        self.seconds: list[tuple[int, int]] = []

    def __call__(self, second: int, windows: list[Window], generators: list[Generator]) -> None:
        count = sum(window.requests["segment"].count for window in windows)
        self.seconds.append((second, count))


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def journal(tmp_path: Path, seen: Seen) -> Iterator[Journal]:
    made = Journal(tmp_path / "run", SCENARIO, STARTED.timestamp(), ("w0", "w1"), seen, CARRIED)
    made.open()
    yield made
    if not made._closed:
        made.close("failed", 0.0)


def second(at: int, worker: str, count: int = 3) -> list[Line]:
    return [a_window(at, count=count), Generator(at=at, worker=worker, cpu=0.5)]


def run_of(journal: Journal) -> Run:
    return read_run(journal.folder)


def test_seconds_are_written_in_order_once_both_workers_told_of_them(journal: Journal, seen: Seen) -> None:
    journal.collect("w0", 2, [*second(0, "w0"), *second(1, "w0")], 2.0)
    assert seen.seconds == []
    journal.collect("w1", 1, second(0, "w1", count=4), 2.0)
    assert seen.seconds == [(0, 7)]
    journal.collect("w1", 2, second(1, "w1", count=4), 3.0)
    assert seen.seconds == [(0, 7), (1, 7)]
    run = run_of(journal)
    assert [window.at for window in run.windows] == [0, 1]
    assert [(line.at, line.worker) for line in run.generators] == [(0, "w0"), (0, "w1"), (1, "w0"), (1, "w1")]
    assert run.header.workers == 2


def test_a_whole_run_ends_with_a_footer_whose_totals_hold(journal: Journal) -> None:
    for worker in ("w0", "w1"):
        journal.collect(worker, 2, [*second(0, worker), *second(1, worker)], 2.0, last=True)
    assert journal.awaited == []
    footer = journal.close("finished", 2.5)
    assert (footer.complete, footer.ending, footer.workers_heard) == (True, "finished", 2)
    assert footer.totals.requests == {"segment": 12}
    assert run_of(journal).footer == footer


@pytest.mark.parametrize(
    ("ending", "complete"),
    [("finished", True), ("run_time", True), ("interrupted", False), ("stopped", False), ("failed", False)],
)
def test_only_a_planned_end_is_complete(ending: Ending, complete: bool, journal: Journal) -> None:
    for worker in ("w0", "w1"):
        journal.collect(worker, 1, second(0, worker), 1.0, last=True)
    footer = journal.close(ending, 1.0)
    assert (footer.complete, footer.ending) == (complete, ending)


def test_a_silent_worker_is_noted_as_lost_and_no_longer_waited_for(journal: Journal, seen: Seen) -> None:
    journal.collect("w1", 1, second(0, "w1"), 1.0)
    for now in range(1, 10):
        journal.collect("w0", now, second(now - 1, "w0"), float(now))
    assert [at for at, _ in seen.seconds] == list(range(9))
    journal.collect("w0", 10, second(9, "w0"), 10.0, last=True)
    footer = journal.close("finished", 10.0)
    assert (footer.complete, footer.ending, footer.workers_heard) == (False, "worker_lost", 1)
    (note,) = run_of(journal).notes
    assert (note.kind, note.data) == ("worker_lost", {"worker": "w1", "regions": ["id", "in"], "since": 1})
    assert note.at == pytest.approx(1 + SILENCE, abs=1)


def test_a_worker_that_never_reports_is_lost_too(journal: Journal) -> None:
    journal.collect("w0", 7, second(6, "w0"), SILENCE + 0.1)
    assert [note.data["worker"] for note in run_of(journal).notes] == ["w1"]


def test_when_all_are_silent_what_they_told_is_written(journal: Journal, seen: Seen) -> None:
    journal.collect("w0", 1, second(0, "w0"), 1.0)
    journal.flush(1.0 + 2 * SILENCE)
    assert [at for at, _ in seen.seconds] == [0]
    assert len(run_of(journal).notes) == 2


def test_a_lost_worker_that_reports_again_is_heard_up_to_the_second_in_which_others_took_over(
    journal: Journal, seen: Seen
) -> None:
    """What it missed comes late and is merged by the reader; later seconds would count its viewers twice."""
    journal.collect("w0", 7, second(0, "w0"), 7.0)
    assert seen.seconds == [(0, 3)]
    assert journal.lost == {"w1": 0}
    journal.collect("w1", 8, [*second(0, "w1", count=4), *second(6, "w1"), *second(7, "w1")], 7.5)
    assert seen.seconds == [(0, 3), (0, 4), (6, 3)], "nobody waits for it any more"
    journal.collect("w1", 9, [], 9.0, last=True)
    journal.collect("w0", 9, second(8, "w0"), 9.0, last=True)
    footer = journal.close("finished", 9.0)
    assert (footer.complete, footer.workers_heard) == (True, 2)
    run = run_of(journal)
    assert [window.requests["segment"].count for window in run.windows] == [7, 3, 3]
    assert [note.kind for note in run.notes] == ["worker_lost", "worker_back"]


def test_a_worker_that_leaves_is_heard_to_its_end(journal: Journal, seen: Seen) -> None:
    journal.collect("w0", 4, second(3, "w0"), 4.0)
    journal.collect("w1", 3, second(2, "w1"), 4.2)
    journal.leave("w1", 4.2, "it was told to stop")
    assert journal.lost == {"w1": 4}
    journal.collect("w1", 6, second(5, "w1"), 6.1, last=True)
    journal.collect("w0", 6, second(5, "w0"), 6.2)
    assert seen.seconds[-1] == (5, 6)
    (note,) = run_of(journal).notes
    assert (note.kind, note.text) == ("worker_left", "w1 has left: it was told to stop")
    assert note.data == {"worker": "w1", "regions": ["id", "in"], "since": 4}


def a_gap(until: int, *, is_open: bool = False) -> Gap:
    return Gap(worker="w1", regions=("id", "in"), since=1, until=until, is_open=is_open)


@pytest.mark.parametrize(
    ("gap", "complete"), [(a_gap(1 + GAP_LIMIT), True), (a_gap(2 + GAP_LIMIT), False), (a_gap(9, is_open=True), False)]
)
def test_a_run_is_whole_when_a_lost_workers_viewers_were_soon_back(gap: Gap, complete: bool, journal: Journal) -> None:
    journal.collect("w1", 1, second(0, "w1"), 1.0)
    for now in range(1, 30):
        journal.collect("w0", now, second(now - 1, "w0"), float(now), last=now == 29)
    footer = journal.close("finished", 29.0, [gap])
    assert (footer.complete, footer.ending) == (complete, "finished" if complete else "worker_lost")
    assert footer.gaps == (gap,)
    assert run_of(journal).footer == footer


def test_time_in_which_we_did_not_listen_is_not_silence(journal: Journal) -> None:
    for worker in ("w0", "w1"):
        journal.collect(worker, 1, second(0, worker), 1.0)
    journal.forgive(6.0)
    journal.flush(7.5)
    assert not journal.lost
    journal.flush(7.1 + SILENCE)
    assert set(journal.lost) == {"w0", "w1"}


def test_a_worker_that_said_goodbye_is_never_lost(journal: Journal) -> None:
    journal.collect("w1", 1, second(0, "w1"), 1.0, last=True)
    for now in range(1, 20):
        journal.collect("w0", now, second(now - 1, "w0"), float(now))
    assert run_of(journal).notes == ()


def test_what_comes_after_the_end_is_not_written(journal: Journal) -> None:
    footer = journal.close("interrupted", 1.0)
    journal.collect("w0", 1, second(0, "w0"), 2.0)
    journal.note(3.0, "too_late", "nobody reads this")
    journal.flush(100.0)
    assert run_of(journal).footer == footer


def test_closing_writes_what_only_one_worker_told(journal: Journal) -> None:
    journal.collect("w0", 3, [*second(0, "w0"), *second(1, "w0"), *second(2, "w0")], 3.0)
    footer = journal.close("interrupted", 3.0)
    assert footer.totals.requests == {"segment": 9}
    assert run_of(journal).seconds == 3


def test_a_folder_that_holds_a_run_is_refused(journal: Journal) -> None:
    again = Journal(journal.folder, SCENARIO, STARTED.timestamp(), ("w0",))
    with pytest.raises(RunError, match="holds a run already"):
        again.open()


def test_what_is_secret_in_the_address_is_left_out_and_that_is_said() -> None:
    target = SCENARIO.target.model_copy(update={"url": "https://live.test/x.m3u8?token=secret#part"})
    shown, redactions = redacted(SCENARIO.model_copy(update={"target": target}))
    assert shown.target.url == "https://live.test/x.m3u8"
    assert redactions == ("target.url: query",)
    assert redacted(SCENARIO) == (SCENARIO, ())


def test_a_token_of_the_home_page_is_left_out_too() -> None:
    target = SCENARIO.target.model_copy(update={"home": "https://live.test/?session=secret"})
    shown, redactions = redacted(SCENARIO.model_copy(update={"target": target}))
    assert shown.target.home == "https://live.test/"
    assert redactions == ("target.home: query",)


def test_a_regions_own_target_is_shown_without_its_secrets() -> None:
    own = OwnTarget(url="https://id.test/x.m3u8?token=secret", ca_file="/home/me/ca.pem")
    regions = {**SCENARIO.regions, "id": SCENARIO.regions["id"].model_copy(update={"target": own})}
    shown, redactions = redacted(SCENARIO.model_copy(update={"regions": regions}))
    assert shown.regions["id"].target == OwnTarget(url="https://id.test/x.m3u8", ca_file="ca.pem")
    assert redactions == ("regions.id.target.url: query", "regions.id.target.ca_file: folder")


def test_a_run_is_named_by_its_start_and_its_scenario() -> None:
    assert run_id(SCENARIO, STARTED) == header(SCENARIO, STARTED, 1).run_id == f"20261205T123000Z-{BUNDLED}"
