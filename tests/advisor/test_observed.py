"""The utilisation law finds the service demand that was put in; what is full binds; what is not told is not said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from advisor.advising import advise
from advisor.capacities.capacity import capacities
from advisor.capacities.nodes import observed
from advisor.capacities.observed import Growth, Law, full, growth, law, ran_out, slopes
from advisor.interval import Interval
from advisor.measured.measure import measure
from advisor.measured.servers import servers_of
from advisor.models import Capacity, Excuse
from advisor.models.cpu import Cpu
from advisor.models.memory import Memory
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from loadtests.results import Target
from loadtests.run import Run
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town
from tests.advisor.watched import Watch, watched

LONG = Town(seed=41, egress=60e6, nodes=2, baseline=40, peak=200, quiet=40, ramp=60, hold=30)


def holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def mix(run: Run) -> float:
    """Wire bits per request of the whole run."""
    kinds = [requests for window in run.windows for requests in window.requests.values()]
    good = sum(one.count - one.failed - one.cancelled for one in kinds)
    return 8 * sum(one.bytes + one.head_bytes - one.refused_bytes for one in kinds) / good


@pytest.fixture(scope="module")
def calm(make: Maker) -> Run:
    """Two nodes that are never full."""
    return make(replace(LONG, egress=1e12))


def test_the_service_demand_that_was_put_in_is_found(calm: Run) -> None:
    run = watched(calm, Watch())
    found = law(measure([run]), "cpu")
    assert isinstance(found, Law)
    truth = 0.002 + 2e-9 * found.bits_per_request
    assert found.service.mid == pytest.approx(truth, rel=0.05)
    assert found.idle.mid == pytest.approx(0.03, abs=0.02)
    assert found.bits_per_request == pytest.approx(mix(calm), rel=0.1)
    assert holds(found.service, truth)


@pytest.mark.slow
def test_intervals_hold_the_truth_at_least_nine_times_in_ten(calm: Run) -> None:
    """Noise is new each time; looks are of one, two or five seconds."""
    held = []
    for seed in range(40):
        watch = Watch(seed=seed, every=(1.0, 2.0, 5.0)[seed % 3], noise=0.02)
        found = law(measure([watched(calm, watch)]), "cpu")
        assert isinstance(found, Law)
        held.append(holds(found.service, watch.per_request + watch.per_bit * found.bits_per_request))
    assert sum(held) >= 36


def test_a_cpu_that_is_all_requests_or_all_bytes_is_told_apart(calm: Run) -> None:
    requests = law(measure([watched(calm, Watch(per_bit=0.0))]), "cpu")
    bits = law(measure([watched(calm, Watch(per_request=0.0))]), "cpu")
    assert isinstance(requests, Law) and requests.per_bit is not None  # noqa: PT018
    assert isinstance(bits, Law) and bits.per_request is not None  # noqa: PT018
    assert requests.per_bit.mid * requests.bits_per_request < 0.2 * requests.service.mid
    assert bits.per_request.mid < 0.2 * bits.service.mid


def test_past_twice_the_load_seen_no_figure_is_given(calm: Run) -> None:
    near = law(measure([watched(calm, Watch(per_request=0.006))]), "cpu")
    far = law(measure([watched(calm, Watch(per_request=0.0005, per_bit=1e-10))]), "cpu")
    assert isinstance(near, Law)
    assert near.full_at is not None
    assert near.extrapolated
    assert near.full_at.mid == pytest.approx(0.97 / (0.006 + 2e-9 * near.bits_per_request), rel=0.1)
    assert isinstance(far, Law)
    assert far.full_at is None
    assert "past twice the highest load seen" in Markdown().render(
        advise([watched(calm, Watch(per_request=0.0005))]), "en"
    )


def test_a_load_that_costs_nothing_has_an_excuse(calm: Run) -> None:
    """At the level of one chance in twenty."""
    watches = [Watch(idle=0.1, per_request=0.0, per_bit=0.0, noise=0.02, seed=seed) for seed in range(10)]
    found = [law(measure([watched(calm, watch)]), "cpu") for watch in watches]
    assert sum(isinstance(one, Excuse) and one.reason.key == "excuse_no_slope" for one in found) >= 9


def test_least_squares_keep_to_zero_and_more() -> None:
    rng = np.random.default_rng(1)
    columns = np.stack([np.ones(50), rng.uniform(0, 10, 50), rng.uniform(0, 1e9, 50)], axis=1)
    truth = np.array([0.1, 0.3, 2e-9])
    (exact,) = slopes(columns[None], (columns @ truth)[None])
    assert exact == pytest.approx(truth)
    (bound,) = slopes(columns[None], (columns @ np.array([0.1, 0.3, -1e-10]))[None])
    assert bound[2] == 0.0
    assert (bound >= 0).all()


# -- what was full ------------------------------------------------------------------------------------------------

CPU_BOUND = Town(seed=42, egress=1e12, rps=150, nodes=2, baseline=40, peak=500, quiet=25, ramp=40, hold=40)
FULL_CPU = Watch(idle=0.02, per_request=0.98 / 150, per_bit=0.0)


@pytest.fixture(scope="module")
def cpu_bound(make: Maker) -> Run:
    """Two nodes whose CPU is full at 150 requests a second."""
    return watched(make(CPU_BOUND), FULL_CPU)


def test_a_full_cpu_binds_and_its_capacity_is_the_one_put_in(cpu_bound: Run) -> None:
    measurement = measure([cpu_bound])
    assert full(measurement)["cpu"] > 0.9
    found = capacities(measurement)
    assert (found.binding.model, found.binding.by) == ("cpu", "observed")
    assert [one.model for one in found.saturated] == ["cpu"]
    capacity = found.of("cpu")
    assert capacity is not None
    assert capacity.per_node.mid == pytest.approx(150, rel=0.1)
    at = law(measurement, "cpu")
    assert isinstance(at, Law)
    assert at.full_at is not None
    assert at.full_at.mid == pytest.approx(150, rel=0.1)
    assert at.knee is not None


def test_a_cpu_with_room_is_only_a_bound(make: Maker) -> None:
    run = watched(make(CPU_BOUND), replace(FULL_CPU, per_request=0.5 / 150))
    measurement = measure([run])
    assert full(measurement)["cpu"] < 0.1
    found = capacities(measurement)
    assert found.binding.model == "request_rate"
    cpu = found.of("cpu")
    assert cpu is not None
    assert not cpu.saturated


def test_a_full_link_is_told_by_the_servers(saturated: Run) -> None:
    """Two nodes of 40 Mbit/s; their devices say so."""
    measurement = measure([watched(saturated, Watch(per_request=1e-4, network_limit=40e6))])
    assert full(measurement)["network"] > 0.9
    found = capacities(measurement)
    assert (found.binding.model, found.binding.by) == ("bandwidth", "observed")
    at = law(measurement, "network")
    assert isinstance(at, Law)
    assert at.full_at is not None
    assert at.full_at.mid == pytest.approx(40e6, rel=0.1)


def test_without_an_overload_nothing_was_full(calm: Run) -> None:
    measurement = measure([watched(calm, Watch())])
    assert full(measurement) == {}
    assert not ran_out(measurement, "cpu")


def test_servers_that_were_not_asked_leave_two_excuses_and_a_clean_report(saturated: Run) -> None:
    measurement = measure([saturated])
    for model in (Cpu(), Memory()):
        answer = model.fit(measurement)
        assert isinstance(answer, Excuse)
        assert "target.observe" in answer.remedy.text
    page = Markdown().render(advise([saturated]), "en")
    assert page.count("target.observe") == 1
    assert observed(measurement).nodes == ()


# -- memory -------------------------------------------------------------------------------------------------------


def test_memory_per_viewer_is_the_one_put_in(calm: Run) -> None:
    found = growth(measure([watched(calm, Watch())]))
    assert isinstance(found, Growth)
    assert holds(found.per_viewer, 5e5)
    assert found.per_viewer.mid == pytest.approx(5e5, rel=0.05)
    assert found.full_at is None, "eight hundred megabytes are enough for 1600 viewers, and 100 were seen"


def test_memory_near_its_limit_is_foretold(calm: Run) -> None:
    measurement = measure([watched(calm, Watch(per_viewer=5e6))])
    found = growth(measurement)
    assert isinstance(found, Growth)
    assert found.full_at is not None
    assert found.full_at.mid == pytest.approx(160, rel=0.05)
    capacity = Memory().fit(measurement)
    assert isinstance(capacity, Capacity)
    assert not capacity.saturated
    assert capacity.per_node.mid == pytest.approx(100, rel=0.1)


def test_memory_that_was_full_in_the_overload_is_a_limit(saturated: Run) -> None:
    measurement = measure([watched(saturated, Watch(per_request=1e-4, per_viewer=8e8 / 140))])
    assert full(measurement)["memory"] > 0.5
    capacity = Memory().fit(measurement)
    assert isinstance(capacity, Capacity)
    assert capacity.saturated
    assert capacity.per_node.mid == pytest.approx(140, rel=0.15)


# -- nodes --------------------------------------------------------------------------------------------------------


def test_a_load_that_is_not_even_is_a_warning(calm: Run) -> None:
    found = observed(measure([watched(calm, Watch(parts=(0.7, 0.3)))]))
    assert [message.key for message in found.warnings] == ["warn_uneven_network"]
    assert found.warnings[0].values == {"node": "edge-0", "over": "40%", "nodes": "2"}
    assert not found.is_even


def test_a_load_that_is_even_is_said_to_be_measured(calm: Run) -> None:
    advice = advise([watched(calm, Watch())])
    assert advice.servers.is_even
    assert "assume_even_measured" in {message.key for message in advice.assumptions}


def test_a_node_that_fell_silent_has_a_gap_and_no_figures(calm: Run) -> None:
    run = watched(calm, Watch(silent=range(60, 90)))
    (silent, other) = measure([run]).runs[0].servers
    assert [silent.told("cpu", at) for at in range(61, 89)] == [None] * 28
    assert all(other.told("cpu", at) is not None for at in range(61, 89))
    assert [node.told for node in observed(measure([run])).nodes] == pytest.approx([0.667, 1.0], abs=0.05)
    assert isinstance(law(measure([run]), "cpu"), Law)


def test_a_rate_covers_the_seconds_that_it_is_over() -> None:
    (server,) = servers_of(
        [
            Target(at=2.5, node="a", source="stage", seconds=2.0, cpu=0.4),
            Target(at=4.5, node="a", source="stage", seconds=2.0, cpu=0.8),
            Target(at=9.5, node="a", source="stage", seconds=2.0, cpu=0.1),
            Target(at=9.6, node="a", source="prometheus", cpu=0.9, memory=5.0),
        ]
    )
    assert [server.told("cpu", at) for at in range(11)] == [0.4, 0.4, 0.6, 0.8, 0.8, None, None, 0.1, 0.1, 0.1, None]
    assert server.sources == ("prometheus", "stage")
    assert [server.told("memory", at) for at in (8, 9, 10)] == [None, 5.0, None]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_shows_each_node_and_a_picture(cpu_bound: Run, lang: str) -> None:
    advice = advise([cpu_bound])
    page, text = Html().render(advice, lang), Markdown().render(advice, lang)
    assert "edge-0" in page
    assert "edge-1" in text
    assert page.count("<svg") > Html().render(advise([replace(cpu_bound, targets=())]), lang).count("<svg")
    assert "150 req/s" in text or "149 req/s" in text or "148 req/s" in text or "15" in text


def test_a_run_with_many_nodes_is_drawn_as_mean_and_busiest(calm: Run) -> None:
    page = Html().render(advise([watched(calm, Watch(parts=(0.1,) * 10))]), "en")
    assert "busiest node" in page
