"""Asks AWS Service Quotas for more, quota by quota: what is already enough is left alone, and a refusal stops nothing.

Nothing is asked for unless ``send`` says so. Clients come from whoever knows the account (boto3, ``service-quotas``),
with the kinds of exception by which they refuse; nothing here imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from advisor.advice import Advice, RegionAdvice
from advisor.cdns.increase import Increase
from advisor.cdns.quota import names_of, sizes
from advisor.clouds.needed import held_back, taken, total
from advisor.clouds.today import QuotaToday
from advisor.offers.buying import QuotaNeed
from advisor.plans.choice import Choice
from advisor.plans.plan import Plan
from advisor.texts import Message, say


class Need(NamedTuple):
    """VCPUs that one market's nodes take of one quota."""

    vcpus: int
    known: int | None
    """The quota; None when nobody knows."""
    beside: int
    """vCPUs of what else runs there, as far as it is known."""
    is_said: bool
    """Whether ``launch.quota_vcpus`` says that it is enough."""


def increases_of(advice: Advice) -> tuple[Increase, ...]:
    """All that an advice needs of AWS: of its CDNs, and vCPUs for the nodes to buy.

    Markets with one AWS region share its quota, so what they need adds up; what the account runs beside is in it once.
    """
    parts = advice.cdns.parts if advice.cdns else ()
    found = [more for part in parts for more in part.increases]
    shared: dict[tuple[str, str], list[Need]] = {}
    for region in advice.regions:
        for place, code, need in _needs(region):
            shared.setdefault((place, code), []).append(need)
    vcpus = (_vcpus(*where, needs) for where, needs in shared.items())
    return (*_summed(found), *(more for more in vcpus if more))


def _needs(region: RegionAdvice) -> Iterator[tuple[str, str, Need]]:
    """Of the parts that are bought, each with the provider's region and the code of its quota."""
    choice = region.nodes.offers if isinstance(region.nodes, Plan) else None
    wished = None if choice is None else choice.wished
    if choice is None or wished is None or wished.quota is None:
        return
    parts, best = taken(choice), wished.quota
    known = {need.code: need for need in _told(choice) if need}
    rows = {row.code: row for row in region.account.quotas} if region.account else {}
    steady = total(part.vcpus for part in parts if not part.spot)
    covered = best.source == "launch" and None not in (best.known, steady) and (steady or 0) <= (best.known or 0)
    for code, spot in dict.fromkeys((part.code, part.spot) for part in parts if part.code):
        vcpus = total(part.vcpus for part in parts if (part.code, part.spot) == (code, spot))
        if vcpus:
            quota, beside = _held(rows.get(code), known.get(code))
            yield best.region, code, Need(vcpus, quota, beside, is_said=covered and not spot)


def _told(choice: Choice) -> Iterator[QuotaNeed | None]:
    """What is known of the quotas of all that is bought; of two for one code the last."""
    yield from (one.quota for one in (choice.wished, *choice.shapes) if one is not None)
    yield None if choice.mix is None else choice.mix.quota


def _held(row: QuotaToday | None, need: QuotaNeed | None) -> tuple[int | None, int]:
    """A quota and what counts against it beside the plan's nodes: as the account says, else as the plan knew it."""
    told = None if need is None or need.source == "launch" else need.known
    if row is None:
        return told, (need and need.used) or 0
    return (told if row.quota is None else row.quota), (row.used or 0) - row.own


def wishes_of(advice: Advice) -> Iterator[Message]:
    """Spot instances that only their quota holds back, by AWS region: they are not bought, so not asked for."""
    shared: dict[tuple[str, str], list[QuotaNeed]] = {}
    for region in advice.regions:
        mix = region.nodes.offers.mix if isinstance(region.nodes, Plan) else None
        if (need := held_back(mix)) and need.code:
            shared.setdefault((need.region, need.code), []).append(need)
    for (place, code), needs in shared.items():
        wanted = sum(need.vcpus for need in needs) + max(need.used or 0 for need in needs)
        yield say("quota_would_need", place=place, quota=code, wanted=f"{wanted:,}", now=f"{needs[0].known:,}")


def _summed(found: Iterable[Increase]) -> Iterator[Increase]:
    """Increases of one quota, added up."""
    summed: dict[tuple[str, str, str], Increase] = {}
    for more in found:
        key = (more.service, more.region, more.quota)
        before = summed[key].wanted if key in summed else 0.0
        summed[key] = more.model_copy(update={"wanted": before + more.wanted})
    yield from summed.values()


def _vcpus(place: str, code: str, needs: Sequence[Need]) -> Increase | None:
    """What several markets need of one quota, and once what else runs there; None where it is known to be enough."""
    wanted = sum(need.vcpus for need in needs) + max(need.beside for need in needs)
    known = next((need.known for need in needs if need.known is not None), None)
    if all(need.is_said for need in needs) or (known is not None and wanted <= known):
        return None
    return Increase(service="ec2", region=place, quota=code, unit="vCPUs", now=float(known or 0), wanted=float(wanted))


class QuotaClient(Protocol):
    """What is called of boto3's client."""

    def get_paginator(self, name: str, /) -> Any:
        """Pages of an operation."""

    def request_service_quota_increase(self, **wanted: Any) -> dict[str, Any]:
        """Ask for more of one quota."""


def ask(
    client: Callable[[str], QuotaClient],
    increases: Sequence[Increase],
    refusals: tuple[type[Exception], ...],
    *,
    send: bool,
) -> Iterator[Message]:
    """A sentence on each increase: asked for, enough already, not to be asked for here, or why not.

    ``client`` gives that of a region. With ``send`` false it is only looked up what would be asked for.
    """
    if not increases:
        yield say("quota_none_needed")
    for more in increases:
        try:
            yield _ask(client(more.region), more, send=send)
        except refusals as error:
            yield say("quota_refused", quota=more.quota, why=" ".join(str(error).split()))


def _ask(client: QuotaClient, more: Increase, *, send: bool) -> Message:
    values = {"quota": more.quota, "wanted": f"{more.wanted:,.0f} {more.unit}"}
    found = _quota(client, more)
    if found is None:
        return say("quota_unlisted", **values)
    known, unit = sizes(more.unit), str(found.get("Unit") or "")
    if known and unit not in known:
        return say("quota_unit_unknown", **values, unit=unit)
    size = known.get(unit, 1.0)
    if (now := float(found["Value"]) / size) >= more.wanted:
        return say("cdn_quota_enough", **values, now=f"{now:,.0f}")
    if not send:
        return say("quota_would_be", **values, now=f"{now:,.0f}")
    answer = client.request_service_quota_increase(
        ServiceCode=more.service, QuotaCode=found["QuotaCode"], DesiredValue=more.wanted * size
    )["RequestedQuota"]
    return say("quota_asked", **values, id=str(answer.get("Id", "")), status=str(answer.get("Status", "")))


def _quota(client: QuotaClient, more: Increase) -> dict[str, Any] | None:
    """The quota of any of those names or that code, with its value in this account; None where there is none."""
    names = names_of(more.quota)
    for page in client.get_paginator("list_service_quotas").paginate(ServiceCode=more.service):
        for quota in page["Quotas"]:
            if quota["QuotaName"] in names or quota["QuotaCode"] in names:
                return dict(quota)
    return None
