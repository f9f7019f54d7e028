"""Variables of Terraform: what ``terraform/live`` reads for one region, each value with the id of its reason.

    "surge": {"zones": 3}, "why": {"zones": "zones"}, "reasons": {"zones": {"en": …, "zh": …}}

A part that cannot be advised is null, and its reason says what is missing; the other parts are written all the same.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from advisor import figures
from advisor.advice import Advice, RegionAdvice
from advisor.carrying.exporting import Written, exported
from advisor.carrying.fleet import Fleet, Group
from advisor.carrying.generators import FULL, VCPUS, machines
from advisor.cdns.offer import CdnOffer, load_offer
from advisor.cdns.shield import ShieldChoice, shield_of
from advisor.clouds.groups import group_need
from advisor.demands.behind import Origin
from advisor.exports import Because, Exported, named, unbought
from advisor.models import Excuse
from advisor.texts import LANGS, Message, fill, say, told
from loadtests.region import Fact, Region
from loadtests.scenario import Scenario

FILE: Final = "surge.auto.tfvars.json"
"""Terraform reads a file of such a name by itself."""
PROVIDER: Final = "aws"
CDN: Final = "cloudfront"
"""What terraform/modules/cdn makes."""
DELAY: Final = timedelta(seconds=120)
"""A scheduled action may come so late (Amazon EC2 Auto Scaling User Guide, "Scheduled scaling", considerations)."""
SEGMENT_TTL: Final = 86_400
"""Seconds that a segment is kept (assumed): its bytes never change, and nobody asks for it a day later."""
MOST_TTL: Final = 10
"""Seconds that a playlist may be kept at most, as terraform/modules/cdn takes it (assumed)."""
RESERVED: Final = (".test", ".example", ".invalid", ".localhost", ".local", ".internal", ".arpa")
"""Names that nobody finds on the internet (RFC 2606, RFC 6761, RFC 6762; ICANN 2024-07 for ``internal``)."""
UNTAGGED: Final = re.compile(r"[^\w .:/=+@-]", re.ASCII)


@dataclass
class _Said:
    """What sentences say, and what could not be told; filled while the parts are made."""

    values: dict[str, str]
    groups: tuple[Group, ...] = ()
    """Nodes, which each language names in its own way."""
    missing: dict[str, Excuse] = field(default_factory=dict)

    def or_null(self, part: str, answer: Any) -> Any:
        """The answer, or null with the reason why."""
        if isinstance(answer, Excuse):
            self.missing[f"no_{part}"] = answer
            return Because(None, f"no_{part}")
        return answer


def export_variables(
    advice: Advice, scenario: Scenario, places: Mapping[str, Region], carries: Mapping[str, int], folder: Path
) -> tuple[Written, ...]:
    """Write every region's variables beside its manifests; what was written for other regions is removed.

    ``carries`` are viewers that a core drives, by region.
    """
    written = [
        _region(advice, scenario, region, places[region.code].provider_regions, carries[region.code], folder)
        for region in advice.regions
    ]
    here = {region.code for region in advice.regions}
    others = [one for one in sorted(folder.iterdir()) if one.name not in here and one.is_dir() and not one.is_symlink()]
    gone = [(one.name, _removed(one / FILE)) for one in others]
    return (*written, *(Written(code, (), (), files) for code, files in gone if files))


def _region(
    advice: Advice, scenario: Scenario, region: RegionAdvice, provided: Mapping[str, str], per_core: int, folder: Path
) -> Written:
    file = folder / region.code / FILE
    if PROVIDER not in provided:
        lost = Excuse(about=region.code, reason=say("tf_no_region"), remedy=say("remedy_tf_no_region"))
        return Written(region.code, (), (lost,), _removed(file))
    said = _Said({})
    found = _surge(advice, scenario, region, _place(region, provided[PROVIDER], said), per_core, said)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(document(found, said, advice), encoding="utf-8")
    return Written(region.code, (file,), tuple(said.missing.values()))


def _place(region: RegionAdvice, usual: str, said: _Said) -> Because:
    """The AWS region of the nodes, as ``launch.residency`` has it; the usual one where no node of AWS may stand."""
    if region.residence is None:
        return Because(usual, "place")
    said.values["allowed"] = ", ".join(region.residence.allowed)
    place = region.residence.places.get(PROVIDER)
    return Because(place, "place") if place else Because(usual, "place_barred")


def _removed(file: Path) -> tuple[Path, ...]:
    """The file, taken away where it is ours: whoever plans with the folder would buy what it says."""
    if not _is_ours(file):
        return ()
    file.unlink()
    return (file,)


def _is_ours(file: Path) -> bool:
    try:
        return set(json.loads(file.read_text(encoding="utf-8"))) == {"surge", "why", "reasons"}
    except (OSError, ValueError, TypeError):
        return False


def document(surge: Mapping[str, Any], said: _Said, advice: Advice) -> str:
    """The file: values, the id of each one's reason, the reasons."""
    why = dict(_whys(surge, "", "given"))
    reasons = {one: _reason(one, said, advice) for one in sorted(set(why.values()))}
    data = {"surge": _plain(surge), "why": why, "reasons": reasons}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _reason(why: str, said: _Said, advice: Advice) -> dict[str, str]:
    excuse = said.missing.get(why)
    if excuse is None:
        return {lang: fill(lang, f"tf_why_{why}", **said.values, **named(lang, said.groups)) for lang in LANGS}
    messages = (excuse.reason, excuse.remedy)
    return {lang: " ".join(told(one, lang, advice.names) for one in messages) for lang in LANGS}


