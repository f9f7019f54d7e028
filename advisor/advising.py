"""From runs to an advice: the pipe of functions, each from one frozen type to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from advisor.advice import Advice, RegionAdvice, Totals
from advisor.autoscale.scaling import Region as Scaled
from advisor.autoscale.scaling import scale
from advisor.beside import beside
from advisor.capacities.capacity import Capacities, capacities
from advisor.capacities.nodes import observed
from advisor.capacities.scalability import REACH
from advisor.carrying.fleet import fleet_of
from advisor.caution import assumptions, cautions
from advisor.cdns import offer as cdn_offers
from advisor.cdns.plan import CdnPlan, cdn_plan
from advisor.changes.carried import parse_nodes
from advisor.changes.case import Case
from advisor.changes.supposing import suppositions
from advisor.changes.whatif import Question, what_if
from advisor.clouds.snapshot import Account
from advisor.clouds.today import account_looked, accounts_of
from advisor.cluster.snapshot import Cluster
from advisor.cluster.starts import measured
from advisor.cluster.today import Look, look, looked, today
from advisor.demands.cdn import cdn, length, peak_seconds_of, seen_of
from advisor.demands.demand import Demand, audience_of, demands, peak_viewers
from advisor.demands.rise import rise, rise_of_joins
from advisor.demands.usage import usages
from advisor.egress import prices as egress_prices
from advisor.egress.cost import Leaving, egress_costs
from advisor.interval import Interval
from advisor.measured.measure import JUDGED, Measurement, measure
from advisor.measured.recording import Recording
from advisor.models import Excuse
from advisor.offers.catalog import Stock, stale, stock_of
from advisor.offers.residency import Residence, nowhere, resided
from advisor.own import Own as Own  # one door for those who advise
from advisor.plans import lead
from advisor.plans.lead import TimeToCapacity, time_to_capacity
from advisor.plans.plan import Asked, Plan
from advisor.plans.shares import plans_of
from advisor.texts import Message, say
from advisor.verdict import Verdict, verdict
from loadtests.flow import joins, planned
from loadtests.region import Names
from loadtests.run import Run

ROUGH: Final = 0.10
"""A capacity interval wider than a tenth on either side is called rough (assumed)."""


def advise(
    runs: Sequence[Recording | Run],
    audience: dict[str, int] | None = None,
    *,
    accept_unfinished: bool = False,
    suppose: Sequence[str] = (),
    have: str = "",
    clusters: Sequence[Cluster] = (),
    own: Own | None = None,
) -> Advice:
    """Advise on a launch from its rehearsals; the same input gives the same advice, byte for byte.

    ``suppose`` and ``have`` are the user's own questions, as on the command line (docs/what-if.md).
    """
    own, measurement = own or Own(), measure(runs, accept_unfinished=accept_unfinished)
    whole = audience_of(measurement, audience)
    wanted = demands(measurement, whole)
    left_out = _left_out(whole, wanted)
    found = capacities(measurement)
    tested = peak_viewers(measurement.whole(JUDGED))
    factor = sum(whole.values()) / max(1.0, tested)
    stock = stock_of(measurement.scenario.launch, own.catalogs)
    looks = _looks(measurement, wanted, clusters, stock)
    asked = [_asked(measurement, demand, found, factor, looks, stock) for demand in wanted]
    asked = [replace(one, tested=max(1.0, tested)).within(own.account) for one in asked]
    judged, question = verdict(measurement), _question(measurement, wanted, tuple(whole), suppose, have)
    with beside(lambda: what_if(_cases(measurement, asked, judged), question)) as asked_meanwhile:
        regions, servers = _regions(measurement, asked, looks, stock, own), observed(measurement)
        changes = asked_meanwhile()
    plans = [region.nodes for region in regions if isinstance(region.nodes, Plan)]
    scenario = measurement.scenario
    return Advice(
        scenario=scenario.name,
        summary=_in_both(scenario.summary),
        target=scenario.target.url,
        names={code: measurement.places[code].name for code in scenario.regions},
        nodes_tested=measurement.nodes,
        tested_viewers=tested,
        factor=factor,
        sureness=_sureness(found, plans, measurement.nodes),
        launch=scenario.launch,
        budgets=scenario.budgets,
        warnings=(
            *measurement.warnings,
            *_stale(measurement, stock, own, regions),
            *servers.warnings,
            *cautions(measurement, found, wanted, plans, factor),
        ),
        verdict=judged,
        capacities=found,
        regions=regions,
        left_out=left_out,
        totals=_totals(regions, left_out),
        whatif=changes,
        assumptions=assumptions(measurement, found, plans, is_even=servers.is_even),
        runs=measurement.runs,
        servers=servers,
        clusters=tuple(looked(cluster, looks, [demand.region for demand in wanted]) for cluster in clusters),
        cdns=_cdns(measurement, regions, own),
        account=None if own.account is None else account_looked(own.account, measurement),
    )


Looks: TypeAlias = Mapping[str, Look]
"""What clusters say, by region."""


def _regions(
    measurement: Measurement, asked: Sequence[Asked], looks: Looks, stock: Stock, own: Own
) -> tuple[RegionAdvice, ...]:
    """Each region's plan, then with its autoscaler, what serves it today, what the account says, its egress."""
    planned_for = [_region(measurement, one, nodes) for one, nodes in zip(asked, plans_of(asked), strict=True)]
    regions = _compared(measurement, _scaled(measurement, planned_for, looks, stock), looks)
    regions = _accounted(measurement, regions, stock, own.account, asked[0].ends)
    return _leaving(measurement, regions, stock, own)


