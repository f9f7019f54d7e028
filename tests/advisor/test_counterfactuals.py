"""Each change alone, on figures that can be reckoned in the head, and where it says that it cannot be said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.changes.case import Case, Changed
from advisor.changes.supposing import suppositions
from advisor.changes.whatif import answer
from advisor.counterfactuals import Counterfactual, counterfactuals
from advisor.counterfactuals.cache_hit import CacheHit
from advisor.counterfactuals.compression import Compression
from advisor.counterfactuals.jitter import Jitter
from advisor.counterfactuals.ladder import Ladder
from advisor.counterfactuals.lead_time import LeadTime
from advisor.counterfactuals.node_size import NodeSize
from advisor.counterfactuals.playlist_ttl import PlaylistTtl
from advisor.counterfactuals.segments import Segments
from advisor.counterfactuals.utilisation import Utilisation
from advisor.counterfactuals.waiting_room import WaitingRoom
from advisor.counterfactuals.zones import Zones
from advisor.demands.usage import Curve
from advisor.models import Excuse
from loadtests.errors import InputError
from tests.advisor.cases import capacity, case_of, ramp

BARE = case_of(capacity("bandwidth", 40e6))
FLAT = Curve((10_000.0,) * 60, (0.0,) * 60)
"""Nobody joins: the peak is what watching costs."""


def steady(case: Case = BARE) -> Case:
    usage = replace(case.usage, curves=(FLAT,))
    demand = case.edge.model_copy(
        update={
            "wire": case.edge.wire_per_viewer.scale(10_000),
            "requests": case.edge.requests_per_viewer.scale(10_000),
        }
    )
    return replace(case, usage=usage, edge=demand, asked=replace(case.asked, demand=demand))


def after(change: Counterfactual, case: Case | None = None) -> Case:
    found = change.apply(case or steady())
    assert isinstance(found, Changed), found
    return found.case


def test_segments_twice_as_long_halve_the_requests_and_keep_the_media() -> None:
    demand = after(Segments(seconds=4)).edge
    assert demand.requests.mid == pytest.approx(5_000)
    assert demand.wire.mid == pytest.approx(7e9 * (0.98 + 0.02 / 2))
    assert demand.wire_per_join.mid == pytest.approx(8e6)
    assert demand.requests_per_join.mid == 5.0


def test_segments_as_long_as_they_are_change_nothing() -> None:
    assert Segments(seconds=2).apply(BARE) is None


def test_a_segment_length_that_was_not_seen_is_not_guessed() -> None:
    unseen = replace(BARE, usage=replace(BARE.usage, segments=0.0))
    assert isinstance(Segments(seconds=2).apply(unseen), Excuse)


def test_without_its_top_rung_the_ladder_weighs_the_mean_of_what_is_left() -> None:
    case = after(Ladder())
    before, now = 0.5 * 300 + 0.3 * 700 + 0.2 * 1500, 0.5 * 300 + 0.5 * 700
    assert case.edge.wire.mid == pytest.approx(7e9 * (0.02 + 0.98 * now / before))
    assert case.edge.requests.mid == pytest.approx(10_000)
    assert case.usage.rungs == pytest.approx({300_000: 0.5, 700_000: 0.5})
    assert after(Ladder(without=700e3)).usage.rungs == pytest.approx({300_000: 0.8, 1_500_000: 0.2})


def test_a_rung_that_only_other_regions_played_is_the_next_one_down() -> None:
    usage = replace(BARE.usage, rungs={300_000: 0.1, 1_500_000: 0.9}, ladder=(300_000, 700_000, 1_500_000))
    assert after(Ladder(), replace(BARE, usage=usage)).usage.rungs == pytest.approx({300_000: 0.1, 700_000: 0.9})


@pytest.mark.parametrize("without", [300e3, 900e3])
def test_a_rung_that_was_not_played_or_is_the_lowest_has_an_excuse(without: float) -> None:
    assert isinstance(Ladder(without=without).apply(BARE), Excuse)


def test_a_run_that_does_not_tell_its_rungs_has_an_excuse() -> None:
    assert isinstance(Ladder().apply(replace(BARE, usage=replace(BARE.usage, rungs={}))), Excuse)


def test_a_cache_that_hits_more_leaves_the_nodes_its_misses() -> None:
    case = after(CacheHit(ratio=0.95))
    assert case.asked.demand.wire.mid == pytest.approx(7e9 / 2)
    assert case.edge.wire.mid == pytest.approx(7e9)
    assert case.usage.hit_ratio == pytest.approx(0.95)
    assert after(CacheHit()).asked.demand.wire.mid == pytest.approx(7e9 / 2)


def test_without_a_cache_in_the_run_only_a_supposed_one_is_answered_and_called_assumed() -> None:
    bare = replace(steady(), usage=replace(steady().usage, hits={}, misses={}))
    assert isinstance(CacheHit().apply(bare), Excuse)
    found = CacheHit(ratio=0.98).apply(bare)
    assert isinstance(found, Changed)
    assert found.confidence == "assumed"
    assert found.case.asked.demand.requests.mid == pytest.approx(200)


def kept(seconds: float | None, segments: float = 0.25) -> Case:
    """Segments of four seconds, and playlists that caches may keep so long."""
    return replace(steady(), usage=replace(steady().usage, playlist_ttl=seconds, segments=segments))


def test_a_playlist_kept_twice_as_long_halves_the_playlists_among_the_misses() -> None:
    case = after(PlaylistTtl(), kept(1))
    assert case.asked.demand.requests.mid == pytest.approx(10_000 * 0.7)
    assert PlaylistTtl(seconds=2).apply(case) is None
    assert after(PlaylistTtl(seconds=1), case).asked.demand.requests.mid == pytest.approx(10_000, rel=1e-6)
    unseen = replace(BARE, usage=replace(BARE.usage, misses={"segment": 4}))
    assert isinstance(PlaylistTtl(seconds=2).apply(unseen), Excuse)


@given(st.floats(0.01, 60), st.floats(0.02, 10))
def test_playlists_are_never_proposed_beyond_half_a_segment_nor_for_less_than_now(now: float, segments: float) -> None:
    case = kept(now, segments)
    match PlaylistTtl().apply(case):
        case Changed() as changed:
            ttl = changed.case.asked.launch.cdn.playlist_ttl
            assert ttl is not None
            assert now < ttl <= (case.usage.segment_seconds or 0) / 2
            assert changed.case.asked.demand.requests.mid < case.asked.demand.requests.mid
        case _:
            assert now * 1.1 >= (case.usage.segment_seconds or 0) / 2


@pytest.mark.parametrize(
    ("now", "reason"), [(None, "whatif_ttl_unknown"), (0.0, "whatif_ttl_zero"), (4.0, "whatif_ttl_long")]
)
def test_a_playlist_that_is_not_kept_or_too_long_has_an_excuse_and_no_figure(now: float | None, reason: str) -> None:
    found = PlaylistTtl().apply(kept(now))
    assert isinstance(found, Excuse)
    assert found.reason.key == reason


def test_what_the_user_or_the_launch_says_of_playlists_goes_before_what_the_run_said() -> None:
    (asked,) = suppositions(["playlist_ttl=1s>2s"], ["id"])
    assert after(asked.change, kept(4)).asked.demand.requests.mid == pytest.approx(10_000 * 0.7)
    assert after(PlaylistTtl(seconds=2), kept(4)).asked.demand.requests.mid == pytest.approx(10_000 * 1.6)
    launch = BARE.asked.launch
    said = launch.model_copy(update={"cdn": launch.cdn.model_copy(update={"playlist_ttl": 1.0})})
    assert after(PlaylistTtl(seconds=2), kept(4).launching(said)).asked.demand.requests.mid == pytest.approx(7_000)


def test_compression_saves_no_more_than_the_playlists() -> None:
    assert after(Compression()).edge.wire.mid == pytest.approx(7e9 * 0.99)
    assert after(Compression(left=0.2)).edge.wire.mid == pytest.approx(7e9 * 0.992)
    assert isinstance(Compression().apply(replace(BARE, usage=replace(BARE.usage, playlists=0.0))), Excuse)


def test_joins_over_a_minute_are_no_steeper_than_a_sixtieth() -> None:
    storm = Curve((0.0,) * 60 + (600.0,) * 120, (0.0,) * 60 + (600.0,) + (0.0,) * 119)
    case = case_of(capacity("bandwidth", 40e6), usage=replace(BARE.usage, curves=(storm,)))
    spread = after(Jitter(seconds=60), case)
    assert spread.edge.joins.mid == pytest.approx(case.edge.joins.mid / 12)  # one second of five, then ten a second
    assert spread.edge.wire.mid == pytest.approx(580 * 700e3 + 10 * 4e6)  # its last five seconds
    assert isinstance(Jitter().apply(replace(BARE, usage=replace(BARE.usage, curves=()))), Excuse)


def test_joins_over_an_hour_leave_what_was_there_to_stand_before_the_surge() -> None:
    case = case_of(capacity("bandwidth", 1e8), usage=replace(BARE.usage, curves=(ramp(10_000, 60),)))
    lead, wait = case.lead.total, 3600
    ready = answer(after(Jitter(seconds=wait), case)).ready
    assert answer(case).ready == answer(case).nodes
    assert 0.1 + 0.9 * lead.low / wait < (ready or 0) / 70 < 0.1 + 0.9 * (lead.high + 60) / wait


def test_a_tenth_fewer_viewers_are_a_tenth_less_of_everything() -> None:
    case = after(WaitingRoom())
    assert (case.edge.viewers.mid, case.edge.wire.mid, case.asked.factor) == pytest.approx((9_000, 6.3e9, 9.0))


def test_an_application_that_boots_sooner_shortens_the_lead_at_its_high_end() -> None:
    case = after(LeadTime(part="boot", seconds=40))
    assert BARE.lead.total.high - case.lead.total.high == 50
    assert case.asked.demand == steady().asked.demand


def test_launch_settings_and_nodes() -> None:
    assert after(Zones(zones=4)).asked.launch.zones == 4
    assert after(Utilisation(share=0.5)).asked.launch.target_utilisation == 0.5
    larger = after(NodeSize(size=2.0))
    assert (larger.size, larger.asked.capacities.found[0].per_node.mid) == (2.0, 80e6)
    assert Utilisation().apply(BARE) is None  # full already


def test_every_word_of_every_change_is_read_from_its_own_example() -> None:
    words = [example for kind in counterfactuals() for example in kind.words]
    assert len({word.partition("=")[0] for word in words}) == len(words)
    for word in words:
        (found,) = suppositions([word], ["id"])
        assert isinstance(found.change.apply(case_of(capacity("bandwidth", 40e6))), Changed | Excuse | None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("segments", "expected WORD"),
        ("segment=2s", "did you mean 'segments'"),
        ("segments=two", "expected a number with a unit"),
        ("segments=0s", "greater than 0"),
        ("ladder.xx=-highest", "'xx' in 'ladder.xx=-highest' is not planned for (id, in)"),
        ("ladder=highest", "expected a minus and a rung"),
        ("viewers=-100%", "expected a change above -100%"),
        ("viewers=-0.0001%x", "expected a change"),
        ("zones=0", "greater than or equal to 1"),
        ("zones=7", "less than or equal to 6"),
        ("zones=many", "expected a whole number"),
        ("size=0", "expected a factor"),
        ("size=nan", "expected a factor"),
        ("size=inf", "expected a factor"),
        ("spread=0.5s", "expected whole seconds"),
        ("cache_hit=120%", "at most 100%"),
        ("playlist_ttl=0s", "greater than 0"),
        ("utilisation=0%", "greater than 0"),
        ("boot=2d", "expected one of the units"),
    ],
)
def test_a_supposition_that_cannot_be_read_says_what_is_expected(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        suppositions([text], ["id", "in"])
    assert says in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_curve_that_is_put_off_keeps_everybody() -> None:
    curve = ramp(1000)
    assert sum(curve.spread(60).joins) == pytest.approx(sum(curve.joins))
    assert max(curve.spread(60).viewers) <= max(curve.viewers) + 1e-9
