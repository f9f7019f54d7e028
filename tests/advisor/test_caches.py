"""What caches did, read from runs whose truth is known, and what follows for the origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from advisor.advice import Advice
from advisor.advising import advise
from advisor.demands.behind import Origin
from advisor.demands.caches import LEAST_TOLD, hit_ratio, wilson
from advisor.demands.origin import OriginLoad
from advisor.measured.traffic import Row
from advisor.models import Excuse
from advisor.pages.origin_chart import curve_of, picture
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from loadtests.results import Requests, SeenStream, Window
from loadtests.run import Run
from loadtests.session import RequestKind
from loadtests.sketch import Sketch


def rows(told: list[int], spared: list[int]) -> list[Row]:
    return [Row(at, asked, 0.0, asked, kept, 0) for at, (asked, kept) in enumerate(zip(told, spared, strict=True))]


def waves(rng: np.random.Generator, seconds: int, asked: int, hit: float) -> list[Row]:
    """Misses that come in waves: half of a second's miss ratio is the last second's."""
    miss, now = 1 - hit, 1 - hit
    found: list[tuple[int, int]] = []
    for _ in range(seconds):
        now = min(1.0, max(0.0, miss + 0.5 * (now - miss) + float(rng.normal(0, 0.5 * miss))))
        count = int(rng.poisson(asked))
        found.append((count, count - int(rng.binomial(count, now))))
    return rows([count for count, _ in found], [kept for _, kept in found])


def test_the_interval_holds_the_true_hit_ratio_as_often_as_it_says() -> None:
    """Nine in ten; with misses in waves Wilson alone would hold it in half of the runs."""
    rng = np.random.default_rng(11)
    held = alone = 0
    for seed in range(200):
        seen = waves(rng, 40, 80, 0.95)
        found = hit_ratio(seen, seed)
        assert found is not None
        held += found.low <= 0.95 <= found.high
        low, high = wilson(sum(row.spared for row in seen), sum(row.told for row in seen))
        alone += low <= 0.95 <= high
    assert held >= 170
    assert alone < held


def test_nothing_missed_is_not_certainty() -> None:
    found = hit_ratio(rows([20] * 10, [20] * 10), 1)
    assert found is not None
    assert found.high == found.mid == 1
    assert found.low == pytest.approx(1 - 1.645**2 / (200 + 1.645**2), abs=1e-3)


def test_few_responses_are_no_hit_ratio() -> None:
    assert hit_ratio(rows([LEAST_TOLD - 1], [10]), 1) is None
    assert hit_ratio([], 1) is None


def test_wilson_is_wilson() -> None:
    """Newcombe (1998), table I: 81 of 263 at 95 % is 0.2553 to 0.3662; at 90 % it lies within."""
    low, high = wilson(81, 263)
    assert 0.2553 < low < 81 / 263 < high < 0.3662


HITS: dict[RequestKind, float] = {"segment": 0.97, "playlist": 0.9}


def cached(
    run: Run,
    lifetime: str = "max-age=1",
    bypass: float = 0.0,
    hits: Mapping[RequestKind, float] = HITS,
    **header: Any,
) -> Run:
    """The run as if it had gone through a cache that hit so much of each kind."""
    cache = Cache(lifetime, bypass, hits)
    windows = tuple(window.model_copy(update={"requests": cache.through(window)}) for window in run.windows)
    return replace(run, windows=windows, header=run.header.model_copy(update=header))


@dataclass
class Cache:
    """Hits a fixed share of each kind and region, give or take one request."""

    lifetime: str
    bypass: float
    hits: Mapping[RequestKind, float]
    seen: Counter[tuple[str, RequestKind]] = field(default_factory=Counter)

    def through(self, window: Window) -> dict[RequestKind, Requests]:
        found = dict(window.requests)
        for kind, share in self.hits.items():
            if kind in found:
                before = self.seen[window.region, kind]
                after = self.seen[window.region, kind] = before + found[kind].count
                passing = self.bypass if kind == "segment" else 0.0
                states = {
                    "bypass": int(after * passing) - int(before * passing),
                    "hit": int(after * (1 - passing) * share) - int(before * (1 - passing) * share),
                }
                states["miss"] = after - before - sum(states.values())
                found[kind] = found[kind].model_copy(update=self._told(kind, after - before, states))
        return found

    def _told(self, kind: RequestKind, count: int, states: dict[str, int]) -> dict[str, Any]:
        age = Sketch()
        age.add(3.0, times=max(1, count))
        return {
            "cache_states": {state: number for state, number in states.items() if number > 0},
            "cache_vendors": {"nginx": count},
            "cache_age": age,
            "lifetimes": {self.lifetime if kind == "playlist" else "max-age=31536000": count},
        }


STREAM = SeenStream(
    variants=3, target_duration=2.0, bitrates={"lowest": 3e5, "middle": 7e5, "highest": 15e5, "auto": 15e5}
)


@pytest.fixture(scope="module")
def through(saturated: Run) -> Advice:
    """The saturated run, through a cache, with its stream seen."""
    return advise([cached(saturated, streams=dict.fromkeys(saturated.header.regions, STREAM))])


def origin_of(advice: Advice, index: int = 0) -> Origin:
    found = advice.regions[index].cdn.origin
    assert isinstance(found, Origin)
    return found


def test_hit_ratios_are_those_of_the_run(through: Advice) -> None:
    for region in through.regions:
        for kind, share in HITS.items():
            hit = region.cdn.caches.kinds[kind].hit
            assert hit is not None
            assert hit.low <= share + 0.01
            assert hit.high >= share - 0.01
            assert hit.mid == pytest.approx(share, abs=0.02)
        assert region.cdn.caches.kinds["master"].hit is None
        assert set(region.cdn.caches.vendors) == {"nginx"}


def test_the_stream_is_known_from_preflight_and_counts(through: Advice) -> None:
    objects = origin_of(through).objects
    assert objects.renditions == 3
    assert objects.segment_seconds == pytest.approx(2.0, rel=0.05)
    assert objects.playlist_ttl == 1.0
    assert objects.segment_bits == pytest.approx(objects.segment_seconds * 25e5 / 3)
    assert [message.key for message in origin_of(through).inputs] == ["origin_renditions_seen", "origin_ttl_seen"]


def test_without_collapsing_the_launch_asks_the_misses_of_the_origin(through: Advice) -> None:
    region, origin = through.regions[0], origin_of(through)
    assert isinstance(origin.today, OriginLoad)
    shares = origin.shares
    missed = sum((1 - HITS.get(kind, 0.0)) * share.requests for kind, share in shares.items())
    assert origin.today.requests.mid == pytest.approx(region.demand.requests.mid * missed, rel=0.05)
    assert [at.ratio for at in origin.table] == [0.90, 0.95, 0.98, 0.99]
    assert origin.table[0].requests.mid == pytest.approx(10 * origin.table[3].requests.mid)


def test_with_collapsing_the_load_is_that_of_a_location_until_their_number_is_known(through: Advice) -> None:
    origin = origin_of(through)
    assert isinstance(origin.locations, Excuse)
    assert origin.locations.remedy.key == "remedy_locations"
    assert origin.location.requests.mid == pytest.approx(3 * (1 / 2 + 1) + 1, rel=0.05)


def with_cdn(run: Run, **settings: object) -> Run:
    scenario = run.header.scenario
    cdn = scenario.launch.cdn.model_copy(update=settings)
    launch = scenario.launch.model_copy(update={"cdn": cdn})
    return replace(
        run, header=run.header.model_copy(update={"scenario": scenario.model_copy(update={"launch": launch})})
    )


def test_settings_of_the_launch_count(saturated: Run) -> None:
    found = advise([with_cdn(cached(saturated), locations=20, shield=True, renditions=6, playlist_ttl=2.0)])
    origin = origin_of(found)
    assert (origin.objects.renditions, origin.objects.playlist_ttl) == (6, 2.0)
    assert isinstance(origin.locations, OriginLoad)
    assert origin.shielded is not None
    assert found.regions[0].cdn.planned == origin.shielded
    assert origin.shielded.requests.mid < origin.locations.requests.mid / 15
    bare = advise([with_cdn(cached(saturated), collapsing=False)])
    assert bare.regions[0].cdn.planned == origin_of(bare).today


def test_without_a_cache_there_is_no_hit_ratio_but_a_table(advice: Advice) -> None:
    origin = origin_of(advice)
    assert isinstance(origin.today, Excuse)
    assert origin.today.reason.key == "excuse_no_cache"
    assert len(origin.table) == 4
    assert not advice.regions[0].cdn.caches.is_seen
    assert "unknown" in Markdown().render(advice, "en")


@pytest.mark.parametrize(
    ("lifetime", "warning"),
    [
        ("max-age=1", None),
        ("no-store", "warn_ttl_zero"),
        ("s-maxage=0", "warn_ttl_zero"),
        ("other", None),
        ("max-age=2", "warn_ttl_stalls"),
        ("max-age=60", "warn_ttl_stalls"),
    ],
)
def test_lifetimes_that_do_harm_are_told_with_their_numbers(saturated: Run, lifetime: str, warning: str | None) -> None:
    told = advise([cached(saturated, lifetime)]).regions[0].cdn.warnings
    assert [message.key for message in told] == ([warning] if warning else [])


def test_what_if_and_origin_know_the_same_lifetime_of_a_playlist(saturated: Run) -> None:
    for lifetime, reason in (("max-age=1", None), ("max-age=4", "whatif_ttl_long"), ("no-store", "whatif_ttl_zero")):
        region = advise([cached(saturated, lifetime)]).whatif.regions[0]
        assert "playlist_ttl" not in [one.counterfactual for one in region.outcomes]
        assert [one.reason.key for one in region.excuses if one.about == "playlist_ttl"] == ([reason] if reason else [])


def test_more_than_half_a_segment_makes_viewers_late(saturated: Run) -> None:
    (message,) = advise([with_cdn(cached(saturated), playlist_ttl=1.5)]).regions[0].cdn.warnings
    assert message.key == "warn_ttl_long"
    assert message.values["mean"] == "750 ms"


def test_segments_that_no_cache_keeps_are_told(saturated: Run) -> None:
    region = advise([cached(saturated, bypass=0.2)]).regions[0]
    assert [message.key for message in region.cdn.warnings] == ["warn_segments_bypass"]
    assert isinstance(region.cdn.origin, Origin)
    floor = region.demand.requests.mid * region.cdn.origin.shares["segment"].requests * 0.2
    assert region.cdn.origin.location.requests.mid > 0.9 * floor


def test_a_low_hit_ratio_of_segments_points_at_the_cache_key(saturated: Run) -> None:
    told = advise([cached(saturated, hits={"segment": 0.3, "playlist": 0.9})]).regions[0].cdn.warnings
    assert [message.key for message in told] == ["warn_segments_miss"]
    assert "CMCD" in told[0].text


def test_runs_of_before_say_hit_or_miss(saturated: Run) -> None:
    windows = tuple(
        window.model_copy(
            update={
                "requests": {
                    kind: one.model_copy(update={"cache": {"hit": one.count}}) for kind, one in window.requests.items()
                }
            }
        )
        for window in saturated.windows
    )
    found = advise([replace(saturated, windows=windows)])
    hit = found.regions[0].cdn.caches.kinds["segment"].hit
    assert hit is not None
    assert hit.mid == 1.0


def test_the_report_shows_caches_origin_and_picture(through: Advice) -> None:
    for lang in ("en", "zh"):
        page, text = Html().render(through, lang), Markdown().render(through, lang)
        assert "nginx" in page
        assert "max-age=31536000" in page
        assert page.count('class="wide"') > len(through.regions)
        assert "97" in text


def test_the_picture_has_todays_point_on_its_curve(through: Advice, advice: Advice) -> None:
    curve = curve_of(through.regions[0].cdn)
    assert curve is not None
    assert curve.today is not None
    ratio, requests = curve.today
    assert curve.start <= ratio <= 1
    assert curve.at(ratio) == pytest.approx(requests, rel=1e-6)
    bare = curve_of(advice.regions[0].cdn)
    assert bare is not None
    assert bare.today is None
    assert picture(advice.regions[0].cdn, "en").count("<svg") == 2


def test_bit_rates_say_what_they_stand_for(through: Advice, saturated: Run) -> None:
    assert {region.cdn.bit_rate for region in through.regions} == {"ladder"}
    scenario = saturated.header.scenario
    shaped = {
        code: one.model_copy(update={"shaping": "full", "pop": "aws:ap-southeast-1"})
        for code, one in scenario.regions.items()
    }
    header = saturated.header.model_copy(update={"scenario": scenario.model_copy(update={"regions": shaped})})
    found = advise([replace(saturated, header=header)])
    assert {region.cdn.bit_rate for region in found.regions} == {"last_mile"}
