"""What the report says of buying: the mix, the ways to pay, the quota, where nodes may stand, what was not taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from advisor import figures
from advisor.clouds.needed import held_back
from advisor.offers.buying import QuotaNeed, Way
from advisor.offers.offer import REHEARSED, Offer
from advisor.pages.planning import told_offer
from advisor.plans.bought import Mix
from advisor.plans.plan import Plan
from advisor.plans.refusals import Refusal
from advisor.texts import fill, listed

SHOWN: Final = 2
"""Refusals of one kind that are told one by one; advice.json has them all."""
NAMED: Final = 12
"""Families that are named of the others."""


def tools(lang: str) -> dict[str, Callable[..., Any]]:
    """What the templates of this part may call."""
    return {
        "residency_lines": partial(residency_lines, lang),
        "buying_lines": partial(buying_lines, lang),
        "quota_text": partial(quota_text, lang),
        "share_lines": partial(share_lines, lang),
        "spot_text": partial(spot_text, lang),
        "way_rows": partial(way_rows, lang),
        "ways_paid": partial(ways_paid, lang),
        "refusals": partial(refusals, lang),
    }


def residency_lines(lang: str, found: Plan) -> list[str]:
    """Where nodes stand and why; empty without a rule."""
    return [] if found.residence is None else [fill(lang, one.key, **one.values) for one in found.residence.reasons]


def buying_lines(lang: str, found: Plan) -> list[str]:
    """The cheapest mix with its reasons, and what the best offer's link carries."""
    lines = []
    if (mix := found.offers.mix) is not None:
        separator = "、" if lang == "zh" else " + "
        parts = separator.join(
            fill(
                lang,
                "mix_part",
                nodes=f"{part.nodes:,}",
                offer=_called(lang, part.offer),
                way=fill(lang, f"way_{part.purchase}"),
            )
            for part in mix.parts
        )
        values = {"parts": parts, "hour": figures.dollars(mix.usd_per_hour)}
        if mix.usd_per_event is None:
            lines.append(fill(lang, "mix_answer", **values))
        else:
            lines.append(fill(lang, "mix_answer_event", event=figures.dollars(mix.usd_per_event), **values))
        if mix.saves > 0:
            lines.append(fill(lang, "mix_saves", share=figures.percent(mix.saves)))
        lines += [fill(lang, one.key, **one.values) for one in mix.reasons]
    if (best := found.offers.best) is not None:
        if best.serving:
            counts = {"serving": f"{best.serving:,}", "nodes": f"{best.nodes:,}"}
            lines.append(fill(lang, "nodes_serving", offer=best.offer.name, **counts))
        lines += _link(lang, best.offer)
    return lines


def _called(lang: str, offer: str) -> str:
    return fill(lang, "offer_rehearsed") if offer == REHEARSED else offer


def _link(lang: str, offer: Offer) -> list[str]:
    if offer.egress is None or offer.egress_in_region is None or offer.flow is None:
        return []
    values = {
        "offer": offer.name,
        "egress": figures.rate(offer.egress.value, "bit/s"),
        "inside": figures.rate(offer.egress_in_region.value, "bit/s"),
        "flow": figures.rate(offer.flow.value, "bit/s"),
    }
    if offer.burst_in_region is None:
        return [fill(lang, "node_link", **values)]
    return [fill(lang, "node_burst", burst=figures.rate(offer.burst_in_region.value, "bit/s"), **values)]


def quota_text(lang: str, need: QuotaNeed, unknown: str = "unknown") -> str:
    """What is needed of a quota, and what is known of it; ``unknown`` names the sentence where that is nothing."""
    kind = "enough" if need.is_enough else "short"
    if need.known is None:
        kind = unknown
    elif need.share is not None:
        kind = "enough_shared" if need.is_enough else "short_shared"
    elif need.used is not None and need.source != "launch":
        kind = "enough_beside" if need.is_enough else "short_beside"
    counts = {"vcpus": need.vcpus, "known": need.known or 0, "used": need.used or 0, "total": need.total}
    values = {name: f"{count:,}" for name, count in counts.items()}
    told_need = fill(lang, f"quota_{kind}", code=need.code, region=need.region, **values, **_shared(lang, need))
    if need.known is None or need.source == "unknown":
        return told_need
    return ("" if lang == "zh" else " ").join((fill(lang, f"quota_by_{need.source}"), told_need))


