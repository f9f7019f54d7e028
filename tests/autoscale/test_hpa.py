"""The HPA simulator answers as the controller's own tests say it must, and keeps the controller's laws."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from advisor.autoscale.behavior import DOWN, UP, Behavior, Past, Policy, Rules, allowed, stabilised
from advisor.autoscale.hpa import Controller, Decision, Hpa, Metric
from advisor.autoscale.pods import Clock, Pod, sort_pods
from advisor.autoscale.replicas import Look, NoMetrics, Tolerance, by_utilisation, by_value
from advisor.autoscale.replicas import by_average as by_pods
from advisor.autoscale.replicas import by_average_value as by_share

GOLDEN = Path(__file__).parent / "golden"
NOW = 10_000.0
CLOCK = Clock(cpu_initialization=120.0, initial_readiness_delay=10.0)
"""The settings of the controller's own tests."""


def golden(file: str, part: str) -> list[Any]:
    cases = yaml.safe_load((GOLDEN / file).read_text(encoding="utf-8"))[part]
    return [pytest.param(case, id=case["name"]) for case in cases]


def pod(letter: str, usage: int | None, request: int) -> Pod:
    match letter:
        case "R":
            return Pod(started=NOW - 180, changed=NOW - 180, usage=usage, sampled=NOW, window=60, request=request)
        case "U":
            return Pod(started=NOW, changed=NOW, ready=False, usage=usage, sampled=NOW, window=60, request=request)
        case "H":
            return Pod(started=NOW - 30, changed=NOW - 30, usage=usage, sampled=NOW, window=60, request=request)
        case "P":
            return Pod("pending", ready=False, request=request)
        case "F":
            return Pod("failed", ready=False, request=request)
        case _:
            return Pod(deleting=True, ready=False, usage=usage, request=request)


def look(case: dict[str, Any]) -> Look:
    letters = case["pods"]
    use = [*case.get("use", []), *[None] * len(letters)]
    request = case.get("request", [1000] * len(letters))
    pods = tuple(pod(*one) for one in zip(letters, use, request, strict=False))
    return Look(NOW, case["now"], pods, clock=CLOCK)


@pytest.mark.parametrize("case", golden("replicas.yaml", "utilization"))
@pytest.mark.parametrize("version", [(1, 32), (1, 33)])
def test_utilisation(case: dict[str, Any], version: tuple[int, int]) -> None:
    seen = look(case)
    seen = Look(seen.now, seen.replicas, seen.pods, Tolerance(version=version), CLOCK)
    assert by_utilisation(seen, case["target"]) == case["then"]


@pytest.mark.parametrize("case", golden("replicas.yaml", "pods"))
def test_a_metric_of_pods(case: dict[str, Any]) -> None:
    assert by_pods(look(case), case["target"]) == case["then"]


@pytest.mark.parametrize("case", golden("replicas.yaml", "value"))
def test_a_metric_of_the_whole(case: dict[str, Any]) -> None:
    assert by_value(look(case), case["value"], case["target"]) == case["then"]


@pytest.mark.parametrize("case", golden("replicas.yaml", "average_value"))
def test_a_metric_of_the_whole_per_pod(case: dict[str, Any]) -> None:
    assert by_share(look(case), case["value"], case["target"], case["now"]) == case["then"]


def past_of(case: dict[str, Any]) -> Past:
    def spread(changes: list[int]) -> deque[tuple[float, int]]:
        ago = [(120 * (1 + 2 * i) / (2 * len(changes)), change) for i, change in enumerate(changes)]
        return deque((NOW - before, change) for before, change in reversed(ago))

    return Past(ups=spread(case.get("ups", [])), downs=spread(case.get("downs", [])))


@pytest.mark.parametrize("case", golden("behavior.yaml", "limits"))
def test_policies(case: dict[str, Any]) -> None:
    named = [("Pods", case["pods"])] if "pods" in case else []
    named += [("Percent", case["percent"])] if "percent" in case else []
    policies = tuple(Policy("Pods" if kind == "Pods" else "Percent", *numbers) for kind, numbers in named)
    behavior = Behavior(Rules(policies), Rules(policies)) if policies else Behavior()
    passed = allowed(past_of(case), behavior, NOW, case["now"], case["wanted"])
    up = case["wanted"] > case["now"]
    assert (min(passed, case.get("max", 1000)) if up else max(passed, case.get("min", 1))) == case["then"]


