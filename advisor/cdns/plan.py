"""The CDNs of a launch as one value: who carries how much, what it costs, what quotas ask for, whom to tell by when.

Volume adds up to tiers per CDN and price zone, over all regions in the zone and on top of what was used before. A
region's part of a zone's cost goes by its part of the volume. The shield is asked at its peak rate during the whole
event, which is an upper bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from typing import Final

from pydantic import PositiveInt

from advisor.cdns.allowance import Allowance, room, with_account
from advisor.cdns.increase import Carried, Increase, distributions, increases
from advisor.cdns.notice import Notice, Peak, notices, on
from advisor.cdns.offer import CdnOffer, offers_of
from advisor.cdns.shield import PER, ShieldChoice, shield_fee, shield_of
from advisor.cdns.split import EdgeLoad, Shares, excuses, may_serve, split, unplaced
from advisor.clouds.snapshot import Account
from advisor.demands.behind import Origin
from advisor.demands.cdn import Cdn
from advisor.demands.origin import OriginLoad
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.texts import Message, say
from loadtests.caching import Caching
from loadtests.region import Frozen
from loadtests.scenario import Scenario

PERIODS: Final = {"day": 86_400.0, "month": 28 * 86_400.0}
"""Seconds of the shortest billing period of a kind."""
NOTHING: Final = Interval.exact(0.0)


class Bill(Frozen):
    """What one CDN asks for the event, in US dollars; None where a price is not known."""

    traffic: dict[str, Interval | None]
    """Per price zone."""
    requests: Interval | None
    shield: Interval | None = NOTHING
    """Nothing without a shield; None where its requests or its price are not known."""
    total: Interval | None


class CdnShare(Frozen):
    """One CDN in one region."""

    cdn: str
    region: str
    share: float
    """Of the region's viewers, traffic and requests."""
    zone: str
    """The price zone."""
    zone_is_assumed: bool
    """Whether nobody says that the region is in that zone."""
    viewers: float
    peak: Interval
    """bit/s."""
    requests: Interval
    """Per second."""
    gb: Interval
    usd: Interval | None
    """Traffic and requests; None where a price is not known."""


class CdnPart(Frozen):
    """One CDN over the whole event."""

    offer: CdnOffer
    viewers: float
    peak: Interval
    """bit/s, as if all regions had their peak at once."""
    requests: Interval
    """Per second, likewise."""
    gb: Interval
    event_requests: Interval
    bill: Bill
    distributions: PositiveInt | None
    """That carry it, each region by its own, at the quotas of ``offer.limits``: the account's where one was read, else
    those by default; None where no quota is known, or it carries nothing."""
    increases: tuple[Increase, ...]
    """What to ask for, also for what the account's quotas keep it from: so that one distribution does for each region,
    and for as many as it takes at the quotas there are."""
    allowance: Allowance | None = None
    """What the account has left of it; None where none was read, or it says nothing of this CDN."""
    shield: ShieldChoice | Excuse | None
    notices: tuple[Notice, ...]
    """What the vendor wants to be told; empty where nothing of the kind is published."""
    warnings: tuple[Message, ...]

    @property
    def serves(self) -> bool:
        """Whether it carries anything."""
        return self.viewers > 0


class CdnPlan(Frozen):
    """The CDNs of a launch."""

    today: date
    """The day (UTC) on which deadlines were looked at: that of the last run, unless another is given."""
    starts_at: datetime | None
    seconds: float
    """How long it lasts: as rehearsed, or as ``launch.cdn.watched`` says."""
    parts: tuple[CdnPart, ...]
    """Those that carry something, the largest first, then those that would if the account had more distributions."""
    shares: tuple[CdnShare, ...]
    refused: tuple[Excuse, ...]
    """Why each other CDN carries nothing of a region; the reason's key is its code."""
    unplaced: tuple[Excuse, ...]
    """What of a region no CDN carries."""
    alone: dict[str, Interval | None]
    """US dollars if one CDN carried every region, for those that may; None where a price is not known."""
    usd: Interval | None
    """Of all parts; None where one is not known, or where not everything is carried."""
    origin_requests: Interval | None = None
    """Per second at the origin behind all of them, as ``launch.cdn`` leads to; None where a region's is not known."""
    origin_wire: Interval | None = None
    """bit/s."""


