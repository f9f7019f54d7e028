"""Time to capacity: parts that add up, and the scenario's own values where it has some."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.interval import Interval
from advisor.plans.drawing import scores
from advisor.plans.lead import PRIOR, PUBLISHED, time_to_capacity
from loadtests.launch import Wait, Waits


def test_what_is_not_said_is_published() -> None:
    assert time_to_capacity(Waits()).parts == PRIOR
    assert all(part.source and part.as_of for part in PRIOR)


def test_the_scenarios_own_part_stands_in_for_the_published_one() -> None:
    lead = time_to_capacity(Waits(boot=Wait.model_validate({"low": "20s", "mid": "25s", "high": "40s"})))
    assert lead.parts[-1].seconds.mid == 25
    assert lead.total.mid == sum(part.seconds.mid for part in PRIOR[:-1]) + 25


def test_nine_in_ten_draws_of_a_part_lie_between_its_ends_and_repeat() -> None:
    exact = {"seconds": Interval.exact(5.0)}
    lead = time_to_capacity(Waits(), [part.model_copy(update=exact) for part in PRIOR if part.name != "node"])
    drawn = lead.draw(2000, seed=1)
    node = lead.parts[2].seconds
    assert np.quantile(drawn - 20, [0.05, 0.5, 0.95]) == pytest.approx([node.low, node.mid, node.high], rel=0.01)
    assert np.array_equal(drawn, lead.draw(2000, seed=1))


def test_a_wait_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="expected low <= mid <= high, found 40, 25 and 60 s"):
        Wait.model_validate({"low": "40s", "mid": "25s", "high": "60s"})


def test_what_was_seen_is_drawn_as_it_was_seen_and_its_tail_as_the_interval_says() -> None:
    """Nodes that come after 40 s or after 200 s, and never between."""
    seen = (40.0,) * 15 + (200.0,) * 5
    node = next(part for part in PRIOR if part.name == "node")
    drawn = node.model_copy(update={"seen": seen}).draw(scores("any", 2000))
    assert np.mean(drawn <= 40.0) == pytest.approx(15 / 21, abs=0.03)
    assert np.mean((drawn > 40.0) & (drawn < 200.0)) < 0.06
    assert drawn.max() > 200.0
    assert drawn.min() >= 0.0


def test_what_the_scenario_says_is_drawn_whatever_was_seen() -> None:
    node = next(part for part in PRIOR if part.name == "node").model_copy(update={"seen": (200.0,) * 20})
    said = Wait.model_validate({"low": "10s", "mid": "20s", "high": "30s"})
    assert float(np.median(time_to_capacity(Waits(node=said), [node]).parts[2].draw(scores("any", 2000)))) < 30


def test_a_part_that_is_shorter_is_shorter_in_every_draw() -> None:
    node = next(part for part in PRIOR if part.name == "node").model_copy(update={"seen": (40.0,) * 15 + (200.0,) * 5})
    half = node.at_most(node.seconds.high / 2)
    assert half.seconds.high == node.seconds.high / 2
    assert half.draw(scores("any", 2000)) == pytest.approx(node.draw(scores("any", 2000)) / 2)


def test_nodes_of_one_draw_are_late_together_and_each_is_as_late_as_its_part_says() -> None:
    lead = time_to_capacity(Waits())
    parts, nodes = lead.turnouts(400, 16)
    assert nodes.shape == (400, 16)
    node = next(part.seconds for part in PRIOR if part.name == "node")
    assert np.quantile(nodes, [0.05, 0.5, 0.95]) == pytest.approx([node.low, node.mid, node.high], rel=0.1)
    inside = np.log(nodes).var(axis=1).mean()
    assert inside / np.log(nodes).var() == pytest.approx(1.0 - PUBLISHED.alike.value, abs=0.08)
    assert np.median(parts["boot"]) == pytest.approx(30, rel=0.02)
    assert np.array_equal(nodes, lead.turnouts(400, 16)[1])
    assert not np.array_equal(nodes, lead.turnouts(400, 16, seed=1)[1])


def test_no_node_is_waited_for_longer_than_autoscalers_wait_unless_the_scenario_says_so() -> None:
    slow = {"low": "10m", "mid": "12m", "high": "14m"}
    lead = time_to_capacity(Waits(node=Wait.model_validate(slow)))
    assert lead.turnouts(200, 16)[1].max() == PUBLISHED.given_up.value
    hours = {"low": "1h", "mid": "1h", "high": "2h"}
    assert time_to_capacity(Waits(node=Wait.model_validate(hours))).turnouts(200, 16)[1].max() == 7200
