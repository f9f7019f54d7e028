"""What the cluster part of a report says: today beside what is needed, what stands in the way, how long starts took."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from advisor import figures
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
    ]
    return [(fill(lang, f"cluster_row_{name}"), now, then) for name, now, then in lines]


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
