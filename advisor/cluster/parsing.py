"""Objects as the API sends them, made into frozen values. An object that cannot be understood is a ValueError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from advisor.cluster.quantities import quantity
from advisor.cluster.snapshot import (
    Amounts,
    Autoscaler,
    Direction,
    Disruption,
    Event,
    Expression,
    Node,
    NodeClaim,
    NodePool,
    Pod,
    Quota,
    Rule,
    Scaled,
    Selector,
    Taint,
    Target,
    Toleration,
    Trigger,
    Usage,
    Workload,
)

Object: TypeAlias = Mapping[str, Any]


def node(one: Object) -> Node:
    """Of ``v1``."""
    meta, spec, status = _parts(one)
    return Node(
        name=meta["name"],
        created=_time(meta["creationTimestamp"]),
        labels=meta.get("labels") or {},
        capacity=_amounts(status.get("capacity")),
        allocatable=_amounts(status.get("allocatable")),
        ready=_condition(status, "Ready") == "True",
        cordoned=bool(spec.get("unschedulable", False)),
        taints=tuple(
            Taint(key=taint["key"], effect=taint["effect"], value=taint.get("value") or "")
            for taint in spec.get("taints") or ()
        ),
    )


def workload(one: Object) -> Workload:
    """A Deployment or a StatefulSet of ``apps/v1``."""
    meta, spec, status = _parts(one)
    template = spec["template"]
    containers = template["spec"]["containers"]
    return Workload(
        kind=one["kind"],
        name=meta["name"],
        replicas=spec.get("replicas", 1),
        ready=status.get("readyReplicas") or 0,
        requests=_together([_resources(container, "requests") for container in containers]),
        limits=_together([_resources(container, "limits") for container in containers]),
        selector=_selector(spec.get("selector")),
        pod_labels=(template.get("metadata") or {}).get("labels") or {},
        tolerations=tuple(_toleration(told) for told in template["spec"].get("tolerations") or ()),
        node_selector=template["spec"].get("nodeSelector") or {},
    )


def _toleration(told: Object) -> Toleration:
    known = {name: told.get(name) or "" for name in ("key", "value", "effect")}
    return Toleration(operator=told.get("operator") or "Equal", **known)


def autoscaler(one: Object) -> Autoscaler:
    """Of ``autoscaling/v2``."""
    meta, spec, status = _parts(one)
    behavior = spec.get("behavior") or {}
    return Autoscaler(
        name=meta["name"],
        target=_reference(spec["scaleTargetRef"]),
        minimum=spec.get("minReplicas", 1),
        maximum=spec["maxReplicas"],
        current=status.get("currentReplicas") or 0,
        targets=tuple(_target(metric) for metric in spec.get("metrics") or ()),
        up=_direction(behavior.get("scaleUp")),
        down=_direction(behavior.get("scaleDown")),
        has_behavior=bool(spec.get("behavior")),
    )


def _target(metric: Object) -> Target:
    source = metric["type"]
    inside = metric[source[0].lower() + source[1:]]
    target = inside["target"]
    name = inside["name"] if "name" in inside else inside["metric"]["name"]
    key = {"Utilization": "averageUtilization", "AverageValue": "averageValue", "Value": "value"}[target["type"]]
    return Target(source=source, name=name, kind=target["type"], value=quantity(target[key]))


def _direction(rules: Object | None) -> Direction | None:
    if rules is None:
        return None
    policies = rules.get("policies")
    return Direction(
        policies=None
        if policies is None
        else tuple(Rule(kind=one["type"], value=one["value"], period=one["periodSeconds"]) for one in policies),
        select=rules.get("selectPolicy") or "Max",
        stabilisation=rules.get("stabilizationWindowSeconds"),
    )


def scaled(one: Object) -> Scaled:
    """A ScaledObject of ``keda.sh/v1alpha1``; minimum and maximum are KEDA's own where nothing is said."""
    meta, spec, _ = _parts(one)
    return Scaled(
        name=meta["name"],
        target=_reference({"kind": "Deployment"} | spec["scaleTargetRef"]),
        minimum=spec.get("minReplicaCount", 0),
        maximum=spec.get("maxReplicaCount", 100),
        triggers=tuple(
            Trigger(
                kind=trigger["type"],
                settings={key: str(value) for key, value in (trigger.get("metadata") or {}).items()},
                metric_type=trigger.get("metricType", "AverageValue"),
            )
            for trigger in spec["triggers"]
        ),
    )


def node_pool(one: Object) -> NodePool:
    """Of ``karpenter.sh/v1``."""
    meta, spec, status = _parts(one)
    return NodePool(name=meta["name"], limits=_amounts(spec.get("limits")), used=_amounts(status.get("resources")))


