"""What the report says of nodes, pods and prices is what the exported files hold, whatever was chosen."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from advisor import figures
from advisor.advice import Advice, RegionAdvice
from advisor.advising import advise
from advisor.carrying.exporting import export
from advisor.carrying.fleet import _is_beyond, _spread, fleet_of
from advisor.carrying.terraform import FILE, export_variables
from advisor.clouds.asking import increases_of
from advisor.clouds.today import needs
from advisor.cluster.snapshot import Cluster
from advisor.offers.catalog import load
from advisor.offers.offer import UNKNOWN_NODE, Offer
from advisor.own import Own
from advisor.pages.fleetpage import lines, pods, rows, shown
from advisor.pages.scaled import settings
from advisor.pages.summary import summary
from advisor.plans.bought import Part
from advisor.plans.plan import Plan
from advisor.reports import write_reports
from advisor.texts import LANGS
from loadtests.run import Run
from loadtests.scenario import Scenario
from tests.advisor.runs import Town, run_of
from tests.cluster import objects
from tests.cluster.test_today import seen

SCALING = {
    "workload": "live-origin",
    "namespace": "live",
    "pods_per_node": 2,
    "metric": {"prometheus": "http://prometheus.monitoring:9090", "query": "sum(rate(bytes_total[1m])) * 8"},
}
LAUNCH: Mapping[str, Any] = {"node": "c7g.4xlarge", "offers": ["ec2"], "scaling": SCALING}
CASES: Mapping[str, Mapping[str, Any]] = {
    "rehearsed alone": {"offers": []},
    "two shapes": {},
    "spot": {"buying": {"spot": "30%"}},
    "spot and savings": {"buying": {"spot": "20%", "savings": True}, "offers": []},
    "wall": {"scaling": SCALING | {"most_nodes": 40}},
    "warm": {"scaling": SCALING | {"warm_nodes": 4}, "buying": {"spot": "30%"}},
    "quota": {"quota_vcpus": {"id": 33_000, "in": 21_000}},
    "requests": {"scaling": SCALING | {"requests": {"cpu": "500m", "memory": "1Gi"}}, "spare_nodes": 3},
    "no shape fits alone": {"offers": []},
    "none fits but for spot instances": {
        "offers": [],
        "quota_vcpus": {"id": 25_000, "in": 19_000, "br": 12_000},
        "buying": {"spot": "30%"},
    },
}
SPOT: Final = "L-34B43A08"
"""The quota of spot instances, of which nobody knows anything here."""
SQUEEZED: Final = ("no shape fits alone", "none fits but for spot instances")
FAMILIES: Final[Mapping[str, Mapping[str, int]]] = {
    "c7g.4xlarge": {"ap-southeast-3": 20_000, "ap-south-1": 15_000, "sa-east-1": 10_000},
    "g5g.4xlarge": {"ap-southeast-3": 16_000, "ap-south-1": 13_000, "sa-east-1": 9_000},
}
"""VCPUs that may run of each: two thirds of what it takes alone in every market, and a half."""


@dataclass(frozen=True)
class Told:
    """One region: what the advice says, and what its files hold."""

    advice: Advice
    region: RegionAdvice
    objects: Mapping[str, list[dict[str, Any]]]
    surge: Mapping[str, Any]
    surge_reasons: Mapping[str, Mapping[str, str]]
    heads: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(Town(seed=3), tmp_path_factory.mktemp("town"))


def advised(
    run: Run, launch: Mapping[str, Any], clusters: tuple[Cluster, ...] = (), own: Own | None = None
) -> tuple[Advice, Run]:
    data = run.header.scenario.model_dump(mode="json")
    data["launch"] |= {**LAUNCH, **launch}
    changed = replace(run, header=run.header.model_copy(update={"scenario": Scenario.model_validate(data)}))
    return advise([changed], clusters=clusters, own=own), changed


def of_two_families() -> Own:
    """A catalogue of two shapes whose quotas are of their own."""
    shipped = {offer.name: offer for offer in load("ec2").offers}
    gpu = shipped["c8g.4xlarge"].model_copy(update={"name": "g5g.4xlarge"})
    origin = {"source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    offers = []
    for offer in (shipped["c7g.4xlarge"], gpu):
        quotas = {place: {"value": vcpus, **origin} for place, vcpus in FAMILIES[offer.name].items()}
        offers.append(Offer.model_validate(offer.model_dump() | {"quota_vcpus": quotas}))
    return Own(catalogs=(load("ec2")._replace(offers=tuple(offers)),))


def told(advice: Advice, run: Run, folder: Path) -> Iterator[Told]:
    scenario = run.header.scenario
    export(advice, scenario, folder)
    export_variables(advice, scenario, run.header.regions, dict.fromkeys(scenario.regions, 9_800), folder)
    for region in advice.regions:
        objects: dict[str, list[dict[str, Any]]] = {}
        texts = [file.read_text(encoding="utf-8") for file in sorted((folder / region.code).glob("*.yaml"))]
        for one in (one for text in texts for one in yaml.safe_load_all(text)):
            objects.setdefault(one["kind"], []).append(one)
        file = json.loads((folder / region.code / FILE).read_text(encoding="utf-8"))
        yield Told(advice, region, objects, file["surge"], file["reasons"], "\n".join(texts))


@pytest.fixture(scope="module", params=CASES)
def each(request: pytest.FixtureRequest, run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """Three regions of one advice."""
    own = of_two_families() if request.param == SQUEEZED[0] else None
    found = list(told(*advised(run, CASES[request.param], own=own), tmp_path_factory.mktemp("out")))
    assert len(found) == 3
    return found


def vcpus_of(pool: Mapping[str, Any]) -> int:
    """At which Karpenter adds no more to it."""
    return int(pool["spec"]["limits"]["cpu"])


def alike(pools: list[dict[str, Any]], pool: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that ask for the same nodes."""
    asks = pool["spec"]["template"]["spec"]["requirements"]
    return [one for one in pools if one["spec"]["template"]["spec"]["requirements"] == asks]


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_nodes_are_those_of_the_node_pools_and_of_the_node_groups(each: list[Told]) -> None:
    for one in each:
        fleet = one.region.fleet
        assert fleet is not None
        shown_rows = rows("en", fleet)[: len(fleet.groups)]
        pools, groups = one.objects["NodePool"], one.surge["nodes"]
        assert len(shown_rows) == len(groups) == len(fleet.groups) <= len(pools)
        for row, group, pool, made in zip(shown_rows, fleet.groups, pools, groups.values(), strict=False):
            offer, _, peak, calm, ahead, most, hour = row
            asked = {need["key"]: need["values"] for need in pool["spec"]["template"]["spec"]["requirements"]}
            assert asked["node.kubernetes.io/instance-type"] == made["instance_types"] == [offer]
            assert asked["karpenter.sh/capacity-type"] == [group.capacity]
            assert made["capacity_type"] == {"on-demand": "ON_DEMAND", "spot": "SPOT"}[group.capacity]
            assert vcpus_of(pool) == min(number(peak), number(most)) * (group.vcpus or 0)
            assert sum(map(vcpus_of, alike(pools, pool))) == number(most) * (group.vcpus or 0)
            assert (made["min"], made["ahead"], made["max"]) == (number(calm), number(ahead), number(most))
            assert f"{peak} × {offer} ({group.capacity}, {hour}/h)" in one.heads
        weights = [pool["spec"]["weight"] for pool in pools]
        assert weights == sorted(weights, reverse=True)
        assert len({pool["metadata"]["name"] for pool in pools}) == len(set(weights)) == len(pools)


