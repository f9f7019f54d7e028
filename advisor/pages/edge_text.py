"""What a report's template says of caches and of the origin: rows of text in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from advisor import figures
from advisor.demands.behind import Origin
from advisor.demands.caches import KindEvidence
from advisor.demands.cdn import Cdn
from advisor.demands.origin import OriginLoad
from advisor.models import Excuse
from advisor.pages.origin_chart import picture
from advisor.texts import fill
from loadtests.cached import CacheState, vendors
from loadtests.session import RequestKind

KINDS: Final[dict[RequestKind, str]] = {
    "segment": "request_segment",
    "playlist": "request_playlist",
    "master": "request_master",
    "init": "request_init",
    "key": "request_key",
    "home": "request_home",
}
STATES: Final[dict[CacheState, str]] = {
    "hit": "state_hit",
    "stale": "state_stale",
    "revalidated": "state_revalidated",
    "shield_hit": "state_shield_hit",
    "miss": "state_miss",
    "bypass": "state_bypass",
}


class KindRow(NamedTuple):
    """One kind of request, as the table of caches shows it."""

    name: str
    hit: str
    told: str
    states: str
    age: str
    lifetimes: str


class LoadRow(NamedTuple):
    """One load of the origin; ``excuse`` in its place where there is none."""

    name: str
    requests: str
    wire: str
    excuse: Excuse | None


def tools(lang: str) -> dict[str, Callable[..., Any]]:
    """What the part ``cdn`` of a template calls."""
    return {
        "cache_rows": partial(cache_rows, lang),
        "origin_rows": partial(origin_rows, lang),
        "cache_vendors": partial(vendor_names, lang),
        "planned_values": partial(planned_values),
        "is_origin": lambda found: isinstance(found, Origin),
        "is_load": lambda found: isinstance(found, OriginLoad),
        "origin_picture": lambda cdn: picture(cdn, lang),
    }


def cache_rows(lang: str, cdn: Cdn) -> Iterator[KindRow]:
    """Kinds in the order of `KINDS`, those that were asked for."""
    for kind, key in KINDS.items():
        one = cdn.caches.kinds.get(kind)
        if one is not None and one.requests:
            yield _row(lang, fill(lang, key), one)


def _row(lang: str, name: str, one: KindEvidence) -> KindRow:
    join = "、" if lang == "zh" else ", "
    hit = fill(lang, "hit_unknown")
    if one.hit:
        low, high = (figures.number(round(100 * end, 2)) for end in (one.hit.low, one.hit.high))
        hit = f"{figures.percent(one.hit.mid)} ({low}–{high}%)"
    states = (fill(lang, key, count=f"{one.states[state]:,}") for state, key in STATES.items() if one.states.get(state))
    age = f"{figures.seconds(one.age.p50)}, {figures.seconds(one.age.p95)}" if one.age else ""
    lifetimes = (f"{lifetime} ({count:,})" for lifetime, count in one.lifetimes.items())
    return KindRow(name, hit, f"{one.told:,} / {one.requests:,}", join.join(states), age, join.join(lifetimes))


def origin_rows(lang: str, cdn: Cdn) -> Iterator[LoadRow]:
    """Loads of the origin: without collapsing first, at today's hit ratio and at those of the table; then with it."""
    found = cdn.origin
    if not isinstance(found, Origin):
        return
    yield _load(fill(lang, "origin_today"), found.today)
    for at in found.table:
        name = fill(lang, "origin_at_ratio", ratio=figures.percent(at.ratio))
        yield LoadRow(name, figures.rate(at.requests.mid, "requests/s"), figures.bits(at.wire.mid), None)
    yield _load(fill(lang, "origin_location"), found.location)
    if isinstance(found.locations, Excuse):
        yield _load(fill(lang, "origin_locations_unknown"), found.locations)
    elif cdn.locations:
        yield _load(fill(lang, "origin_locations", count=f"{cdn.locations:,}"), found.locations)
    if found.shielded:
        yield _load(fill(lang, "origin_shielded"), found.shielded)


def _load(name: str, load: OriginLoad | Excuse) -> LoadRow:
    if isinstance(load, Excuse):
        return LoadRow(name, "", "", load)
    requests = f"{figures.rate(load.requests.mid, 'requests/s')} ({figures.span(load.requests, 'requests/s')})"
    return LoadRow(name, requests, f"{figures.bits(load.wire.mid)} ({figures.span(load.wire, 'bit/s')})", None)


def vendor_names(lang: str, cdn: Cdn) -> str:
    """Whose headers were seen, most first."""
    known = vendors()
    most = sorted(cdn.caches.vendors.items(), key=lambda item: -item[1])
    names = [f"{known[code].name if code in known else code} ({count:,})" for code, count in most]
    return ("、" if lang == "zh" else ", ").join(names)


def planned_values(load: OriginLoad) -> dict[str, str]:
    """What the sentence on the planned load says, beside the region."""
    return {
        "requests": figures.rate(load.requests.mid, "requests/s"),
        "wire": figures.bits(load.wire.mid),
        "one_in": figures.number(1 / max(1e-9, 1 - load.hit_ratio.mid)),
    }