def spot_text(lang: str, mix: Mix) -> str:
    """What its spot instances need of their quota; where only that holds more of them back, what those would need."""
    if mix.quota is None:
        return ""
    if (need := held_back(mix)) is None:
        return quota_text(lang, mix.quota, "unknown_spot")
    counts = {"vcpus": need.vcpus, "known": need.known or 0, "used": need.used or 0, "total": need.total}
    values = {name: f"{count:,}" for name, count in counts.items()}
    key = "quota_held_back" if need.share is None else "quota_held_back_shared"
    return fill(lang, key, code=need.code, region=need.region, **values, **_shared(lang, need))


def _shared(lang: str, need: QuotaNeed) -> dict[str, str]:
    return {"share": f"{need.share or 0:,}", "markets": listed(lang, need.markets)}


def share_lines(lang: str, found: Plan) -> list[str]:
    """What this market has of each quota that was divided, and with whom."""
    return [
        fill(
            lang,
            "share_spot" if one.spot else "share_steady",
            code=one.code,
            place=one.place,
            markets=listed(lang, one.markets),
            **{name: f"{getattr(one, name):,}" for name in ("left", "wanted", "share", "taken")},
        )
        for one in found.shares
    ]


def way_rows(lang: str, found: Plan) -> list[dict[str, str]]:
    """A row for each way to pay for the best offer."""
    return [_way_row(lang, way) for way in found.offers.ways if way.most]


def ways_paid(lang: str, found: Plan) -> str:
    """What of the best offer is paid for in every way; empty where nothing is."""
    best, ways = found.offers.best, found.offers.ways
    if best is None or not best.paid or not ways:
        return ""
    counts = {"paid": best.paid, "nodes": best.nodes, "rest": best.nodes - best.paid}
    key = "ways_paid" if counts["rest"] else "ways_all_paid"
    return fill(lang, key, **{name: f"{count:,}" for name, count in counts.items()})


def _way_row(lang: str, way: Way) -> dict[str, str]:
    unknown = fill(lang, "offer_unknown_price")
    facts = way.facts
    means = fill(
        lang,
        f"way_means_{way.name}",
        price=figures.percent(facts.price.value),
        waiting=figures.percent(facts.waiting.value) if facts.waiting else unknown,
        restart=figures.number(facts.restart.value) if facts.restart else unknown,
        interrupted=figures.percent(facts.interrupted.value) if facts.interrupted else unknown,
        notice=figures.number(facts.notice.value) if facts.notice else unknown,
        later=f"{way.most:,}",
        quota=facts.quota or unknown,
    )
    if not way.accepted:
        means += " " + fill(lang, "way_not_accepted", setting=f"launch.buying.{way.name}")
    return {
        "name": fill(lang, f"way_{way.name}"),
        "most": f"{way.most:,}",
        "hour": unknown if way.usd_per_hour is None else figures.dollars(way.usd_per_hour),
        "waiting": "" if way.usd_waiting is None else figures.dollars(way.usd_waiting),
        "means": means,
        "source": f"{facts.price.source}, {facts.price.as_of}",
        "confidence": fill(lang, f"confidence_{facts.price.confidence}"),
    }


def refusals(lang: str, found: Plan) -> list[str]:
    """Why the others are not taken: the first few of each kind, and by family how many more there are."""
    return [line for refusal in found.offers.refusals for line in _refusal(lang, refusal)]


def _refusal(lang: str, refusal: Refusal) -> list[str]:
    lines = []
    for excuse, _ in zip(refusal.each(), range(SHOWN), strict=False):
        reason, remedy = told_offer(lang, excuse.reason), told_offer(lang, excuse.remedy)
        lines.append(f"{reason} {remedy}")
    if rest := refusal.offers[SHOWN:]:
        families = Counter(name.partition(".")[0] for name in rest)
        names = [f"{name} ({count})" if count > 1 else name for name, count in families.items()]
        told_names = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        lines.append(fill(lang, "offers_refused_more", count=f"{len(rest):,}", names=told_names))
    return lines
