"""A scenario's shaped regions reach the engine: every viewer gets the last mile that is drawn for it."""

from __future__ import annotations

from loadtests.lastmile import LastMiles, deliver
from loadtests.wiring.worker import deliveries
from tests.lastmile.scenes import person, scene


def test_a_viewer_of_a_shaped_region_gets_what_is_drawn_for_it() -> None:
    plan = scene("id")
    last_mile, miles = deliveries(plan), LastMiles(plan)
    assert last_mile is not None
    for number in range(20):
        mine, mile = last_mile(person(number, "id")), miles.of(person(number, "id"))
        assert mine is not None
        assert mile is not None
        drawn = deliver(mile)
        assert [mine.rate(second) for second in range(30)] == [drawn.rate(second) for second in range(30)]
        assert [mine.round_trip(k) for k in range(9)] == [drawn.round_trip(k) for k in range(9)]


def test_where_nothing_is_shaped_nobody_is_asked() -> None:
    assert deliveries(scene("id", shaping="off")) is None
    last_mile = deliveries(scene("id"))
    assert last_mile is not None
    assert last_mile(person(1, "br")) is None