def _residence(measurement: Measurement, code: str, stock: Stock) -> Residence | None:
    usual = measurement.places[code].provider_regions
    return resided(measurement.scenario.launch.allowed_in(code), usual, stock.shops)


def _places(measurement: Measurement, code: str, stock: Stock) -> Mapping[str, str]:
    """Where each provider's nodes stand; the usual place where a rule leaves a provider none: things may run there."""
    usual, residence = measurement.places[code].provider_regions, _residence(measurement, code, stock)
    return usual if residence is None else {**usual, **residence.places}


def _looks(measurement: Measurement, wanted: Sequence[Demand], clusters: Sequence[Cluster], stock: Stock) -> Looks:
    scaling, codes = measurement.scenario.launch.scaling, [demand.region for demand in wanted]
    found = {code: look(clusters, code, _places(measurement, code, stock), scaling) for code in codes}
    return {code: one for code, one in found.items() if one is not None}


def _lead(measurement: Measurement, code: str, looks: Looks) -> TimeToCapacity:
    """As the scenario says it, else as the region's cluster shows it, else as published."""
    said = measurement.scenario.launch.time_to_capacity
    return time_to_capacity(said, _waited(code, looks))


def _waited(code: str, looks: Looks) -> tuple[lead.Part, ...]:
    return measured(looks[code].waited) if code in looks else ()


def _compared(measurement: Measurement, regions: Sequence[RegionAdvice], looks: Looks) -> tuple[RegionAdvice, ...]:
    """Each region with what serves it today."""
    scaling = measurement.scenario.launch.scaling
    return tuple(
        region.model_copy(
            update={
                "cluster": today(
                    looks[region.code],
                    region.nodes if isinstance(region.nodes, Plan) else None,
                    scaling,
                    None if region.fleet is None else region.fleet.nodes,
                )
            }
        )
        if region.code in looks
        else region
        for region in regions
    )


def _accounted(
    measurement: Measurement,
    regions: tuple[RegionAdvice, ...],
    stock: Stock,
    account: Account | None,
    ends: datetime | None,
) -> tuple[RegionAdvice, ...]:
    """Each region with what the account says of it."""
    plans = [(region.code, region.nodes, _places(measurement, region.code, stock)) for region in regions]
    found = accounts_of(account, plans, stock.node, ends)
    return tuple(region.model_copy(update={"account": found.get(region.code)}) for region in regions)


def _region(measurement: Measurement, asked: Asked, nodes: Plan | Excuse) -> RegionAdvice:
    demand, place = asked.demand, measurement.places[asked.demand.region]
    return RegionAdvice(
        code=demand.region,
        name=place.name,
        timezone=place.timezone,
        audience=round(demand.viewers.mid),
        demand=demand,
        nodes=nodes,
        cdn=cdn(demand, place, measurement.scenario, seen_of(measurement, demand)),
        residence=asked.residence,
    )


def _asked(
    measurement: Measurement, demand: Demand, found: Capacities, factor: float, looks: Looks, stock: Stock
) -> Asked:
    scenario = measurement.scenario
    launch, phases = scenario.launch, scenario.surge.phases()
    usual = measurement.places[demand.region].provider_regions
    residence = _residence(measurement, demand.region, stock)
    seconds = scenario.launch.cdn.watched or length(phases)
    return Asked(
        demand,
        found,
        launch,
        factor,
        measured=_waited(demand.region, looks),
        rise=rise(planned(scenario, demand.region), phases),
        joining=rise_of_joins(joins(scenario, demand.region), phases),
        places=usual if residence is None else residence.places,
        node=stock.node,
        offers=stock.offers,
        shops=stock.shops,
        residence=residence,
        barred=nowhere(demand.region, residence, [one.provider for one in (stock.node, *stock.offers)]),
        event_seconds=seconds,
        ends=None if scenario.starts_at is None else scenario.starts_at + timedelta(seconds=seconds),
    )


def _scaled(
    measurement: Measurement, regions: Sequence[RegionAdvice], looks: Looks, stock: Stock
) -> tuple[RegionAdvice, ...]:
    """Each region with what an autoscaler would make of it; all are searched together."""
    scenario = measurement.scenario
    phases = scenario.surge.phases()
    planned_for = [(region, region.nodes) for region in regions if isinstance(region.nodes, Plan)]
    asked = [
        Scaled(
            nodes,
            planned(scenario, region.code),
            joins(scenario, region.code),
            float(region.audience),
            phases,
            _lead(measurement, region.code, looks),
            scenario.launch.scaling,
            looks[region.code].settings if region.code in looks else None,
            stock.node,
        )
        for region, nodes in planned_for
    ]
    found = {
        region.code: {"scaling": one, "fleet": None if one is None else fleet_of(nodes, one, scenario.launch)}
        for (region, nodes), one in zip(planned_for, scale(asked), strict=True)
    }
    return tuple(region.model_copy(update=found.get(region.code)) for region in regions)


