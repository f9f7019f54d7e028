"""The autoscaler in place, as the simulators live it (`advisor.autoscale`), or why it cannot be lived."""

from __future__ import annotations

from typing import Final

from advisor.autoscale.behavior import DOWN, UP, Behavior, Policy, Rules
from advisor.autoscale.hpa import MILLI, Hpa, Metric
from advisor.cluster.parts import Part
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