def _whys(value: Any, path: str, why: str) -> Iterator[tuple[str, str]]:
    """Each value's path and the id of its reason; a list is one value."""
    match value:
        case Because():
            yield from _whys(value.value, path, value.why)
        case Mapping():
            for name, one in value.items():
                yield from _whys(one, f"{path}.{name}".removeprefix("."), why)
        case _:
            yield path, why


def _plain(value: Any) -> Any:
    match value:
        case Because():
            return _plain(value.value)
        case Mapping():
            return {name: _plain(one) for name, one in value.items()}
        case tuple():
            return list(value)
        case _:
            return value


def _surge(
    advice: Advice, scenario: Scenario, region: RegionAdvice, place: Because, per_core: int, said: _Said
) -> dict[str, Any]:
    at = str(place.value)
    run = " ".join(one.facts.run_id for one in advice.runs)
    said.values |= {"run": run, "at": at, "zones": str(scenario.launch.zones)}
    tags = {"surgecast-run": run, "surgecast-scenario": scenario.name, "surgecast-region": region.code}
    nodes, event = _nodes(advice, scenario, region, said)
    return {
        "scenario": scenario.name,
        "region": region.code,
        "provider_region": place,
        "zones": Because(scenario.launch.zones, "zones"),
        "nodes": said.or_null("nodes", nodes),
        "event": said.or_null("event", event),
        "generators": said.or_null("generators", _generators(scenario, region, at, per_core, said)),
        "cdn": said.or_null("cdn", _cdn(advice, scenario, region, at, said)),
        "tags": Because({name: UNTAGGED.sub("_", text)[:256] for name, text in tags.items()}, "tags"),
    }


