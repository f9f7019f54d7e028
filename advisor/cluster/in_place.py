"""The autoscaler in place, as the simulators live it (`advisor.autoscale`), or why it cannot be lived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from advisor.autoscale.behavior import DOWN, UP, Behavior, Policy, Rules
from advisor.autoscale.hpa import MILLI, Hpa, Metric
from advisor.cluster.parts import Part
from advisor.cluster.quotas import most_pods
from advisor.cluster.snapshot import Autoscaler, Direction, Target
from advisor.models import Excuse
from advisor.texts import say
from loadtests.scaling import Scaling

RESOURCES: Final = ("Resource", "ContainerResource")


def in_place(part: Part, scaling: Scaling) -> Hpa | Excuse | None:
    """The settings on the workload; None where nothing scales it, an excuse where its metric is not ours."""
    scaler = part.autoscaler
    if scaler is None:
        return None
    found = [_metric(one, part, scaling) for one in scaler.targets]
    known = tuple(one for one in found if one is not None)
    if not known or len(known) < len(found):
        names = ", ".join(one.name for one, metric in zip(scaler.targets, found, strict=True) if metric is None)
        return Excuse(
            about=part.cluster.context,
            reason=say("cluster_foreign_metric", context=part.cluster.context, name=scaler.name, metrics=names or "-"),
            remedy=say("remedy_cluster_foreign_metric"),
        )
    return Hpa(known, scaler.maximum, max(1, scaler.minimum), _behavior(scaler))


def all_in_place(parts: Sequence[Part], scaling: Scaling) -> tuple[Hpa | None, tuple[Excuse, ...]]:
    """The settings of all clusters of a region as one: bounds added up, each no further than quotas let it go."""
    found = [(part, in_place(part, scaling)) for part in parts]
    excuses = tuple(one for _, one in found if isinstance(one, Excuse))
    known = [(part, one) for part, one in found if isinstance(one, Hpa)]
    if not known:
        return None, excuses
    first = known[0][1]
    alike = all((one.metrics, one.behavior) == (first.metrics, first.behavior) for _, one in known)
    if len(known) < len(parts) or not alike:
        contexts = ", ".join(part.cluster.context for part in parts)
        reason = say("cluster_settings_differ", contexts=contexts)
        return None, (*excuses, Excuse(about=contexts, reason=reason, remedy=say("remedy_cluster_settings_differ")))
    least, most = sum(one.min_replicas for _, one in known), sum(_most(part, one) for part, one in known)
    return replace(first, max_replicas=most, min_replicas=least), excuses


def _most(part: Part, settings: Hpa) -> int:
    allowed = most_pods(part)
    most = settings.max_replicas if allowed is None else min(settings.max_replicas, allowed)
    return max(settings.min_replicas, most)


def _metric(target: Target, part: Part, scaling: Scaling) -> Metric | None:
    """CPU, or the metric that the scenario names: of any other it is not known how it follows viewers."""
    if target.source in RESOURCES and target.name == "cpu" and target.kind == "Utilization":
        return Metric("utilization", max(1, round(target.value)))
    triggers = part.scaled.triggers if part.scaled is not None else ()
    ours = scaling.metric is not None and any(
        trigger.settings.get("query") == scaling.metric.query for trigger in triggers
    )
    if ours and len(triggers) == 1 and target.source == "External" and target.kind == "AverageValue":
        return Metric("average_value", max(1, round(MILLI * target.value)))
    return None


def _behavior(scaler: Autoscaler) -> Behavior | None:
    return Behavior(_rules(scaler.up, UP), _rules(scaler.down, DOWN)) if scaler.has_behavior else None


def _rules(told: Direction | None, usual: Rules) -> Rules:
    if told is None:
        return usual
    policies = tuple(Policy(one.kind, one.value, float(one.period)) for one in told.policies or ())
    still = usual.stabilisation if told.stabilisation is None else float(told.stabilisation)
    return Rules(policies or usual.policies, told.select, still)