@pytest.mark.parametrize("case", golden("behavior.yaml", "windows"))
def test_windows(case: dict[str, Any]) -> None:
    past = Past(recommended=deque(sorted((NOW - ago, count) for count, ago in case["past"])))
    behavior = Behavior(
        Rules(UP.policies, stabilisation=case.get("up", 0)), Rules(DOWN.policies, stabilisation=case.get("down", 0))
    )
    assert stabilised(past, behavior, NOW, case["now"], case["wanted"]) == case["then"]


@pytest.mark.parametrize(
    ("ready", "started", "changed", "sampled", "window", "counts"),
    [
        (None, NOW, 0.0, 0.0, 0.0, False),
        (True, NOW - 60, NOW - 30, NOW, 30.0, True),
        (True, NOW - 60, NOW - 30, NOW, 60.0, False),
        (False, NOW - 600, NOW - 594, 0.0, 0.0, False),
        (True, NOW - 180, NOW - 180, NOW - 120, 60.0, True),
        (False, NOW - 600, NOW - 540, 0.0, 0.0, True),
        (False, NOW - 600, NOW - 590, 0.0, 0.0, True),
    ],
)
def test_young_pods_count_as_the_controllers_tests_say(
    ready: bool | None, started: float, changed: float, sampled: float, window: float, counts: bool
) -> None:
    one = Pod(started=started, ready=ready, changed=changed, usage=1, sampled=sampled, window=window)
    found = sort_pods([one], NOW, cpu=True, clock=CLOCK)
    assert bool(found.counted) == counts
    assert bool(found.unready) != counts


def test_exactly_ten_percent_differs_by_version() -> None:
    """|1 - 1.1| is a hair above 0.1 in floating point; 1.1 <= 1 + 0.1 holds."""
    pods = (pod("R", None, 1000),) * 10
    old, new = Tolerance(version=(1, 32)), Tolerance(version=(1, 33))
    assert by_value(Look(NOW, 10, pods, old), 11_000, 10_000) == 11
    assert by_value(Look(NOW, 10, pods, new), 11_000, 10_000) == 10


def test_sides_have_their_own_tolerance() -> None:
    pods = (pod("R", None, 1000),) * 10
    wide = Tolerance(up=0.5, down=0.05)
    assert by_value(Look(NOW, 10, pods, wide), 14_000, 10_000) == 10
    assert by_value(Look(NOW, 10, pods, wide), 9_400, 10_000) == 10  # ceil(9.4) is ten again
    assert by_value(Look(NOW, 10, pods, wide), 8_900, 10_000) == 9


def test_from_zero_readiness_does_not_matter() -> None:
    assert by_value(Look(NOW, 0, ()), 25_000, 10_000) == 3


def test_pods_without_requests_have_no_utilisation() -> None:
    with pytest.raises(NoMetrics, match="without a resource request"):
        by_utilisation(Look(NOW, 1, (pod("R", 100, 0),), clock=CLOCK), 50)


SHARE = Metric("average_value", 1_000)


def sync(hpa: Hpa, replicas: int, value: int | None) -> Decision:
    pods = (pod("R", None, 1000),) * replicas
    return Controller(hpa).sync(Look(NOW, replicas, pods), [value] * len(hpa.metrics))


def test_bounds_come_before_metrics() -> None:
    hpa = Hpa((SHARE,), max_replicas=10, min_replicas=2)
    assert sync(hpa, 12, 1) == Decision(10, None, "above_max")
    assert sync(hpa, 1, 99_000) == Decision(2, None, "below_min")
    assert sync(hpa, 0, 99_000) == Decision(0, None, "disabled")


def test_a_failed_metric_forbids_going_down_but_not_up() -> None:
    two = Hpa((SHARE, SHARE), max_replicas=100)
    pods = (pod("R", None, 1000),) * 10
    seen = Look(NOW, 10, pods)
    assert Controller(two).sync(seen, [5_000, None]) == Decision(10, None, "no_metrics")
    assert Controller(two).sync(seen, [15_000, None]).replicas == 15
    assert Controller(two).sync(seen, [None, None]) == Decision(10, None, "no_metrics")


