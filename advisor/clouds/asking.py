"""Asks AWS Service Quotas for more, quota by quota: what is already enough is left alone, and a refusal stops nothing.

Nothing is asked for unless ``send`` says so. Clients come from whoever knows the account (boto3, ``service-quotas``),
with the kinds of exception by which they refuse; nothing here imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from advisor.advice import Advice
from advisor.buying import QuotaNeed
from advisor.cdns.increase import Increase
from advisor.clouds.quotas import PROVIDER
from advisor.plan import Plan
from advisor.texts import Message, say


def increases_of(advice: Advice) -> tuple[Increase, ...]:
    """All that an advice needs of AWS: of its CDNs, and vCPUs for the nodes to buy.

    Markets with one AWS region share its quota, so what they need adds up; what the account runs beside is in it once.
    """
    parts = advice.cdns.parts if advice.cdns else ()
    found = [more for part in parts for more in part.increases]
    shared: dict[tuple[str, str], list[QuotaNeed]] = {}
    for region in advice.regions:
        choice = region.nodes.offers if isinstance(region.nodes, Plan) else None
        if choice is None or (wished := choice.wished) is None or wished.offer.provider != PROVIDER:
            continue
        for need in (wished.quota, choice.mix and choice.mix.quota):
            if need and need.code:
                shared.setdefault((need.region, need.code), []).append(need)
    return (*_summed(found), *(more for needs in shared.values() if (more := _vcpus(needs))))


def _summed(found: Iterable[Increase]) -> Iterator[Increase]:
    """Increases of one quota, added up."""
    summed: dict[tuple[str, str, str], Increase] = {}
    for more in found:
        key = (more.service, more.region, more.quota)
        before = summed[key].wanted if key in summed else 0.0
        summed[key] = more.model_copy(update={"wanted": before + more.wanted})
    yield from summed.values()


def _vcpus(needs: Sequence[QuotaNeed]) -> Increase | None:
    """What several markets need of one quota, and once what else runs there; None where it is known to be enough.

    The nodes that one of them counts as its own are not beside the others', so the smallest of what else runs holds.
    """
    first = needs[0]
    wanted = sum(need.vcpus for need in needs) + min(need.used or 0 for need in needs)
    is_short = first.source != "launch" and first.known is not None and wanted > first.known
    if not is_short and all(need.is_enough for need in needs):
        return None
    return Increase(
        service="ec2",
        region=first.region,
        quota=first.code,
        unit="vCPUs",
        now=float(first.known or 0),
        wanted=float(wanted),
    )


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
    if (now := float(found["Value"])) >= more.wanted:
        return say("cdn_quota_enough", **values, now=f"{now:,.0f}")
    if not send:
        return say("quota_would_be", **values, now=f"{now:,.0f}")
    answer = client.request_service_quota_increase(
        ServiceCode=more.service, QuotaCode=found["QuotaCode"], DesiredValue=more.wanted
    )["RequestedQuota"]
    return say("quota_asked", **values, id=str(answer.get("Id", "")), status=str(answer.get("Status", "")))


def _quota(client: QuotaClient, more: Increase) -> dict[str, Any] | None:
    """The quota of that name or code, with its value in this account; None where there is none."""
    for page in client.get_paginator("list_service_quotas").paginate(ServiceCode=more.service):
        for quota in page["Quotas"]:
            if more.quota in (quota["QuotaName"], quota["QuotaCode"]):
                return dict(quota)
    return None