def node_claim(one: Object) -> NodeClaim:
    """Of ``karpenter.sh/v1``."""
    meta, _, status = _parts(one)
    return NodeClaim(
        name=meta["name"],
        node=status.get("nodeName", ""),
        created=_time(meta["creationTimestamp"]),
        launched=_since(status, "Launched"),
        registered=_since(status, "Registered"),
        initialized=_since(status, "Initialized"),
    )


def disruption(one: Object) -> Disruption:
    """Of ``policy/v1``."""
    meta, spec, status = _parts(one)
    rule = next((name for name in ("maxUnavailable", "minAvailable") if name in spec), "")
    return Disruption(
        name=meta["name"],
        selector=_selector(spec.get("selector")),
        allowed=status.get("disruptionsAllowed", 0),
        rule=f"{rule}: {spec[rule]}" if rule else "",
    )


def quota(one: Object) -> Quota:
    """Of ``v1``; only what pods ask for."""
    meta, spec, status = _parts(one)
    hard, used = (
        {key: quantity(value) for key, value in (side or {}).items()} for side in (spec.get("hard"), status.get("used"))
    )
    return Quota(name=meta["name"], hard=hard, used=used)


def pod(one: Object) -> Pod:
    """Of ``v1``."""
    meta, spec, status = _parts(one)
    containers = status.get("containerStatuses") or ()
    starts = [((state.get("state") or {}).get("running") or {}).get("startedAt") for state in containers]
    return Pod(
        name=meta["name"],
        uid=meta.get("uid", ""),
        labels=meta.get("labels") or {},
        node=spec.get("nodeName", ""),
        created=_time(meta["creationTimestamp"]),
        scheduled=_since(status, "PodScheduled"),
        started=max((_time(start) for start in starts if start), default=None) if all(starts) else None,
        ready=_since(status, "Ready"),
        restarts=sum(state.get("restartCount") or 0 for state in containers),
    )


def usage(one: Object) -> Usage:
    """PodMetrics of ``metrics.k8s.io/v1beta1``."""
    used = [container["usage"] for container in one["containers"]]
    cpu, memory = (sum(quantity(part.get(name, 0)) for part in used) for name in ("cpu", "memory"))
    return Usage(pod=one["metadata"]["name"], cpu=cpu, memory=memory)


def event(one: Object) -> Event:
    """Of ``v1``: reporters of the newer kind say ``eventTime`` and no first and last."""
    about, series = one["involvedObject"], one.get("series") or {}
    first = one.get("firstTimestamp") or one.get("eventTime") or one["metadata"]["creationTimestamp"]
    last = series.get("lastObservedTime") or one.get("lastTimestamp") or first
    return Event(
        reason=one.get("reason") or "",
        about=f"{about.get('kind', '')}/{about.get('name', '')}",
        uid=about.get("uid", ""),
        first=_time(first),
        last=_time(last),
        count=series.get("count") or one.get("count") or 1,
        message=(one.get("message") or "")[:500],
    )


def _parts(one: Object) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    return one["metadata"], one.get("spec") or {}, one.get("status") or {}


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"expected a time with its zone, found {text!r}")
    return time


def _condition(status: Object, name: str) -> str:
    return next((str(one["status"]) for one in status.get("conditions") or () if one["type"] == name), "")


def _since(status: Object, name: str) -> datetime | None:
    """When a condition became true; None when it is not."""
    for one in status.get("conditions") or ():
        if one["type"] == name and one["status"] == "True" and one.get("lastTransitionTime"):
            return _time(one["lastTransitionTime"])
    return None


def _amounts(amounts: Object | None) -> Amounts:
    known = amounts or {}
    return Amounts(**{name: quantity(known[name]) for name in ("cpu", "memory", "pods") if name in known})


def _resources(container: Object, side: str) -> Amounts:
    """What a container asks for; a limit alone is its request too, as the API server fills it in."""
    resources = container.get("resources") or {}
    return _amounts({**(resources.get("limits") or {}), **(resources.get(side) or {})})


def _together(parts: Sequence[Amounts]) -> Amounts:
    """The sum; None where one container says nothing."""

    def total(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    return Amounts(cpu=total([one.cpu for one in parts]), memory=total([one.memory for one in parts]))


def _selector(selector: Object | None) -> Selector:
    known = selector or {}
    return Selector(
        labels=known.get("matchLabels") or {},
        expressions=tuple(
            Expression(key=one["key"], operator=one["operator"], values=tuple(one.get("values") or ()))
            for one in known.get("matchExpressions") or ()
        ),
    )


def _reference(reference: Object) -> str:
    return f"{reference['kind']}/{reference['name']}"
