"""Laws of every visit, whatever the origin does: it ends, tells a consistent story, and never hammers."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.session import ErrorKind, Failed, Get, Got, Patience
from tests.viewer.driver import VIEWER, visit
from tests.viewer.origins import MASTER, Live, failed, got

KINDS: dict[str, dict[str, object]] = {
    "auto": {"rendition": "auto"},
    "impatient": {"patience": Patience(4.0, 3.0)},
    "homing": {"home": "https://live.test/", "over_at": 60.0},
}
REASONS: list[ErrorKind] = ["dns", "connect", "tls", "timeout", "reset", "too_large", "protocol"]
LINES = [
    "#EXTM3U",
    "#EXT-X-TARGETDURATION:1",
    "#EXT-X-TARGETDURATION:0",
    "#EXT-X-MEDIA-SEQUENCE:7",
    "#EXT-X-MEDIA-SEQUENCE:18446744073709551615",
    "#EXTINF:0.001,",
    "#EXTINF:0,",
    "#EXTINF:2.0,title",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-ENDLIST",
    "#EXT-X-PROGRAM-DATE-TIME:2030-01-01T00:00:00Z",
    '#EXT-X-MAP:URI="i.mp4"',
    '#EXT-X-KEY:METHOD=AES-128,URI="k?token=1"',
    "a.ts",
    "b.ts",
]


class Chaos:
    """An origin that mostly works, with its own dice: restarts, gaps, garbage, errors, redirects, instant and slow."""

    def __init__(self, seed: int, trouble: float) -> None:
        self.dice = Random(seed)
        self.trouble = trouble
        self.lives = [self.live() for _ in range(3)]

    def live(self) -> Live:
        dice = self.dice
        return Live(
            length=dice.choice([0.2, 1.0, 2.0, 6.0]),
            target=dice.choice([1, 2, 6]),
            window=dice.randint(1, 30),
            first=dice.choice([0, 3, 100, 10**9]),
            dates=dice.random() < 0.5,
            ends=dice.choice([5.0, 40.0, 1e9]),
            header=dice.choice(
                [
                    "",
                    '#EXT-X-MAP:URI="i.mp4?t"',
                    '#EXT-X-KEY:METHOD=AES-128,URI="k"',
                    "#EXT-X-SERVER-CONTROL:HOLD-BACK=9.5",
                ]
            ),
        )

    def __call__(self, get: Get, at: float) -> Got | Failed:
        dice = self.dice
        delay = dice.choice([0.0, 0.01, 0.3, 2.0, 15.0])
        if dice.random() >= self.trouble:
            return self.lives[int(at / 25) % 3](get, at)._replace(at=at + delay)
        match dice.randint(0, 4):
            case 0:
                return failed(get, at, delay, dice.choice(REASONS))
            case 1:
                return got(get, at, delay, dice.choice([204, 304, 403, 404, 429, 500, 503]), body=0)
            case 2:
                return got(
                    get, at, delay, 302, location=dice.choice(["/r", "file:///x", "", "https://b.test/", "http:"])
                )
            case 3:
                return got(get, at, delay, body="\n".join(["#EXTM3U", *dice.choices(LINES, k=12)]).encode())
            case _:
                return got(get, at, delay, body=dice.choice([b"", b"<html>", MASTER.encode(), b"#EXTM3U\n\xff"]))


@settings(deadline=None, max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    trouble=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    join_at=st.floats(0, 20),
    stay=st.floats(0, 90),
    until=st.floats(0, 120),
    late=st.sampled_from([0.0, 0.001, 0.7]),
    who=st.sampled_from(["steady", "auto", "impatient", "homing", "all"]),
)
def test_a_visit_tells_a_consistent_story(
    seed: int, trouble: float, join_at: float, stay: float, until: float, late: float, who: str
) -> None:
    """`Diary` asserts the order of states and times; here: who joins leaves, levels add up, nobody hammers."""
    viewer = VIEWER._replace(join_at=join_at, leave_at=join_at + stay, seed=seed)
    for name, changes in KINDS.items():
        if who in (name, "all"):
            viewer = viewer._replace(**changes)  # type: ignore[arg-type]
    story = visit(Chaos(seed, trouble), viewer, until=until, late=lambda: late)
    told = Counter(str(line[0]) for line in story.told())
    assert told["joined"] == told["left"] == (1 if story.requests else told["joined"])
    assert story.most_lanes <= 4
    assert story.diary.overdue <= late + 1e-9
    assert told["gave_up"] <= 1
    assert told["started"] <= 1
    assert told["resumed"] <= told["stalled"] <= told["resumed"] + 1
    if told["left"]:
        assert story.diary.state == "gone"
        lived = {state: story.diary.seconds.get(state, 0.0) for state in ("waiting", "playing", "stalled")}
        assert abs(sum(lived.values()) - (story.diary.last - join_at)) <= late + 1e-6
    homes = [at for at, get in story.requests if get.kind == "home"]
    assert len(homes) <= 6, "one page with up to five redirects"
    assert told["abandoned"] + told["gave_up"] <= 1
    if homes:
        assert all(at < homes[0] + 1e-9 or get.kind == "home" for at, get in story.requests)
    if viewer.rendition != "auto":  # else every segment may bring a playlist
        assert_polite([(at, get.url) for at, get in story.requests if get.kind not in ("segment", "key", "home")])


def assert_polite(asked: list[tuple[float, str]]) -> None:
    """In any second at most: two loads (half of a one-second target), each with two retries and five redirects."""
    times = [at for at, _ in asked]
    for index, at in enumerate(times):
        within = sum(1 for other in times[index:] if other < at + 1.0)
        assert within <= 3 * 3 * 6, f"{within} requests in the second from {at}"


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32), delay=st.floats(0.0, 3.0), segment_delay=st.floats(0.0, 9.0), window=st.integers(3, 9)
)
def test_a_healthy_playlist_is_reloaded_no_sooner_than_half_a_target_duration(
    seed: int, delay: float, segment_delay: float, window: int
) -> None:
    """And every segment is fetched at most once, in order, however slow they are."""
    dice = Random(seed)
    live = Live(length=dice.choice([0.5, 1.9, 2.0, 4.0]), window=window, delay=delay, segment_delay=segment_delay)
    story = visit(live, VIEWER._replace(leave_at=60.0))
    times = [at for at, get in story.requests if get.kind == "playlist"]
    assert all(later - sooner >= 1.0 - 1e-9 for sooner, later in pairwise(times))
    numbers = [int(url.removesuffix(".ts")) for url in story.urls("segment")]
    assert numbers == sorted(set(numbers))
    skipped = sum(int(str(line[2])) for line in story.told("skipped"))
    if numbers:
        assert len(numbers) + skipped >= numbers[-1] - numbers[0] + 1