def _leaving(
    measurement: Measurement, regions: Sequence[RegionAdvice], stock: Stock, own: Own
) -> tuple[RegionAdvice, ...]:
    """Each region with what it costs to serve it by its nodes alone, where they may stand."""
    usual = {code: place.provider_regions for code, place in measurement.places.items()}
    places = {one.code: one.residence.places if one.residence else usual[one.code] for one in regions}
    leaving = [Leaving(one.code, one.nodes, places[one.code], one.cdn.event_gb) for one in regions]
    found = egress_costs(leaving, stock.node, egress_prices.lists_of(own.egress))
    return tuple(one.model_copy(update={"egress": found.get(one.code)}) for one in regions)


def _cdns(measurement: Measurement, regions: Sequence[RegionAdvice], own: Own) -> CdnPlan:
    edges = [(region.cdn, region.demand.viewers.mid) for region in regions]
    return cdn_plan(edges, measurement.scenario, _last_start(measurement), own.cdns, own.account)


def _stale(measurement: Measurement, stock: Stock, own: Own, regions: Sequence[RegionAdvice]) -> tuple[Message, ...]:
    """Catalogues that were old when the last run was made."""
    day = _last_start(measurement).date()
    cdns = cdn_offers.offers_of(measurement.scenario.launch.cdn, own.cdns)
    egress = egress_prices.stale(own.egress, {one.egress.provider for one in regions if one.egress}, day)
    return (*stale((stock.node, *stock.offers), day), *cdn_offers.stale(cdns, day), *egress)


def _last_start(measurement: Measurement) -> datetime:
    """When the last run was made."""
    return max(run.facts.started_at for run in measurement.runs)


def _cases(measurement: Measurement, asked: Sequence[Asked], judged: Verdict) -> tuple[Case, ...]:
    """What changes are asked of; offers are left out."""
    used = usages(measurement, [one.demand for one in asked])
    kept = judged.state == "held"
    return tuple(
        Case(
            asked=replace(one, offers=(), is_brief=True),
            usage=used[one.demand.region],
            edge=one.demand,
            place=measurement.places[one.demand.region],
            scenario=measurement.scenario,
            shown=one.demand.tested_viewers / measurement.nodes if kept else 0.0,
            peak_seconds=peak_seconds_of(measurement.scenario, one.demand.region),
        )
        for one in asked
    )


def _question(
    measurement: Measurement, wanted: Sequence[Demand], whole: Sequence[str], suppose: Sequence[str], have: str
) -> Question:
    """What is asked of a region that was left out is left out too."""
    codes = [demand.region for demand in wanted]
    nodes = parse_nodes(have, whole) if have else measurement.nodes
    there = nodes if isinstance(nodes, int) else {code: nodes[code] for code in codes}
    supposed = (one for one in suppositions(suppose, whole) if one.region is None or one.region in codes)
    return Question(tuple(supposed), there)


def _in_both(text: str | Names) -> Names:
    return text if isinstance(text, Names) else Names(en=text, zh=text)


def _left_out(audience: Mapping[str, int], wanted: Sequence[Demand]) -> tuple[Excuse, ...]:
    """The regions whose viewers were too few to know what one costs: the others are advised on all the same."""
    thin = [code for code in audience if code not in {demand.region for demand in wanted}]
    return tuple(Excuse(about=code, reason=say("excuse_thin"), remedy=say("remedy_thin")) for code in thin)


def _totals(regions: Sequence[RegionAdvice], left_out: Sequence[Excuse]) -> Totals:
    plans = [region.nodes for region in regions if isinstance(region.nodes, Plan)]
    return Totals(
        nodes=sum(found.nodes for found in plans) if len(plans) == len(regions) and not left_out else None,
        viewers=sum(region.audience for region in regions),
        wire=_sum([region.demand.wire for region in regions]),
        requests=_sum([region.demand.requests for region in regions]),
        joins=_sum([region.demand.joins for region in regions]),
        event_usd=_sum([region.cdn.event_usd for region in regions]),
        hour_usd=_sum([region.cdn.hour_usd for region in regions]),
    )


def _sum(parts: Sequence[Interval]) -> Interval:
    total = parts[0]
    for part in parts[1:]:
        total = total.plus(part)
    return total


def _sureness(
    found: Capacities, plans: Sequence[Plan], tested: int
) -> Literal["measured", "assumed", "rough", "bound", "none"]:
    if not found.saturated:
        return "bound" if found.found else "none"
    if any(limit.per_node.spread > ROUGH for limit in found.saturated):
        return "rough"
    beyond = found.scaling is None and any(one.nodes > REACH * tested for one in plans)
    return "assumed" if beyond else "measured"
