"""Time to capacity: parts that add up, and the scenario's own values where it has some."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.interval import Interval
from advisor.lead import PRIOR, time_to_capacity
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