def _nodes(
    advice: Advice, scenario: Scenario, region: RegionAdvice, said: _Said
) -> tuple[dict[str, Any] | Excuse, dict[str, Any] | Excuse]:
    """Nodes and the event, or why there are none; a group for each shape and way to pay."""
    plan, scaling = region.nodes, region.scaling
    if isinstance(plan, Excuse):
        return plan, plan
    if scaling is None:
        idle = Excuse(about=region.code, reason=say("export_no_course"), remedy=say("remedy_export_no_course"))
        return idle, idle
    if (unmet := unbought(region.code, plan.offers)) is not None:
        return unmet, unmet
    best, fleet = plan.offers.chosen, region.fleet
    if best is None or best.offer.provider != PROVIDER or fleet is None:
        lost = Excuse(about=region.code, reason=say("tf_no_offer"), remedy=say("remedy_tf_no_offer"))
        return lost, lost
    asked = exported(advice, scenario, region, plan)
    starting = asked.scaling.launches.nodes.seconds(fleet.ahead - fleet.calm)
    need = best.groups or group_need(fleet.most, None)
    said.groups = fleet.groups
    said.values |= {
        "assumed": fleet.assumed,
        "peak": f"{fleet.nodes:,}",
        "most": f"{fleet.most:,}",
        "calm": f"{fleet.calm:,}",
        "ahead": f"{fleet.ahead:,}",
        "warm": f"{scenario.launch.scaling.warm_nodes:,}",
        "wait": figures.seconds(plan.lead.high),
        "starting": figures.seconds(starting),
        "each": f"{need.each:,}",
    }
    return {group.key: _group(group, need.each, fleet) for group in fleet.groups if group.most}, _event(asked, starting)


def _group(group: Group, each: int, fleet: Fleet) -> dict[str, Any]:
    return {
        "capacity_type": Because(group.capacity.upper().replace("-", "_"), "capacity"),
        "min": Because(group.calm, "calm"),
        "desired": Because(group.calm, "calm"),
        "max": Because(group.most, "max"),
        "ahead": Because(group.ahead, "ahead"),
        "warm": Because(group.warm, "warm"),
        "per_group": Because(each, "per_group"),
        "instance_types": Because((group.offer,), "type_assumed" if fleet.assumed else "type"),
    }


def _event(asked: Exported, starting: float) -> dict[str, Any] | Excuse:
    """When nodes are asked for: as long before the rise as the last and slowest takes, and never after the pods are.

    ``starting`` are the seconds until the last of them may be started.
    """
    if asked.event is None:
        field_ = "starts_at"
        return Excuse(
            about=asked.region,
            reason=say("export_lacks", field=field_),
            remedy=say("remedy_export_lacks", field=field_),
        )
    early = max(0.0, asked.plan.lead.high + starting - (asked.scaling.opens or 0.0))
    opens = asked.event.opens - timedelta(seconds=early) - DELAY
    return {"opens": Because(_utc(opens), "opens"), "ends": Because(_utc(asked.event.ends), "ends")}


