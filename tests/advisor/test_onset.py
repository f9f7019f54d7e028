"""Connections and joins: limits that show in a sign of their own, told apart from a full link; and chat."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.capacities.capacity import capacities
from advisor.caution import cautions
from advisor.measured.measure import Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Excuse
from advisor.models.chat_fanout import ChatFanout
from advisor.models.connections import Connections
from advisor.models.joins import Joins
from advisor.plans.asked import Asked
from tests.advisor.made import NODES, at, measured
from tests.advisor.questions import demand, launch, planned

LIMIT = 200
"""Viewers whom the made-up target holds."""


def full_of_connections(*, link_first: bool = False) -> list[Second]:
    """Viewers rise by four a second; beyond the limit those who come find no connection."""
    seconds = []
    for time in range(80):
        viewers = 20 + 4 * min(time, 60)
        beyond = max(0, viewers - LIMIT)
        late = link_first and viewers > LIMIT / 2
        broken = (("segment_p95",) if late else ()) + (("error_ratio",) if beyond else ())
        inside = min(viewers, LIMIT)
        found: dict[str, Any] = {
            "unreached": beyond // 2,
            "failed": beyond // 2,
            "served": inside,
            "wire_bits": 1e5 * inside,
        }
        seconds.append(at(time, viewers, broken=broken, times=(0.01, 0.02), **found))
    return seconds


def test_connections_that_fail_first_are_the_limit_and_bind() -> None:
    found = capacities(measured(full_of_connections()))
    limit = found.of("connections")
    assert limit is not None
    assert limit.saturated
    assert limit.unit == "connections"
    assert limit.per_node.low <= LIMIT / NODES <= limit.per_node.high
    assert limit.per_node.mid == pytest.approx(LIMIT / NODES, rel=0.05)
    assert (found.binding.model, found.binding.by, found.binding.sure) == ("connections", "sign", True)
    assert [one.model for one in found.saturated] == ["connections"], "the rates stand still, but only for who got in"


def test_connections_that_fail_after_the_link_was_full_are_a_consequence() -> None:
    found = Connections().fit(measured(full_of_connections(link_first=True)))
    assert isinstance(found, Capacity)
    assert not found.saturated


def test_resets_alone_are_no_sign_of_too_many_connections() -> None:
    assert not Connections().is_broken(at(0, 100, reset=50, failed=50))
    assert Connections().is_broken(at(0, 100, reset=50, unreached=2, failed=52))
    assert not Connections().is_broken(at(0, 1000, unreached=1, failed=1)), "one failure is an event"


def test_without_a_sign_a_node_holds_at_least_those_who_were_there() -> None:
    found = Connections().fit(measured([at(time, 10 + time) for time in range(40)]))
    assert isinstance(found, Capacity)
    assert not found.saturated
    assert found.per_node.mid == pytest.approx((10 + 37) / NODES)


def a_ramp(*, link: bool, steady: bool = True) -> list[Second]:
    """A steep ramp that starts twelve of thirty joins a second, then a hold; ``link``: all are late, not only they."""
    seconds = []
    waiting = 0.0
    for time in range(90):
        viewers = 60.0 if time < 20 else min(60.0 + 30 * (time - 20), 960.0)
        joins = 1 if time < 20 or viewers >= 960 else 30
        starts = min(12.0, waiting + joins) if time % 2 else min(13.0, waiting + joins)
        waiting = max(0.0, waiting + joins - starts)
        broken: tuple[str, ...] = ("startup_p95",) if waiting > 30 else ()
        if broken and link:
            broken += ("segment_p95", "stall_ratio")
        if not steady and viewers > 500:
            broken = ("startup_p95", "segment_p95")
        found: dict[str, Any] = {"joins": joins, "starts": round(starts), "broken": broken, "wire_bits": 1e6 * viewers}
        seconds.append(at(time, viewers, **found))
    return seconds + [at(time, 960, starts=1, wire_bits=9.6e8, phase="peak") for time in range(90, 160) if steady]


def test_a_ramp_that_breaks_by_joins_alone_finds_the_joins_that_a_node_carries() -> None:
    found = capacities(measured(a_ramp(link=False)))
    limit = found.of("joins")
    assert limit is not None
    assert limit.saturated
    assert limit.per_node.low <= 12.5 / NODES <= limit.per_node.high
    assert limit.per_node.mid == pytest.approx(12.5 / NODES, rel=0.05)
    assert found.binding.model == "joins"
    assert limit.evidence.limiting is not None
    assert limit.evidence.limiting.budget == "startup_p95"


@pytest.mark.parametrize(("link", "steady"), [(True, True), (False, False)])
def test_a_full_link_is_not_mistaken_for_too_many_joins(link: bool, steady: bool) -> None:
    found = Joins().fit(measured(a_ramp(link=link, steady=steady)))
    assert isinstance(found, Capacity)
    assert not found.saturated


FLOW = 1e6
"""Bits per second that a viewer of the two rehearsals below asks for."""
LINK = 700
"""Viewers whom the link of both nodes carries."""


def a_burst_of_joins() -> list[Second]:
    """Start-up alone is late for twenty seconds; then as many viewers lack nothing."""
    calm = [at(time, 400, phase="baseline", starts=5, wire_bits=400 * FLOW, times=(0.05, 0.2)) for time in range(40)]
    late: dict[str, Any] = {"joins": 60, "starts": 40, "wire_bits": 400 * FLOW, "broken": ("startup_p95",)}
    burst = [at(time, 400, times=(0.05, 0.2), **late) for time in range(40, 60)]
    return (
        calm
        + burst
        + [at(time, 420, phase="peak", starts=5, wire_bits=420 * FLOW, times=(0.05, 0.2)) for time in range(60, 100)]
    )


def a_full_link(start: int) -> list[Second]:
    """Viewers rise by fifteen a second past what the link carries."""
    seconds = []
    for time in range(start, start + 80):
        viewers = 420 + 15 * (time - start)
        full = viewers > LINK
        found: dict[str, Any] = {
            "joins": 15,
            "starts": 15,
            "wire_bits": min(viewers, LINK * (1 + 0.01 * (time * 7 % 5 - 2))) * FLOW,
            "served": round(min(viewers, LINK) * (1 + 0.12 * (time * 13 % 7 - 3) / 3)),
            "broken": ("segment_p95",) if full else (),
        }
        seconds.append(at(time, viewers, phase="peak", times=(0.1, 3.0) if full else (0.05, 0.2), **found))
    return seconds


def two_runs() -> Measurement:
    one, other = measured(a_burst_of_joins(), "burst"), measured(a_full_link(0), "slow")
    return one.model_copy(update={"runs": (*one.runs, *other.runs)})


def one_run() -> Measurement:
    return measured([*a_burst_of_joins(), *a_full_link(100)])


@pytest.mark.parametrize("measurement", [two_runs(), one_run()], ids=["two runs", "one run"])
def test_a_sign_leaves_the_limit_that_was_reached_without_it(measurement: Measurement) -> None:
    """Of both limits the plan takes the one that asks for more nodes, and nothing is said not to have bound."""
    found = capacities(measurement)
    assert {one.model for one in found.saturated} == {"bandwidth", "joins"}
    limit = found.of("bandwidth")
    assert limit is not None
    assert limit.per_node.mid == pytest.approx(LINK * FLOW / NODES, rel=0.03)
    assert (found.binding.model, found.binding.by, found.binding.sure) == ("joins", "each", False)
    both = planned(Asked(demand(), found, launch(), 50.0))
    alone = planned(Asked(demand(), capacities(measured(a_full_link(0))), launch(), 50.0))
    assert (both.nodes, both.binding) == (alone.nodes, "bandwidth")
    told = {one.key for one in cautions(measurement, found, [demand()], [both], 50.0)}
    assert not told & {"warn_other_bandwidth", "warn_two_limits"}


def test_viewers_who_leave_before_their_first_frame_are_a_sign_too() -> None:
    assert Joins().is_broken(at(0, 100, starts=30, unstarted=10))
    assert not Joins().is_broken(at(0, 100, starts=30, unstarted=1))
    assert not Joins().is_broken(at(0, 100, starts=5, unstarted=5)), "too few to judge"


def a_chat(limit: float) -> list[Second]:
    """Half a message a second per hundred viewers; deliveries beyond the limit wait."""
    seconds, waiting = [], 0.0
    for time in range(100):
        viewers = 50 + 4 * time if time < 60 else 290
        sent = round(viewers / 20)
        asked = sent * viewers + waiting
        done = min(asked, limit)
        waiting = asked - done
        found: dict[str, Any] = {
            "messages_sent": sent,
            "messages_delivered": round(done),
            "message_delay": 0.1 + waiting / limit,
        }
        seconds.append(at(time, viewers, **found))
    return seconds


def test_chat_that_comes_late_finds_the_deliveries_that_a_node_carries() -> None:
    found = ChatFanout().fit(measured(a_chat(1500.0)))
    assert isinstance(found, Capacity)
    assert found.saturated
    assert found.unit == "messages/s"
    assert found.per_node.mid == pytest.approx(1500 / NODES, rel=0.02)
    assert found.evidence.contest is not None
    assert found.evidence.contest.winner in ("cliff", "bend", "collapse")


def test_chat_that_comes_in_time_is_carried_at_least() -> None:
    found = ChatFanout().fit(measured(a_chat(1e6)))
    assert isinstance(found, Capacity)
    assert not found.saturated


def test_a_run_without_messages_says_so_aside() -> None:
    found = ChatFanout().fit(measured([at(time, 50) for time in range(40)]))
    assert isinstance(found, Excuse)
    assert found.is_aside
    assert "messages_delivered" in found.remedy.text