def cdn_plan(
    regions: Sequence[tuple[Cdn, float]],
    scenario: Scenario,
    now: datetime,
    own: Sequence[CdnOffer] = (),
    account: Account | None = None,
) -> CdnPlan:
    """Split an event over CDNs, also those of one's ``own``; ``regions`` come with their viewers.

    InputError where a setting of ``launch.cdn`` names what is not known.
    """
    caching = scenario.launch.cdn
    offers, left_in = with_account(offers_of(caching, own), account)
    carries = room(offers, left_in)
    loads = [_load(edge, viewers) for edge, viewers in regions]
    shares = split(offers, loads, caching, carries)
    freely = split(offers, loads, caching) if carries else shares
    seconds = max((edge.event_seconds for edge, _ in regions), default=0.0)
    event = Event(caching, scenario.starts_at, seconds, now, left_in)
    served = [(offer, _served(offer, loads, shares), _served(offer, loads, freely)) for offer in offers]
    parts = [event.part(offer, now, wanted) for offer, now, wanted in served if now or wanted]
    parts.sort(key=lambda part: -part.peak.mid)
    left = tuple(unplaced(loads, shares, carries))
    shieldless = frozenset(offer.name for offer in offers if offer.shield is None)
    wanted = _origin([edge for edge, _ in regions], shares, shieldless)
    return CdnPlan(
        today=now.astimezone(UTC).date(),
        starts_at=scenario.starts_at,
        seconds=max(scenario.surge.duration, seconds),
        parts=tuple(parts),
        shares=tuple(_shares(parts, loads, shares)),
        refused=tuple(excuses(offers, loads, caching, shares, carries)),
        unplaced=left,
        alone={offer.name: _alone(offer, loads, caching) for offer in offers if _may_all(offer, loads, caching)},
        usd=None if left else total([part.bill.total for part in parts]),
        origin_requests=wanted and wanted[0],
        origin_wire=wanted and wanted[1],
    )


def looked_at(plan: CdnPlan, now: datetime) -> CdnPlan:
    """The same plan with its deadlines looked at at another moment."""
    parts = tuple(
        part.model_copy(update={"notices": tuple(on(notice, plan.starts_at, now) for notice in part.notices)})
        for part in plan.parts
    )
    return plan.model_copy(update={"today": now.astimezone(UTC).date(), "parts": parts})


def total(parts: Sequence[Interval | None]) -> Interval | None:
    """The sum; None where one of them is not known."""
    known = [part for part in parts if part is not None]
    return reduce(Interval.plus, known, NOTHING) if len(known) == len(parts) else None


def bill(
    offer: CdnOffer,
    loads: Sequence[EdgeLoad],
    caching: Caching,
    shield: ShieldChoice | Excuse | None = None,
) -> Bill:
    """What a CDN asks for these loads, also for its shield where there is one."""
    volumes: dict[str, Interval] = {}
    fees: list[Interval | None] = []
    for load in loads:
        if (zone := offer.zone_of(load.region)) is None:
            return Bill(traffic={}, requests=None, total=None)
        volumes[zone] = volumes.get(zone, NOTHING).plus(load.gb)
        fee = offer.zones[zone].per_10k
        fees.append(None if fee is None else load.event_requests.scale(fee * offer.dollars / PER))
    used = caching.used_gb.get(offer.name, {})
    tariffs = {zone: offer.tariff(zone) for zone in volumes}
    traffic = {
        zone: tariff.cost(volumes[zone], used.get(zone, 0.0)) if tariff else None for zone, tariff in tariffs.items()
    }
    asked = shield_fee(offer, total([load.shield_requests for load in loads]), shield) if caching.shield else NOTHING
    requests = total(fees)
    return Bill(traffic=traffic, requests=requests, shield=asked, total=total([*traffic.values(), requests, asked]))


def _load(edge: Cdn, viewers: float) -> EdgeLoad:
    asked = edge.planned.shield_requests if isinstance(edge.planned, OriginLoad) else None
    return EdgeLoad(
        region=edge.region,
        viewers=viewers,
        peak=edge.peak,
        requests=edge.requests,
        gb=edge.event_gb,
        event_requests=edge.event_requests,
        shield_requests=asked and asked.scale(edge.event_seconds),
    )


def _served(offer: CdnOffer, loads: Sequence[EdgeLoad], shares: Shares) -> list[EdgeLoad]:
    """What one CDN carries."""
    return [load.part(shares[load.region][offer.name]) for load in loads if offer.name in shares[load.region]]


def _may_all(offer: CdnOffer, loads: Sequence[EdgeLoad], caching: Caching) -> bool:
    return all(may_serve(offer, load.region, caching) for load in loads)


def _alone(offer: CdnOffer, loads: Sequence[EdgeLoad], caching: Caching) -> Interval | None:
    return bill(offer, loads, caching, shield_of(offer, caching.origin)).total


