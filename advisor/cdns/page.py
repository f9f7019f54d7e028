"""What a report and a letter say of CDNs: rows and sentences of text in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from advisor import figures
from advisor.cdns.increase import COUNTED, Increase
from advisor.cdns.notice import Notice
from advisor.cdns.plan import CdnPart, CdnPlan, CdnShare, total
from advisor.cdns.promise import Answer, down
from advisor.cdns.shield import ShieldChoice
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.offers.origin import Origin
from advisor.texts import fill, listed, name_of, texts, told
from loadtests.region import Names


def tools(lang: str, names: Mapping[str, Names]) -> dict[str, Callable[..., Any]]:
    """What the part ``cdns`` of a template calls."""
    return {
        "cdns_lead": partial(lead, lang),
        "cdns_parts": partial(part_rows, lang),
        "cdns_shares": partial(share_rows, lang, names),
        "cdns_lines": partial(lines, lang, names),
        "cdns_sources": partial(sources, lang),
    }


def lead(lang: str, plan: CdnPlan) -> str:
    """What the whole event costs."""
    if not any(part.serves for part in plan.parts):
        return fill(lang, "cdns_nothing")
    volume = figures.volume(sum(part.gb.mid for part in plan.parts))
    if plan.usd is None:
        return fill(lang, "cdns_lead_unknown", volume=volume)
    return fill(lang, "cdns_lead", volume=volume, usd=figures.dollars(plan.usd.mid), span=figures.span(plan.usd, "USD"))


def part_rows(lang: str, plan: CdnPlan) -> Iterator[tuple[str, ...]]:
    """CDN, viewers, peak, requests, volume, cost, cost alone, distributions, SLA."""
    for part in (one for one in plan.parts if one.serves):
        offer = part.offer
        yield (
            name_of(offer.title, lang),
            figures.number(part.viewers),
            f"{figures.bits(part.peak.mid)} ({figures.span(part.peak, 'bit/s')})",
            figures.rate(part.requests.mid, "requests/s"),
            figures.volume(part.gb.mid),
            _middle(lang, part.bill.total),
            _middle(lang, plan.alone[offer.name]) if offer.name in plan.alone else fill(lang, "cdns_not_all"),
            _distributions(lang, part),
            fill(lang, "cdns_unknown") if offer.sla is None else figures.percent(offer.sla),
        )


def _middle(lang: str, usd: Interval | None) -> str:
    return fill(lang, "cdns_unknown") if usd is None else figures.dollars(usd.mid)


def _distributions(lang: str, part: CdnPart) -> str:
    limits = part.offer.limits
    if limits is None or part.distributions is None:
        return fill(lang, "cdns_unknown")
    left = part.allowance.left if part.allowance else None
    key, most = ("cdns_distributions", limits.distributions) if left is None else ("cdns_distributions_left", left)
    return fill(lang, key, count=f"{part.distributions:,}", quota=f"{most:,}")


def share_rows(lang: str, names: Mapping[str, Names], plan: CdnPlan) -> Iterator[tuple[str, ...]]:
    """Region, CDN, share, zone, peak, requests, volume, cost."""
    titles = {part.offer.name: part.offer.title for part in plan.parts}
    for one in plan.shares:
        yield (
            name_of(names[one.region], lang),
            name_of(titles[one.cdn], lang),
            figures.percent(one.share),
            fill(lang, "cdns_zone_assumed", zone=one.zone) if one.zone_is_assumed else one.zone,
            figures.bits(one.peak.mid),
            figures.rate(one.requests.mid, "requests/s"),
            figures.volume(one.gb.mid),
            money(lang, one.usd),
        )


def money(lang: str, usd: Interval | None) -> str:
    """US dollars with their range, or that nobody knows."""
    if usd is None:
        return fill(lang, "cdns_unknown")
    if usd.low == usd.high:
        return figures.dollars(usd.mid)
    return f"{figures.dollars(usd.mid)} ({figures.span(usd, 'USD')})"


def lines(lang: str, names: Mapping[str, Names], plan: CdnPlan) -> Iterator[str]:
    """What is to be done, a sentence each: what finds no place, deadlines, quotas, shields, cache keys, the origin."""
    for excuse in plan.unplaced:
        yield excused(lang, names, excuse)
    for part in plan.parts:
        yield from _lines(lang, names, plan, part)
    if plan.origin_requests is not None and plan.origin_wire is not None:
        requests, wire = figures.rate(plan.origin_requests.mid, "requests/s"), figures.bits(plan.origin_wire.mid)
        yield fill(lang, "cdns_origin", requests=requests, wire=wire)


def _lines(lang: str, names: Mapping[str, Names], plan: CdnPlan, part: CdnPart) -> Iterator[str]:
    if part.serves:
        yield from _served(lang, plan, part)
    if (line := _allowance(lang, part)) is not None:
        yield line
    cdn = name_of(part.offer.title, lang)
    for more in part.increases:
        key = "cdns_increase_count" if more.unit == COUNTED else "cdns_increase"
        yield fill(lang, key, cdn=cdn, count=f"{part.distributions or 1:,}", **asked_for(more))
    if part.serves:
        yield from _set_up(lang, names, part)


def _served(lang: str, plan: CdnPlan, part: CdnPart) -> Iterator[str]:
    cdn = name_of(part.offer.title, lang)
    parts = {"traffic": _sum(lang, part), "requests": money(lang, part.bill.requests)}
    yield fill(lang, "cdns_bill", cdn=cdn, shield=money(lang, part.bill.shield), **parts)
    yield from promised(lang, part)
    yield from noticed(lang, plan, part)


def _set_up(lang: str, names: Mapping[str, Names], part: CdnPart) -> Iterator[str]:
    if (line := shield_line(lang, names, part)) is not None:
        yield line
    for warning in part.warnings:
        yield fill(lang, warning.key, **{**warning.values, "cdn": name_of(part.offer.title, lang)})


def _allowance(lang: str, part: CdnPart) -> str | None:
    """What the account has left; None where none was read."""
    found = part.allowance
    if found is None:
        return None
    numbers = {"quota": found.quota, "used": found.used, "serving": found.serving, "left": found.left}
    known = {name: fill(lang, "cdns_unknown") if count is None else f"{count:,}" for name, count in numbers.items()}
    key = "cdns_account" if found.left is not None else "cdns_account_unknown"
    needed = fill(lang, "cdns_unknown") if part.distributions is None else f"{part.distributions:,}"
    return fill(lang, key, cdn=name_of(part.offer.title, lang), account=found.account, needed=needed, **known)


def promised(lang: str, part: CdnPart) -> Iterator[str]:
    """What may be down without a breach, what comes back after one, and how soon somebody answers."""
    offer, cdn = part.offer, name_of(part.offer.title, lang)
    comma = "；" if lang == "zh" else "; "
    if offer.sla is not None:
        key = "cdns_promise" if offer.counts_from is None else "cdns_promise_from"
        spared = "" if offer.counts_from is None else _minutes(offer.counts_from)
        yield fill(lang, key, cdn=cdn, sla=figures.percent(offer.sla), down=_minutes(down(offer.sla)), spared=spared)
    if offer.credits:
        bands = [
            fill(lang, "cdns_credit", below=figures.percent(one.below), share=figures.percent(one.share))
            for one in offer.credits
        ]
        most = max(one.share for one in offer.credits)
        back = None if part.bill.total is None else part.bill.total.scale(most)
        yield fill(lang, "cdns_credits", cdn=cdn, bands=comma.join(bands), usd=_middle(lang, back))
    if offer.support:
        yield fill(lang, "cdns_support", cdn=cdn, answers=comma.join(_answer(lang, one) for one in offer.support))


def _answer(lang: str, one: Answer) -> str:
    severity, plans = fill(lang, f"severity_{one.severity}"), listed(lang, one.plans)
    return fill(lang, "cdns_answer", severity=severity, minutes=_minutes(one.within), plans=plans)


def _minutes(seconds: float) -> str:
    return figures.number(seconds / 60)


def _sum(lang: str, part: CdnPart) -> str:
    return money(lang, total(list(part.bill.traffic.values())))


def asked_for(more: Increase) -> dict[str, str]:
    """What the sentence on a quota says."""
    return {"quota": more.quota, "now": f"{more.now:,.0f}", "wanted": f"{more.wanted:,.0f} {more.unit}"}


def shield_line(lang: str, names: Mapping[str, Names], part: CdnPart) -> str | None:
    """Where the shield belongs, or why nobody can say; None where the CDN has none."""
    match part.shield:
        case ShieldChoice() as found:
            key = "cdns_shield_named" if found.is_named else "cdns_shield_nearest"
            cdn, far = name_of(part.offer.title, lang), figures.number(found.kilometres)
            return fill(lang, key, cdn=cdn, region=found.region, kilometres=far)
        case Excuse() as excuse:
            return f"{name_of(part.offer.title, lang)}{fill(lang, 'colon')}{excused(lang, names, excuse)}"
        case None:
            return None


def noticed(lang: str, plan: CdnPlan, part: CdnPart) -> Iterator[str]:
    """Whom to tell, by when, and whether that can still be done."""
    cdn = name_of(part.offer.title, lang)
    if not part.notices:
        yield fill(lang, "notice_none", cdn=cdn)
    for notice in part.notices:
        values = {"cdn": cdn, "today": str(notice.today or plan.today), **notice_values(lang, notice)}
        yield fill(lang, f"notice_{notice.standing}", **values)


def notice_values(lang: str, notice: Notice) -> dict[str, str]:
    """What sentences on a deadline say."""
    return {
        "before": _before(lang, notice),
        "day": str(notice.send_by or ""),
        "passed": " ".join(told(message, lang, {}) for message in notice.passed),
    }


def _before(lang: str, notice: Notice) -> str:
    """How long before, and by which calendar."""
    rule = notice.rule
    if not rule.working or not rule.country:
        return fill(lang, "notice_working" if rule.working else "notice_days", days=str(rule.days))
    found = {"notice_off": notice.off, "notice_worked": notice.worked, "notice_not_decreed": notice.not_decreed}
    comma = "、" if lang == "zh" else ", "
    told = (fill(lang, key, days=comma.join(str(day) for day in days)) for key, days in found.items() if days)
    country = texts(lang).get(f"country_{rule.country}", rule.country)
    return fill(lang, "notice_working_in", days=str(rule.days), country=country, found="".join(told))


def excused(lang: str, names: Mapping[str, Names], excuse: Excuse) -> str:
    """An excuse with its remedy."""
    return f"{told(excuse.reason, lang, names)} {told(excuse.remedy, lang, names)}"


def sources(lang: str, plan: CdnPlan) -> Iterator[str]:
    """Where the figures of each CDN are from."""
    for part in plan.parts:
        facts = part.offer.facts
        known = {"prices": facts.prices, "requests": facts.requests, "limits": facts.limits, "sla": facts.sla}
        said = {kind: _fact(lang, origin) for kind, origin in known.items()}
        yield fill(lang, "cdns_source", cdn=name_of(part.offer.title, lang), **said)


def _fact(lang: str, origin: Origin | None) -> str:
    if origin is None:
        return fill(lang, "cdns_unknown")
    confidence = fill(lang, f"confidence_{origin.confidence}")
    return fill(lang, "cdns_fact", source=origin.source, as_of=origin.as_of, confidence=confidence)


def share_of(plan: CdnPlan, part: CdnPart) -> Iterator[CdnShare]:
    """What one CDN carries, region by region."""
    return (one for one in plan.shares if one.cdn == part.offer.name)
