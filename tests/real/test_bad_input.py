"""What a user can get wrong, through the real command line: exit code 2, one helpful message, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from loadtests.run import RUN_FILE
from tests.real.processes import Started, fresh_port, locust, surgecast
from tests.real.scenarios import QUICK, REGIONS, plan, write
from tests.real.targets import Unfit, self_signed, unfit

pytestmark = pytest.mark.slow

BAD_INPUT: Final = 2
QUICKLY: Final = 12.0
"""Seconds until the message must be there: twice what Python and Locust take to start on two busy cores."""


class Place:
    """Where the cases play: a plain and a TLS server, and a port where nobody listens."""

    def __init__(self, plain: Unfit, tls: Unfit) -> None:
        self.plain, self.tls = plain, tls
        self.nobody = fresh_port()


Make = Callable[[Place], dict[str, object]]
"""Makes the scenario of a case."""


def at(path: str, **changes: object) -> Make:
    return lambda place: plan(place.plain.url(path), **changes)


def secure(place: Place) -> dict[str, object]:
    return plan(place.tls.url("/live.m3u8"))


def nobody(place: Place) -> dict[str, object]:
    return plan(f"http://127.0.0.1:{place.nobody}/live.m3u8")


def nowhere(place: Place) -> dict[str, object]:
    return plan("http://nowhere.invalid/live.m3u8")


@dataclass(frozen=True, slots=True)
class Case:
    """One mistake. ``says`` are parts of the message in order: where, what was found or expected, and the remedy."""

    name: str
    sentence: str
    make: Make
    says: tuple[str, ...]
    words: tuple[str, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)
    """What the server must have been asked, by path."""
    plain: bool = False
    """Through ``locust`` instead of ``surgecast load``."""


CASES: Final = (
    Case(
        "unknown key",
        "A key that no scenario has is named with the value it was given.",
        at("/a.m3u8", colour="blue"),
        ("scenario.yaml: colour: ", "unknown key, found 'blue'", "→ docs/scenarios.md"),
    ),
    Case(
        "wrong unit",
        "A duration in another unit is named with the units there are.",
        at("/a.m3u8", surge={**QUICK, "hold": "3 parsecs"}),
        ("scenario.yaml: surge", "hold", "3 parsecs", "→ docs/scenarios.md"),
    ),
    Case(
        "shares",
        "Shares that are no whole say what they add up to.",
        at("/a.m3u8", regions={"id": REGIONS["id"]}),
        ("scenario.yaml: ", "shares must add up to 100%", "60%", "→ docs/scenarios.md"),
    ),
    Case(
        "not a playlist",
        "A web page is quoted where a playlist was expected.",
        at("/page.html"),
        ("/page.html: not an HLS playlist", "'<html>not a pla", "#EXTM3U", "→ target.url must be"),
        plain=True,
    ),
    Case(
        "video on demand",
        "A playlist with an end is no live stream.",
        at("/vod.m3u8"),
        ("/vod.m3u8: video on demand (EXT-X-ENDLIST)", "not a live stream", "→ ", "surgecast stage"),
        plain=True,
    ),
    Case(
        "empty playlist",
        "A playlist without segments means that the encoder has not begun.",
        at("/empty.m3u8"),
        ("/empty.m3u8: an empty playlist: no segments yet", "→ start the encoder"),
        plain=True,
    ),
    Case(
        "redirect loop",
        "Redirects are followed a few times only.",
        at("/loop.m3u8"),
        ("/loop.m3u8: more than 5 redirects", "→ give the final address"),
        requests={"/loop.m3u8": 6},
        plain=True,
    ),
    Case(
        "forbidden",
        "A 403 is passed on: viewers would see the same.",
        at("/forbidden.m3u8"),
        ("/forbidden.m3u8: answered 403 where 200 was expected", "→ ", "token and allow-list"),
        requests={"/forbidden.m3u8": 1},
    ),
    Case(
        "bad certificate",
        "A certificate that nobody signed is refused, and there is no switch to accept it.",
        secure,
        ("/live.m3u8: TLS failed: self-signed certificate", "→ ", "target.ca_file"),
        plain=True,
    ),
    Case(
        "unresolvable",
        "A name that does not exist is named with the override there is.",
        nowhere,
        ("http://nowhere.invalid/live.m3u8: cannot be resolved: nowhere.invalid", "→ ", "--resolve"),
    ),
    Case(
        "refused connection",
        "A port where nobody listens.",
        nobody,
        ("/live.m3u8: cannot connect", "refused", "→ start the server"),
        plain=True,
    ),
    Case(
        "unclaimed",
        "Load on a target that nobody claims is an attack: not one request is sent.",
        at("/unclaimed.m3u8", target={"owner": ""}),
        ("nobody claims the target http://localhost:", "no request was sent", "→ ", "--i-own-this-target"),
        requests={"/unclaimed.m3u8": 0},
    ),
    Case(
        "unclaimed by option",
        "A target given by option loses the owner that the scenario names.",
        at("/unclaimed.m3u8"),
        ("nobody claims the target http://localhost:", "no request was sent", "→ ", "--i-own-this-target"),
        words=("--target", "http://localhost:9/other.m3u8"),
        requests={"/unclaimed.m3u8": 0},
    ),
    Case(
        "with workers",
        "The same message, once, where worker processes were asked for.",
        at("/forbidden.m3u8?workers"),
        ("/forbidden.m3u8?workers: answered 403 where 200 was expected", "→ "),
        words=("--processes", "2"),
    ),
)


class Outcome:
    """What a command did, read when it has ended."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        with Started(command, folder) as started:
            self.code = started.wait(40)
            started.until_gone(5)
        self.stdout, self.stderr = started.stdout, started.stderr
        self.seconds = started.lasted


