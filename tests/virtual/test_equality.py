"""One visit on the scripted driver of tests/viewer and in virtual time, against the same origin: the same story."""

from __future__ import annotations

import pytest

from loadtests.players.hls_js import HlsJs
from loadtests.protocols.hls import Hls
from loadtests.session import Failed, Get, Got, Session, Tally, Viewer
from loadtests.virtual.content import Content
from loadtests.virtual.loop import Loop, Way
from loadtests.virtual.mile import Remembered, carry, finish
from loadtests.virtual.origin import EVERYWHERE, Origin, OriginPlan
from loadtests.virtual.sampling import Sums
from tests.viewer.driver import Diary, Driver
from tests.virtual.worlds import EPOCH, STREAM

URL = "http://stage.test/live/master.m3u8"
LATENCY = 0.05
WHO = Viewer(0, "id", "mobile", "middle", URL, join_at=0.3, leave_at=40.0, epoch=EPOCH)


def in_virtual_time(viewer: Viewer, plan: OriginPlan, way: Way | None = None) -> tuple[Diary, Loop]:
    loop: Loop
    diary = Diary(lambda: loop.now)

    def watch(who: Viewer, _: Tally) -> Session:
        return Hls().watch(who, HlsJs(), diary)

    loop = Loop([viewer], watch, Origin(plan, 1), Content(STREAM, URL, EPOCH), Sums(1), way or Way())
    loop.run_until(60.0)
    return diary, loop


def test_the_story_is_that_of_the_scripted_driver() -> None:
    content = Content(STREAM, URL, EPOCH)

    def origin(get: Get, at: float) -> Got | Failed:
        answer = content.answer(get.url, at + LATENCY)
        body = answer.body if get.read else b""
        return Got(at + LATENCY, at, get.url, answer.status, answer.size, body, "", at + LATENCY)

    driver = Driver(origin)
    told = Diary(lambda: driver.now)
    driver.run(Hls().watch(WHO, HlsJs(), told))
    found, loop = in_virtual_time(WHO, OriginPlan(latency=LATENCY))
    assert found.lines == told.lines
    assert found.latencies == told.latencies
    assert loop.asked == len(driver.requests)


class Steady:
    """A last mile that never changes."""

    def __init__(self, rate: float, trip: float) -> None:
        self._rate, self._trip = rate, trip

    def rate(self, second: int) -> float:
        return self._rate if second % 10 else 0.0

    def round_trip(self, request: int) -> float:
        return self._trip if request >= 0 else 0.0


def test_a_slow_last_mile_starts_later_and_stalls() -> None:
    quick, _ = in_virtual_time(WHO, OriginPlan(nodes={EVERYWHERE: 1}))
    way = Way(deliver=lambda _: Remembered(Steady(150_000.0, 0.2)))
    slow, _ = in_virtual_time(WHO, OriginPlan(nodes={EVERYWHERE: 1}), way)
    assert [line[0] for line in quick.lines] == ["joined", "started", "left"]
    assert slow.seconds["waiting"] > quick.seconds["waiting"] + 2
    assert slow.seconds.get("stalled", 0.0) > 1


def test_a_response_takes_as_long_as_its_last_mile_needs() -> None:
    """A million bits from second 1.5 on at 400 kbit/s; second 10 brings nothing."""
    mile = Remembered(Steady(400_000.0, 0.1))
    assert finish(mile, 1.5, 125_000) == pytest.approx(4.0)
    assert finish(mile, 9.5, 125_000) == pytest.approx(13.0)
    assert carry.__doc__


def test_the_playlists_are_those_of_the_stage() -> None:
    from loadtests.staging.media import load
    from loadtests.staging.site import Site

    content, site = Content(STREAM, URL, EPOCH), Site(load())
    for path in ("/live/master.m3u8", "/live/low/index.m3u8"):
        reply = site.answer("GET", path, EPOCH + 11.5)
        assert content.answer(f"http://stage.test{path}", 11.5).body == reply.body
    number = int((EPOCH + 11.5 - 1_735_689_600) // 2) - 1
    for name in (f"/live/high/{number}.ts", f"/live/low/{number - 5}.ts", f"/live/low/{number + 1}.ts"):
        answer = content.answer(f"http://stage.test{name}", 11.5)
        reply = site.answer("GET", name, EPOCH + 11.5)
        assert answer.status == reply.status
        assert answer.status == 404 or answer.size == len(reply.body)