def test_karpenter_runs_the_mix_at_the_planned_peak(each: list[Told]) -> None:
    """It fills the pool of the highest weight first, up to its limit, and takes the next one then."""
    for one in each:
        fleet = one.region.fleet
        assert fleet is not None
        wanted, run = min(fleet.nodes, fleet.most), Counter[tuple[str, str]]()
        sizes = {group.offer: group.vcpus or 0 for group in fleet.groups}
        for pool in sorted(one.objects["NodePool"], key=lambda pool: -pool["spec"]["weight"]):
            (kind,), (capacity,) = (need["values"] for need in pool["spec"]["template"]["spec"]["requirements"])
            filled = min(wanted - run.total(), vcpus_of(pool) // sizes[kind])
            run[kind, capacity] += filled
        assert run.total() == wanted
        if fleet.most >= fleet.nodes:
            assert +run == {(group.offer, group.capacity): group.nodes for group in fleet.groups}


def test_managed_node_groups_are_as_many_as_terraform_makes(each: list[Told]) -> None:
    """`terraform/modules/nodes` splits the most of each group, and makes one where it keeps stopped nodes."""
    for one in each:
        assert one.region.fleet is not None
        managed = [made for made in one.surge["nodes"].values() if not made["warm"]]
        count = sum(math.ceil(made["max"] / made["per_group"]) for made in managed)
        for lang, words in (("en", "take {} managed node groups"), ("zh", "需要 {} 个 EKS 托管节点组")):
            said = [line for line in lines(lang, one.region, one.region.fleet) if words.partition("{}")[2] in line]
            assert all(words.format(count) in line for line in said)
            assert bool(said) is (count > len(managed))


def test_pods_are_those_of_every_manifest(each: list[Told]) -> None:
    for one in each:
        found, fleet, launch = shown(one.region), one.region.fleet, one.advice.launch
        assert found is not None
        assert fleet is not None
        said = dict(settings("en", found))
        (hpa,), (keda,) = one.objects["HorizontalPodAutoscaler"], one.objects["ScaledObject"]
        least, most = number(said["minReplicas"]), number(said["maxReplicas"])
        assert (keda["spec"]["minReplicaCount"], keda["spec"]["maxReplicaCount"]) == (least, most)
        assert hpa["spec"]["maxReplicas"] == most <= fleet.most * launch.scaling.pods_per_node
        window = keda["spec"]["triggers"][1:]
        if found.ahead is None:
            assert (window, hpa["spec"]["minReplicas"]) == ([], least)
        else:
            (cron,) = window
            assert said["Window before the surge"].startswith(f"{int(cron['metadata']['desiredReplicas']):,} pods")
            assert hpa["spec"]["minReplicas"] == int(cron["metadata"]["desiredReplicas"])
        threshold = float(keda["spec"]["triggers"][0]["metadata"]["threshold"])
        assert said["Trigger, for each pod"].startswith(figures.rate(threshold, found.unit))
        beside = dict(pods("en", fleet, launch.scaling))
        (budget,) = one.objects["PodDisruptionBudget"]
        assert number(beside["Pods that may leave by choice at once"]) == budget["spec"]["maxUnavailable"]
        for deployment in one.objects.get("Deployment", []):
            assert deployment["spec"]["replicas"] == number(said["Placeholder pods"])


def test_what_is_priced_is_the_mix_that_is_planned(each: list[Told]) -> None:
    for one in each:
        plan, fleet = one.region.nodes, one.region.fleet
        assert fleet is not None
        assert isinstance(plan, Plan)
        mix = plan.offers.mix
        assert mix is not None
        assert [(group.offer, group.purchase, group.nodes, group.usd_per_hour) for group in fleet.groups] == [
            (part.offer, part.purchase, part.nodes, part.usd_per_hour) for part in mix.parts
        ]
        assert (fleet.nodes, fleet.usd_per_hour, fleet.usd_per_event) == (
            mix.nodes,
            mix.usd_per_hour,
            mix.usd_per_event,
        )


def test_no_group_is_beyond_wall_or_quota_and_spot_instances_never_beyond_the_plan(each: list[Told]) -> None:
    for one in each:
        fleet, launch = one.region.fleet, one.advice.launch
        assert fleet is not None
        assert fleet.most <= (launch.scaling.most_nodes or launch.most_nodes)
        quota = launch.quota_vcpus.get(one.region.code)
        if quota is not None:
            assert sum(group.most * (group.vcpus or 0) for group in fleet.groups if group.capacity != "spot") <= quota
        for group in fleet.groups:
            assert 0 <= group.calm <= group.ahead <= group.most
            assert group.capacity != "spot" or (group.most <= group.nodes and group.calm == 0)
        assert (fleet.calm, fleet.ahead, fleet.most) == tuple(
            sum(getattr(group, name) for group in fleet.groups) for name in ("calm", "ahead", "most")
        )


def test_every_page_and_the_terminal_name_what_is_bought(each: list[Told], tmp_path: Path) -> None:
    for lang in LANGS:
        write_reports(each[0].advice, tmp_path, lang)
        pages = [(tmp_path / name).read_text(encoding="utf-8") for name in ("report.html", "report.md")]
        for text in (*pages, summary(each[0].advice, lang)):
            for one in each:
                assert one.region.fleet is not None
                for group in one.region.fleet.groups:
                    assert re.search(rf"{group.nodes:,} (×|个) {re.escape(group.offer)}", text), (lang, group)


def test_where_no_shape_fits_its_quota_the_mix_that_does_is_planned_and_nothing_more_is_asked_for(
    run: Run, tmp_path: Path
) -> None:
    """What would do with a higher quota stands beside it."""
    for case, words in zip(SQUEEZED, ("No single shape fits the quota", "does not fit the quota"), strict=True):
        own = of_two_families() if case == SQUEEZED[0] else None
        advice, _ = advised(run, CASES[case], own=own)
        for region in advice.regions:
            assert isinstance(region.nodes, Plan)
            choice, fleet = region.nodes.offers, region.fleet
            assert choice.best is None
            assert choice.mix is not None
            assert fleet is not None
            assert fleet.kind == "mix"
            assert fleet.nodes == choice.mix.nodes <= fleet.most
            assert choice.beyond is not None
            assert choice.beyond.quota is not None
            assert choice.beyond.quota.command
            assert region.egress is not None
            assert region.egress.nodes_usd == choice.mix.usd_per_event
        assert [more for more in increases_of(advice) if more.quota != SPOT] == []
        write_reports(advice, tmp_path, "en")
        for name in ("report.html", "report.md"):
            text = (tmp_path / name).read_text(encoding="utf-8")
            assert text.count(words) == text.count("No offer fits here alone and on demand") == 3
            assert "No offer fits here, not even" not in text
            assert "request-service-quota-increase" in text


def reasons(told: Told, lang: str) -> list[str]:
    """Of all files of a region, in one language."""
    found = [one[lang] for one in told.surge_reasons.values()]
    by_why: dict[str, list[str]] = {}
    for line in told.heads.splitlines():
        if line.startswith("# ") and ": " in line:
            why, _, text = line.removeprefix("# ").partition(": ")
            by_why.setdefault(why, []).append(text)
    return found + [text for texts in by_why.values() for text in texts[LANGS.index(lang) :: len(LANGS)]]


def test_reasons_in_chinese_have_chinese_commas_and_one_word_for_each_way_to_pay(each: list[Told]) -> None:
    for one in each:
        assert one.region.fleet is not None
        english, chinese = (" ".join(reasons(one, lang)) for lang in LANGS)
        assert not re.search("[\u4e00-\u9fff]", english)
        sourced = chinese.replace(one.region.fleet.assumed or "\0", "")  # a source is quoted as it stands
        settings_named = re.sub(r"launch(\.\w+)+", "", sourced)
        assert not re.search(r", |on.demand|\bspot\b|\(|预热池", settings_named, re.IGNORECASE)
        for group in one.region.fleet.groups:
            way = {"on-demand": "按需", "spot": "竞价实例"}[group.capacity]
            assert f"{group.nodes:,} 个 {group.offer}（{way}，每小时 " in chinese
        assert ("）、" in chinese) is (len(one.region.fleet.groups) > 1)


def test_a_cluster_is_held_against_the_nodes_that_are_bought(run: Run, tmp_path: Path) -> None:
    advice, changed = advised(run, {}, (seen(tmp_path, objects.small()),))
    found = next(one for one in told(advice, changed, tmp_path) if one.region.cluster is not None)
    today, fleet = found.region.cluster, found.region.fleet
    assert today is not None
    assert fleet is not None
    assert fleet.share != 1
    assert (today.needed_nodes, today.needed_pods) == (fleet.nodes, fleet.nodes * 2)
    assert sum(one["max"] for one in found.surge["nodes"].values()) == fleet.most


def test_an_account_is_asked_for_the_nodes_that_are_bought(each: list[Told]) -> None:
    """Spot instances beside the others: they have a quota of their own."""
    for one in each:
        asked, fleet = needs(one.region.nodes, UNKNOWN_NODE, {"aws": "ap-southeast-3"}, None), one.region.fleet
        assert asked is not None
        assert fleet is not None
        steady = [group for group in fleet.groups if group.capacity == "on-demand"]
        assert asked.kinds == {group.offer: group.nodes for group in steady}
        assert asked.spot == {group.offer: group.nodes for group in fleet.groups if group.capacity == "spot"}
        assert asked.vcpus == sum(group.nodes * (group.vcpus or 0) for group in steady)
        assert asked.nodes == asked.kinds[asked.kind] == max(asked.kinds.values())


def test_what_is_reserved_is_in_the_group_of_its_shape(run: Run) -> None:
    """A reservation is used by whatever instance on demand matches it: two groups of one name would be one too many."""
    advice, changed = advised(run, {"buying": {"spot": "30%"}})
    region = advice.regions[0]
    plan, scaling = region.nodes, region.scaling
    assert isinstance(plan, Plan)
    assert scaling is not None
    mix = plan.offers.mix
    assert mix is not None
    first, *others = mix.parts
    reserved = first.model_copy(update={"purchase": "reservation", "nodes": 5, "usd_per_hour": 0.0})
    rest = first.model_copy(update={"nodes": first.nodes - 5})
    parts = mix.model_copy(update={"parts": (reserved, rest, *others)})
    offers = plan.offers.model_copy(update={"mix": parts})
    found = fleet_of(plan.model_copy(update={"offers": offers}), scaling, changed.header.scenario.launch)
    assert region.fleet is not None
    assert [(one.key, one.nodes, one.most) for one in found.groups] == [
        (one.key, one.nodes, one.most) for one in region.fleet.groups
    ]
    assert found.kind == region.fleet.kind


def test_where_nothing_fits_pods_are_of_the_kind_rehearsed_and_no_nodes_are_written(run: Run, tmp_path: Path) -> None:
    found = next(told(*advised(run, {"quota_vcpus": {"id": 64}}), tmp_path))
    fleet, scaling = found.region.fleet, found.region.scaling
    assert fleet is not None
    assert scaling is not None
    assert (fleet.kind, fleet.groups, fleet.share, fleet.usd_per_hour) == ("rehearsed", (), 1.0, None)
    assert found.objects["HorizontalPodAutoscaler"][0]["spec"]["maxReplicas"] == scaling.maximum
    assert "NodePool" not in found.objects
    assert found.surge["nodes"] is None


def test_hardware_of_ones_own_is_counted_and_nothing_is_said_to_be_bought(run: Run, tmp_path: Path) -> None:
    advice, changed = advised(run, {"node": None, "offers": []})
    found = next(told(advice, changed, tmp_path))
    fleet, plan = found.region.fleet, found.region.nodes
    assert fleet is not None
    assert isinstance(plan, Plan)
    assert (fleet.kind, fleet.share, fleet.nodes, fleet.usd_per_hour) == ("offer", 1.0, plan.nodes, None)
    assert "NodePool" not in found.objects
    for lang, word in (("en", "To buy"), ("zh", "购买")):
        assert word not in summary(advice, lang)
    assert any("not known" in row[-1] for row in rows("en", fleet))


def part(
    nodes: int, purchase: str = "on_demand", vcpus: int | None = 4, quota: int | None = None, pool: str = ""
) -> Part:
    told = {"offer": "x", "purchase": purchase, "nodes": nodes, "usd_per_hour": 1.0}
    return Part.model_validate(told | {"vcpus": vcpus, "quota": quota, "pool": pool})


counts = st.integers(1, 10_000)


@given(one=counts, other=counts, total=st.integers(0, 40_000), is_spot=st.booleans())
def test_a_count_is_spread_without_loss_and_never_falls_as_it_grows(
    one: int, other: int, total: int, is_spot: bool
) -> None:
    parts = [part(one), part(other, "spot" if is_spot else "on_demand")]
    spread = _spread(parts, total)
    assert sum(spread) == total
    assert all(a <= b for a, b in zip(spread, _spread(parts, total + 1), strict=True))
    up = _spread(parts, total, is_up=True)
    assert all(a <= b for a, b in zip(spread, up, strict=True) if not is_spot) or sum(up) >= total
    if total == one + other:
        assert spread == up == (one, other)


def test_the_worked_example_of_the_page() -> None:
    both = [part(40), part(10)]
    assert _spread(both, 7, is_up=True) == (6, 2)
    assert _spread(both, 50) == (40, 10)


def test_quotas_that_are_equal_are_one_and_spot_instances_have_their_own() -> None:
    both = [part(10, quota=80), part(10, quota=80)]
    assert not _is_beyond(both, 20)
    assert _is_beyond(both, 21)
    apart = [part(10, quota=40), part(10, "spot", quota=40)]
    assert not _is_beyond(apart, 20)
    assert _is_beyond(apart, 21)
    assert not _is_beyond([part(10, vcpus=None, quota=1)], 99)


def test_quotas_of_two_names_are_two_although_their_figures_are_equal() -> None:
    families = [part(10, quota=80, pool="L-1216C47A"), part(10, quota=80, pool="L-DB2E81BA")]
    assert not _is_beyond(families, 40)
    assert _is_beyond(families, 42)
    one = [part(10, quota=80, pool="L-1216C47A"), part(10, quota=96, pool="L-1216C47A")]
    assert not _is_beyond(one, 20)
    assert _is_beyond(one, 21)