class Attempts:
    """Runs every case, two at a time, and keeps the outcomes by name."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        surgecast()  # skips where there is no command
        with ThreadPoolExecutor(2) as pool:
            outcomes = pool.map(lambda case: self._run(case, folder / case.name.replace(" ", "-")), CASES)
            self.outcomes = dict(zip((case.name for case in CASES), outcomes, strict=True))

    def _run(self, case: Case, folder: Path) -> Outcome:
        scenario = write(folder, case.make(self.place))
        words = ["--headless", "--logfile", folder / "locust.log", "--scenario"] if case.plain else ["load"]
        command = locust if case.plain else surgecast
        return Outcome(folder, command(*words, scenario, "--out", folder / "run", *case.words))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with unfit() as plain, unfit(self_signed(tmp_path_factory.mktemp("tls"))) as tls:
        yield Place(plain, tls)


@pytest.fixture(scope="module")
def attempts(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Attempts:
    return Attempts(place, tmp_path_factory.mktemp("cases"))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_mistake_is_told_once_with_its_remedy(case: Case, attempts: Attempts) -> None:
    outcome = attempts.outcomes[case.name]
    assert outcome.code == BAD_INPUT, outcome.stderr
    assert_one_message(outcome.stderr, case.says)
    assert outcome.stdout == ""
    assert not (outcome.folder / "run").exists(), "a run folder was left behind"
    assert outcome.seconds < QUICKLY
    assert all(attempts.place.plain.asked[path] == times for path, times in case.requests.items())


def assert_one_message(stderr: str, says: tuple[str, ...]) -> None:
    """One line with what is wrong, one with what to do, and no more."""
    told = stderr.splitlines()
    assert len(told) == 2, stderr
    assert told[0].startswith("surgecast: ")
    assert told[1].startswith("  → ")
    position = 0
    for part in says:
        assert part in stderr[position:], f"{part!r} is missing in: {stderr}"
        position = stderr.index(part, position) + len(part)


def test_a_run_is_never_overwritten(place: Place, tmp_path: Path) -> None:
    """The folder may exist, a run in it may not; it stays as it is."""
    run = tmp_path / "run"
    run.mkdir()
    (run / RUN_FILE).write_text("somebody's run\n", encoding="utf-8")
    scenario = write(tmp_path, plan(place.plain.url("/seen.m3u8")))
    outcome = Outcome(tmp_path, surgecast("load", scenario, "--out", run))
    assert outcome.code == BAD_INPUT
    assert_one_message(outcome.stderr, ("run: there is a run here already", "never overwritten", "→ give another"))
    assert not place.plain.asked["/seen.m3u8"]
    assert (run / RUN_FILE).read_text(encoding="utf-8") == "somebody's run\n"
    assert list(run.iterdir()) == [run / RUN_FILE]


def test_more_viewers_than_open_files_are_refused(place: Place, tmp_path: Path) -> None:
    """40 viewers and the files beside them are more than 120; nothing but the look reaches the target."""
    scenario = write(tmp_path, plan(place.plain.url("/live.m3u8?files")))
    limited = ["sh", "-c", 'ulimit -n 120 && exec "$@"', "sh"]
    outcome = Outcome(tmp_path, [*limited, *surgecast("load", scenario, "--out", tmp_path / "run")])
    assert outcome.code == BAD_INPUT, outcome.stderr
    assert_one_message(
        outcome.stderr, ("the peak needs ", "open files", "may have 120", "→ ", "ulimit -n", "--processes")
    )
    assert not (tmp_path / "run").exists()
    assert place.plain.asked["/live.m3u8?files"] == 1


def test_plain_locust_refuses_an_unclaimed_target_too(place: Place, tmp_path: Path) -> None:
    """The guard is in the locustfile, not only in our command. Locust's own log goes elsewhere."""
    before = place.plain.asked.total()
    scenario = write(tmp_path, plan(place.plain.url("/live.m3u8"), target={"owner": ""}))
    words = ["--headless", "--logfile", tmp_path / "locust.log", "--scenario", scenario]
    outcome = Outcome(tmp_path, locust(*words))
    assert outcome.code == BAD_INPUT
    assert_one_message(outcome.stderr, ("nobody claims the target", "→ ", "--i-own-this-target"))
    assert place.plain.asked.total() == before
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", [locust, surgecast], ids=["locust", "surgecast"])
def test_no_load_without_a_record(command: Callable[..., list[str]], place: Place, tmp_path: Path) -> None:
    """Where the run cannot be written, no viewer is sent."""
    scenario = write(tmp_path, plan(place.plain.url("/live.m3u8?record")))
    words = ["load", scenario] if command is surgecast else ["--headless", "--only-summary", "--scenario", scenario]
    outcome = Outcome(tmp_path, command(*words, "--out", scenario / "run"))
    assert outcome.code == BAD_INPUT
    assert "Traceback" not in outcome.stderr
    assert outcome.stderr.count("surgecast: ") == 1
    assert "scenario.yaml/run: the run cannot be written: Not a directory" in outcome.stderr
    assert place.plain.asked["/live.m3u8?record"] <= 2, "only the preflight asked"