def _utc(time: datetime) -> str:
    """On the minute, and earlier rather than later."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M}:00Z"


def _generators(
    scenario: Scenario, region: RegionAdvice, at: str, per_core: int, said: _Said
) -> dict[str, Any] | Excuse:
    wire, seconds = region.demand.wire.high, scenario.surge.duration
    found = machines(region.code, at, region.audience, wire, per_core, seconds)
    if isinstance(found, Excuse):
        return found
    said.values |= {
        "viewers": f"{region.audience:,}",
        "wire": figures.bits(wire),
        "per_core": f"{per_core:,}",
        "vcpus": str(VCPUS),
        "egress": figures.bits(found.egress * FULL),
        "minutes": str(found.minutes),
    }
    return {
        "machines": Because(found.count, found.binding),
        "ttl_minutes": Because(found.minutes, "ttl"),
        "instance_types": Because(found.types, "machine_types"),
    }


def _cdn(advice: Advice, scenario: Scenario, region: RegionAdvice, at: str, said: _Said) -> dict[str, Any] | Excuse:
    shares = None if advice.cdns is None else [one for one in advice.cdns.shares if one.region == region.code]
    if shares is not None and all(one.cdn != CDN for one in shares):
        return Excuse(about=region.code, reason=say("tf_no_cdn"), remedy=say("remedy_tf_no_cdn"))
    behind = region.cdn.origin
    if not isinstance(behind, Origin):
        return behind or Excuse(
            about=region.code,
            reason=say("excuse_no_segments", region=region.code),
            remedy=say("remedy_lower_baseline"),
        )
    url = scenario.targets[region.code].url
    host = urlsplit(url).hostname or ""
    ttl = max(1, min(MOST_TTL, math.floor(behind.objects.playlist_ttl)))
    said.values |= {"host": host, "ttl": str(ttl), "kept": figures.seconds(behind.objects.playlist_ttl)}
    lost = None if _is_public(host) else Excuse(about=region.code, reason=say("tf_no_host", host=host), remedy=_HOST)
    return {
        "origin": said.or_null("origin", lost or Because(host, "origin")),
        "shield_region": _shield(advice, scenario, region, at, said),
        "playlist_ttl": Because(ttl, "playlist_ttl"),
        "segment_ttl": Because(SEGMENT_TTL, "segment_ttl"),
        "must_carry": _must_carry(advice, region, said),
    }


def _must_carry(advice: Advice, region: RegionAdvice, said: _Said) -> Because:
    """High ends of what the market's only distribution carries, held against what one may."""
    shares = () if advice.cdns is None else advice.cdns.shares
    share = next((one for one in shares if (one.region, one.cdn) == (region.code, CDN)), None)
    peak, requests = (region.cdn.peak, region.cdn.requests) if share is None else (share.peak, share.requests)
    limits, why = _offer(advice).limits, "must_carry_unknown"
    said.values |= {"cdn_wire": figures.bits(peak.high), "cdn_requests": figures.rate(requests.high, "requests/s")}
    if limits is not None:
        said.values |= {
            "may_wire": figures.bits(limits.egress),
            "may_requests": figures.rate(limits.requests_per_second, "requests/s"),
        }
        fits = peak.high <= limits.egress and requests.high <= limits.requests_per_second
        why = "must_carry" if fits else "must_carry_more"
    return Because({"gbps": round(peak.high / 1e9, 3), "requests_per_second": math.ceil(requests.high)}, why)


def _offer(advice: Advice) -> CdnOffer:
    """CloudFront as the plan knows it: one's own file, the account's quotas."""
    planned = () if advice.cdns is None else (part.offer for part in advice.cdns.parts if part.offer.name == CDN)
    return next(iter(planned), None) or load_offer(CDN)


_HOST: Final[Message] = say("remedy_tf_no_host")


def _is_public(host: str) -> bool:
    """Whether a CDN can find it by its name."""
    if "." not in host or host.endswith(RESERVED):
        return False
    try:
        ip_address(host)
    except ValueError:
        return re.fullmatch(r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", host) is not None
    return False


def _shield(advice: Advice, scenario: Scenario, region: RegionAdvice, at: str, said: _Said) -> Any:
    if not scenario.launch.cdn.shield:
        return Because(None, "no_shield")
    origin = scenario.launch.cdn.origin
    if origin and isinstance(chosen := shield_of(_offer(advice), origin), ShieldChoice):
        said.values["place"] = origin
        return Because(chosen.region, "shield_of_origin")
    near = at if at in shields().value else nearest().value.get(at)
    if near is None:
        lost = Excuse(about=region.code, reason=say("tf_no_shield", at=at), remedy=say("remedy_tf_no_shield"))
        return said.or_null("known_shield", lost)
    return Because(near, "shield")


@cache
def _facts() -> dict[str, Any]:
    return dict(yaml.safe_load((resources.files("advisor.carrying") / "shields.yaml").read_text(encoding="utf-8")))


def shields() -> Fact[tuple[str, ...]]:
    """AWS regions in which CloudFront has an origin shield."""
    return Fact[tuple[str, ...]].model_validate(_facts()["regions"])


def nearest() -> Fact[dict[str, str]]:
    """The shield for an origin in a region that has none of its own."""
    return Fact[dict[str, str]].model_validate(_facts()["nearest"])
