"""What the cluster part of a report says: today beside what is needed, what stands in the way, how long starts took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from advisor import figures
from advisor.cluster.room import Room, Used
from advisor.cluster.snapshot import Quota
from advisor.cluster.starts import ENOUGH, Waited
from advisor.cluster.today import Looked, Today
from advisor.texts import fill


def tools(lang: str) -> dict[str, Callable[..., Any]]:
    """What the templates of this part may call."""
    return {
        "cluster_looked": partial(looked_line, lang),
        "cluster_rows": partial(rows, lang),
        "cluster_waits": partial(wait_rows, lang),
    }


def looked_line(lang: str, one: Looked) -> str:
    """Which cluster was read, and how much of it there is."""
    said = {"context": one.context, "server": one.server, "namespace": one.namespace}
    if not one.version:
        return fill(lang, "cluster_shut", **said)
    counts = {name: f"{count:,}" for name, count in one.counts.items()}
    return fill(lang, "cluster_looked", version=one.version, at=one.at, **said, **counts)


def rows(lang: str, found: Today) -> list[tuple[str, str, str]]:
    """What, today, advised."""
    unknown = fill(lang, "cluster_unknown")
    kinds = ", ".join(f"{count:,} × {kind}" for kind, count in sorted(found.kinds.items()))
    fits = unknown if found.fits is None else fill(lang, f"cluster_fits_{found.fits_by}", pods=f"{found.fits:,}")
    lines = [
        ("nodes", f"{found.nodes:,}" + (f" ({kinds})" if kinds else ""), _number(found.needed_nodes, unknown)),
        ("pods", _number(found.pods, unknown), _number(found.needed_pods, unknown)),
        ("fits", fits, ""),
        ("zones", ", ".join(found.zones) or unknown, ""),
        ("settings", found.settings or fill(lang, "cluster_no_settings"), ""),
        *_usages(lang, found, unknown),
        ("quotas", unknown if found.quotas is None else _quotas(lang, found.quotas), ""),
    ]
    if len(found.rooms) > 1:
        lines.append(("share", "; ".join(_room(lang, one, unknown) for one in found.rooms), ""))
    return [(fill(lang, f"cluster_row_{name}"), now, then) for name, now, then in lines]


def _usages(lang: str, found: Today, unknown: str) -> list[tuple[str, str, str]]:
    """By the metrics API and by Prometheus: what neither knows is not known once."""
    told = [("usage", found.used), ("peaks", found.peaks)]
    return [(name, _usage(lang, one), "") for name, one in told if one is not None] or [("usage", unknown, "")]


def _usage(lang: str, now: Used) -> str:
    """Of a pod, on average and at most, over what it asks for."""
    parts = [("cpu", now.cpu, now.most_cpu, now.cpu_share), ("memory", now.memory, now.most_memory, now.memory_share)]
    said = {}
    for name, mean, most, share in parts:
        of = "" if share is None else fill(lang, "cluster_of_request", share=figures.percent(share))
        said[name] = fill(lang, f"cluster_usage_{name}", mean=_amount(name, mean), most=_amount(name, most)) + of
    return fill(lang, "cluster_usage", pods=f"{now.pods:,}", **said)


def _quotas(lang: str, quotas: Sequence[Quota]) -> str:
    """Of each line what is used, over what may be."""
    said = []
    for quota in quotas:
        lines = [(name, quota.used.get(name, 0.0), most) for name, most in quota.hard.items()]
        told = ", ".join(f"{name} {_amount(name, now)}/{_amount(name, most)}" for name, now, most in lines)
        said.append(f"{quota.name}: {told}")
    return "; ".join(said) or fill(lang, "cluster_no_quotas")


def _amount(resource: str, value: float) -> str:
    """Memory and storage in GiB, anything else as a number."""
    is_bytes = resource.endswith(("memory", "storage"))
    return f"{figures.number(value / 2**30)} GiB" if is_bytes else figures.number(value)


def _room(lang: str, one: Room, unknown: str) -> str:
    told = {"nodes": f"{one.nodes:,}", "pods": _number(one.pods, unknown), "share": figures.percent(one.share)}
    return fill(lang, "cluster_room", context=one.context, **told)


def wait_rows(lang: str, found: Today) -> list[tuple[str, str, str, str]]:
    """Part, seconds, samples, and whether they are used."""
    return [_wait(lang, one) for one in found.waited]


def _wait(lang: str, one: Waited) -> tuple[str, str, str, str]:
    seconds = one.seconds
    span = f"{figures.number(seconds.mid)} ({figures.number(seconds.low)}–{figures.number(seconds.high)})"
    used = fill(lang, "cluster_wait_enough" if one.enough else "cluster_wait_few", enough=str(ENOUGH))
    samples = fill(lang, "cluster_samples", samples=f"{seconds.samples:,}", ups=f"{one.scale_ups:,}")
    return fill(lang, f"cluster_wait_{one.name}"), span, samples, used


def _number(value: int | None, unknown: str) -> str:
    return unknown if value is None else f"{value:,}"
