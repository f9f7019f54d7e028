"""What the account part of a report says: today beside what is needed, and what CloudFront counted of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from advisor import figures
from advisor.clouds.committed import Committed
from advisor.clouds.today import AccountLooked, AccountToday, Grown, QuotaToday, Served
from advisor.texts import fill, listed

BYTES_PER_GB = 1e9


def tools(lang: str) -> dict[str, Callable[..., Any]]:
    """What the templates of this part may call."""
    return {
        "account_looked": partial(looked_line, lang),
        "account_rows": partial(rows, lang),
        "account_served": partial(served_rows, lang),
    }


def looked_line(lang: str, one: AccountLooked) -> str:
    """Which account was read, and where."""
    if not one.account:
        return fill(lang, "account_shut")
    places = listed(lang, one.places) or fill(lang, "account_unknown")
    return fill(lang, "account_looked", account=one.account, arn=one.arn, at=one.at, places=places)


def rows(lang: str, found: AccountToday) -> list[tuple[str, str, str]]:
    """What, today, needed."""
    number = partial(_number, lang)
    kind = found.kind or fill(lang, "offer_rehearsed")
    nodes = _kinds(lang, found.needed) if found.needed else f"{number(found.needed_nodes)} × {kind}"
    lines = [
        ("running", _kinds(lang, found.running), nodes),
        ("spot", _kinds(lang, found.spot), _kinds(lang, found.needed_spot) if found.needed_spot else ""),
        *((("reserved", number(found.reserved), ""),) if found.kind else ()),
    ]
    named = [(fill(lang, f"account_row_{name}"), now, then) for name, now, then in lines]
    named += [line for one in found.quotas for line in _quota(lang, one, is_first=one is found.quotas[0])]
    if not any(one.spot for one in found.quotas):
        named.append((fill(lang, "account_row_spot_quota"), number(found.spot_quota), ""))
    named += [(fill(lang, "account_row_owned"), _owned(lang, found.committed), "")]
    named += [(fill(lang, "account_row_commitments"), _commitments(lang, found.committed), "")]
    return named + [(one.name, _grown(lang, one), "") for one in found.groups]


def _quota(lang: str, one: QuotaToday, *, is_first: bool) -> Iterator[tuple[str, str, str]]:
    """The quota, what is used of it, what is left and needed; the first is that of the type, others say their code."""
    number = partial(_number, lang)
    vcpus = number(one.needed)
    if one.together_vcpus != one.needed:
        vcpus = fill(lang, "account_vcpus_together", own=vcpus, all=number(one.together_vcpus))
    ask = fill(lang, "account_ask_row", ask=number(one.ask)) if one.ask is not None else ""
    lines = [
        ("spot_quota" if one.spot else "quota", number(one.quota), ask),
        ("used", number(one.used), ""),
        *((("own", number(one.own), ""),) if one.own else ()),
        ("left", number(one.left), vcpus),
    ]
    for name, now, then in lines:
        title = fill(lang, f"account_row_{name}")
        yield title if is_first else fill(lang, "account_row_of", title=title, code=one.code or "-"), now, then


def _kinds(lang: str, counts: Mapping[str, int] | None) -> str:
    if counts is None:
        return fill(lang, "account_unknown")
    return listed(lang, (f"{count:,} × {kind}" for kind, count in counts.items())) or "0"


def _owned(lang: str, found: Committed) -> str:
    if found.owned is None:
        return fill(lang, "account_unknown")
    lines = [
        fill(
            lang,
            "owned_zonal" if one.zone else "owned_regional",
            count=f"{one.count:,}",
            kind=one.kind,
            zone=one.zone,
            ends=f"{one.ends:%Y-%m-%d}",
        )
        for one in found.owned
    ]
    if found.others:
        lines.append(fill(lang, "owned_others", count=f"{found.others:,}"))
    return listed(lang, lines) or "0"


def _commitments(lang: str, found: Committed) -> str:
    if found.commitments is None:
        return fill(lang, "account_unknown")
    lines = (
        fill(
            lang,
            f"commitment_{one.reach}",
            usd=f"{one.currency} {one.per_hour:,.2f}",
            family=one.family,
            ends=f"{one.ends:%Y-%m-%d}",
        )
        for one in found.commitments
    )
    return listed(lang, lines) or "0"


def _grown(lang: str, one: Grown) -> str:
    sizes = {name: f"{getattr(one, name):,}" for name in ("minimum", "desired", "maximum")}
    kinds = listed(lang, one.kinds) or fill(lang, "account_unknown")
    if one.warm is None:
        return fill(lang, "account_group", kinds=kinds, **sizes)
    return fill(lang, "account_group_warm", kinds=kinds, warm=f"{one.warm:,}", **sizes)


def served_rows(lang: str, found: AccountLooked) -> list[tuple[str, str, str, str, str, str]]:
    """Who counted, over how long, requests, volume, hit ratio, errors: each distribution, then our own run."""
    lines = [_served(lang, one) for one in found.served or ()]
    if not lines:
        return []
    ours = figures.number(found.our_requests), figures.volume(found.our_bytes / BYTES_PER_GB)
    return [*lines, (fill(lang, "account_ours"), "", *ours, _share(lang, found.our_hit_ratio), "")]


def _served(lang: str, one: Served) -> tuple[str, str, str, str, str, str]:
    names = listed(lang, one.distribution.aliases) or one.distribution.domain
    shield = listed(lang, one.distribution.shields) or fill(lang, "account_no_shield")
    who = fill(lang, "account_distribution", id=one.distribution.id, names=names, shield=shield)
    seen, unknown = one.delivered, fill(lang, "account_unknown")
    if seen is None:
        return who, unknown, unknown, unknown, unknown, unknown
    return (
        who,
        figures.seconds(seen.seconds) if seen.seconds else unknown,
        unknown if seen.requests is None else figures.number(seen.requests),
        unknown if seen.bytes is None else figures.volume(seen.bytes / BYTES_PER_GB),
        _share(lang, seen.hit_ratio),
        _share(lang, seen.error_ratio),
    )


def _share(lang: str, value: float | None) -> str:
    return fill(lang, "account_unknown") if value is None else figures.percent(value)


def _number(lang: str, value: int | None) -> str:
    return fill(lang, "account_unknown") if value is None else f"{value:,}"