@dataclass(frozen=True, slots=True)
class Event:
    """What all parts of one event share."""

    caching: Caching
    starts_at: datetime | None
    seconds: float
    now: datetime
    left_in: Mapping[str, Allowance]
    """What the account has left, by CDN."""

    def part(self, offer: CdnOffer, loads: Sequence[EdgeLoad], freely: Sequence[EdgeLoad]) -> CdnPart:
        """One CDN with what it carries, and would carry if the account had distributions enough."""
        peak = reduce(Interval.plus, [load.peak for load in loads], NOTHING)
        requests = reduce(Interval.plus, [load.requests for load in loads], NOTHING)
        now, wanted = _carried(offer, loads), _carried(offer, freely)
        asked = Carried(
            egress=max(now.egress, wanted.egress),
            requests=max(now.requests, wanted.requests),
            distributions=max(now.distributions or 0, wanted.distributions or 0),
        )
        viewers = sum(load.viewers for load in loads)
        shield, allowance = shield_of(offer, self.caching.origin), self.left_in.get(offer.name)
        most = Peak(viewers=viewers, egress=peak.high, egress_of_a_region=now.egress)
        return CdnPart(
            offer=offer,
            viewers=viewers,
            peak=peak,
            requests=requests,
            gb=reduce(Interval.plus, [load.gb for load in loads], NOTHING),
            event_requests=reduce(Interval.plus, [load.event_requests for load in loads], NOTHING),
            bill=bill(offer, loads, self.caching, shield),
            distributions=now.distributions if loads else None,
            increases=tuple(increases(offer, asked, allowance)),
            allowance=allowance,
            shield=shield,
            notices=notices(offer.notices, most, self.starts_at, self.now),
            warnings=tuple(_warnings(offer, now.distributions, requests, self)),
        )


def _carried(offer: CdnOffer, loads: Sequence[EdgeLoad]) -> Carried:
    counts = [distributions(offer, load.peak.high, load.requests.high) for load in loads]
    return Carried(
        egress=max((load.peak.high for load in loads), default=0.0),
        requests=max((load.requests.high for load in loads), default=0.0),
        distributions=None if offer.limits is None else sum(count or 0 for count in counts),
    )


def _warnings(offer: CdnOffer, needed: int | None, requests: Interval, event: Event) -> Iterator[Message]:
    if event.caching.shield and offer.shield is None:
        yield say("cdn_shield_unknown", cdn=offer.name)
    if event.seconds > PERIODS[offer.period]:
        yield say("cdn_long_event", cdn=offer.name)
    if offer.limits is None:
        yield say("cdn_limits_unknown", cdn=offer.name)
    elif needed is not None and needed > offer.limits.distributions:
        yield say(
            "cdn_many_distributions", cdn=offer.name, count=f"{needed:,}", quota=f"{offer.limits.distributions:,}"
        )
    keys = {None: "cmcd_key_unknown", True: "cmcd_key_has_query", False: "cmcd_key_has_no_query"}
    yield say(keys[offer.cache_key_has_query], cdn=offer.name, requests=f"{requests.mid:,.0f}")


def _shares(parts: Sequence[CdnPart], loads: Sequence[EdgeLoad], shares: Shares) -> Iterator[CdnShare]:
    for load in loads:
        for part in parts:
            if share := shares[load.region].get(part.offer.name):
                yield _share(part, load.part(share), share, loads, shares)


def _share(part: CdnPart, load: EdgeLoad, share: float, loads: Sequence[EdgeLoad], shares: Shares) -> CdnShare:
    offer = part.offer
    zone = offer.zone_of(load.region) or ""
    served = [one for one in _served(offer, loads, shares) if offer.zone_of(one.region) == zone]
    whole = sum(one.gb.mid for one in served)
    traffic, fee = part.bill.traffic.get(zone), offer.zones[zone].per_10k
    ours = None if traffic is None else traffic.scale(load.gb.mid / whole if whole else 0.0)
    asked = None if fee is None else load.event_requests.scale(fee * offer.dollars / PER)
    return CdnShare(
        cdn=offer.name,
        region=load.region,
        share=share,
        zone=zone,
        zone_is_assumed=load.region in offer.zones[zone].taken,
        viewers=load.viewers,
        peak=load.peak,
        requests=load.requests,
        gb=load.gb,
        usd=total([ours, asked]),
    )


def _origin(edges: Sequence[Cdn], shares: Shares, shieldless: Collection[str]) -> tuple[Interval, Interval] | None:
    """Every CDN of a region fetches for itself; regions add up, though a shield may serve several of them."""
    requests, wire = [], []
    for edge in edges:
        for cdn in shares[edge.region] or (None,):
            load = _bare(edge) if cdn in shieldless else edge.planned
            if not isinstance(load, OriginLoad):
                return None
            requests.append(load.requests)
            wire.append(load.wire)
    return reduce(Interval.plus, requests, NOTHING), reduce(Interval.plus, wire, NOTHING)


def _bare(edge: Cdn) -> OriginLoad | Excuse | None:
    """The origin's load where what ``launch.cdn.shield`` asks for is not there."""
    found = edge.origin
    return found.locations if isinstance(found, Origin) and edge.planned == found.shielded else edge.planned