def test_without_behavior_it_doubles_at_most_or_goes_to_four() -> None:
    hpa = Hpa((SHARE,), max_replicas=100)
    assert sync(hpa, 1, 50_000) == Decision(4, 50, "metrics", "policy")
    assert sync(hpa, 10, 50_000) == Decision(20, 50, "metrics", "policy")


def test_a_spike_under_the_defaults_step_by_step() -> None:
    """Ten times the load: 2, 6, 12, 20 in 45 seconds, as four pods or 100 % are allowed in each 15 s."""
    control, replicas, seen = Controller(Hpa((SHARE,), max_replicas=100, behavior=Behavior())), 2, []
    for step in range(4):
        pods = (pod("R", None, 1000),) * replicas
        replicas = control.sync(Look(NOW + 15 * step, replicas, pods), [20_000]).replicas
        seen.append(replicas)
    assert seen == [6, 12, 20, 20]


def test_down_waits_for_five_minutes() -> None:
    control, replicas, seen = Controller(Hpa((SHARE,), max_replicas=100, behavior=Behavior())), 20, []
    for step in range(23):
        value = 20_000 if step == 0 else 5_000
        replicas = control.sync(Look(NOW + 15 * step, replicas, (pod("R", None, 1000),) * replicas), [value]).replicas
        seen.append(replicas)
    assert seen[:20] == [20] * 20
    assert seen[20:] == [5, 5, 5]


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    policies = draw(
        st.lists(
            st.builds(
                Policy, st.sampled_from(["Pods", "Percent"]), st.integers(1, 300), st.sampled_from([15.0, 60.0, 300.0])
            ),
            min_size=1,
            max_size=3,
        )
    )
    select: Literal["Max", "Min", "Disabled"] = draw(st.sampled_from(["Max", "Min", "Disabled"]))
    return Rules(tuple(policies), select, draw(st.sampled_from([0.0, 60.0, 300.0])))


@given(
    st.one_of(st.none(), st.builds(Behavior, rules(), rules())),
    st.lists(st.integers(0, 400_000), min_size=1, max_size=30),
    st.integers(0, 20),
    st.integers(1, 200),
)
def test_never_above_max_never_below_min_and_always_the_same(
    behavior: Behavior | None, values: list[int], least: int, more: int
) -> None:
    hpa = Hpa((SHARE,), max_replicas=least + more, min_replicas=least, behavior=behavior)

    def course() -> list[int]:
        control, replicas, seen = Controller(hpa), max(1, least), []
        for step, value in enumerate(values):
            pods = (pod("R", None, 1000),) * replicas
            replicas = control.sync(Look(NOW + 15 * step, replicas, pods), [value]).replicas
            seen.append(replicas)
        return seen

    seen = course()
    assert all(least <= count <= least + more for count in seen)
    assert seen == course()


@given(rules(), st.lists(st.integers(0, 400_000), min_size=1, max_size=30))
def test_policies_bind_every_period(up: Rules, values: list[int]) -> None:
    """Over any policy's period a scale-up stays within the policies, unless there is a minimum to reach."""
    control, replicas, past = Controller(Hpa((SHARE,), 1000, behavior=Behavior(up, DOWN))), 5, [(NOW - 1e6, 5)]
    for step, value in enumerate(values):
        now = NOW + 15 * step
        pods = (pod("R", None, 1000),) * replicas
        before, replicas = replicas, control.sync(Look(now, replicas, pods), [value]).replicas
        if replicas > before:
            assert up.select != "Disabled"
            starts = [(p, [n for at, n in past if at <= now - p.period][-1]) for p in up.policies]
            limits = [s + p.value if p.kind == "Pods" else s * (1 + p.value / 100) + 1 for p, s in starts]
            assert replicas <= max(before, (min if up.select == "Min" else max)(limits))
        past.append((now, replicas))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Policy("Pods", 0, 15), "a value above 0"),
        (lambda: Policy("Pods", 1, 3600), "a period of 1 to 1800 s"),
        (lambda: Rules(UP.policies, stabilisation=7200), "a stabilisation window of 0 to 3600 s"),
        (lambda: Rules(()), "at least one policy"),
        (lambda: Metric("value", 0), "a target above 0"),
        (lambda: Hpa((SHARE,), 2, 3), "min <= max"),
        (lambda: Hpa((), 2), "at least one metric"),
    ],
)
def test_what_the_api_refuses_is_refused(make: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()
