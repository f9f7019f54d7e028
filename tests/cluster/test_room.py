"""Nodes that do not take the workload are no room; clusters share the demand by the room they have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.advice import Advice
from advisor.advising import advise
from advisor.cluster.parts import Part, parts_of
from advisor.cluster.quotas import most_pods
from advisor.cluster.reading import read
from advisor.cluster.room import closed, fits, rooms, tolerates, usable, used
from advisor.cluster.server import connect
from advisor.cluster.snapshot import Cluster, Taint, Toleration
from advisor.cluster.today import look
from advisor.pages.clustered import rows
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from loadtests.run import Run
from loadtests.scaling import Scaling
from loadtests.scenario import Scenario
from tests.advisor.runs import Town, run_of
from tests.cluster import objects
from tests.cluster.api import Api, kubeconfig, serving

PLACES = {"aws": "ap-southeast-3"}
SCALING = Scaling(workload="live-origin", namespace="live")
GPU = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


def seen(folder: Path, found: list[objects.Object], context: str = "jakarta", shut: str = "") -> Cluster:
    api = Api(forbidden={("list", shut)} if shut else set())
    api.add(*found)
    with serving(api) as address:
        return read(connect(context, kubeconfig(folder, address, context)), "live")


def part_of(folder: Path, found: list[objects.Object], context: str = "jakarta") -> Part:
    (part,) = parts_of([seen(folder, found, context)], "id", PLACES, "live-origin")
    return part


def tainted(*taints: dict[str, str], **template: Any) -> list[objects.Object]:
    """The small cluster with taints on its first node, and more in the workload's template."""
    found = objects.small()
    for one in found:
        if one["kind"] == "Node" and one["metadata"]["name"] == "node-0":
            one["spec"] = {"taints": list(taints)}
        if one["kind"] == "Deployment":
            one["spec"]["template"]["spec"] |= template
    return found


@pytest.mark.parametrize(
    ("toleration", "is_tolerated"),
    [
        ({"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}, True),
        ({"key": "dedicated", "value": "gpu"}, True),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "dedicated", "value": "web"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"value": "gpu"}, False),
    ],
)
def test_taints_are_tolerated_as_kubernetes_matches_them(toleration: dict[str, str], is_tolerated: bool) -> None:
    taint = Taint(key="dedicated", value="gpu", effect="NoSchedule")
    assert tolerates(Toleration.model_validate(toleration), taint) is is_tolerated


def test_a_tainted_node_is_no_room_without_a_toleration(tmp_path: Path) -> None:
    part = part_of(tmp_path, tainted(GPU))
    assert [node.name for node in usable(part)] == ["node-1", "node-2"]
    assert closed(part) == {"dedicated=gpu:NoSchedule": 1}
    assert rooms([part])[0].pods == 2 * 3
    tolerant = part_of(tmp_path, tainted(GPU, tolerations=[{"key": "dedicated", "operator": "Exists"}]))
    assert len(usable(tolerant)) == 3
    assert closed(tolerant) == {}
    wished = part_of(tmp_path, tainted(GPU | {"effect": "PreferNoSchedule"}))
    assert len(usable(wished)) == 3


def test_a_node_without_the_label_that_is_asked_for_is_no_room(tmp_path: Path) -> None:
    part = part_of(tmp_path, tainted(nodeSelector={"pool": "live"}))
    assert usable(part) == ()
    assert closed(part) == {"nodeSelector pool=live": 3}
    assert fits(part) is None
    assert rooms([part])[0].share == 1.0


def test_clusters_share_the_demand_by_their_room(tmp_path: Path) -> None:
    more = [*objects.small(), *(objects.node(f"more-{i}") for i in range(3))]
    one, two = part_of(tmp_path, tainted(GPU)), part_of(tmp_path, more, "bekasi")
    found = rooms([one, two])
    assert [(room.context, room.nodes, room.pods) for room in found] == [("jakarta", 2, 6), ("bekasi", 6, 18)]
    assert [room.share for room in found] == [0.25, 0.75]
    silent = replace(one, workload=None)
    assert [room.share for room in rooms([silent, two])] == [3 / 9, 6 / 9]
    empty = replace(one, nodes=())
    assert [room.share for room in rooms([empty, empty])] == [0.5, 0.5]


def test_settings_of_clusters_alike_are_added_up_and_others_are_not_lived(tmp_path: Path) -> None:
    found = objects.small()
    both = [seen(tmp_path, found), seen(tmp_path, found, "bekasi")]
    together = look(both, "id", PLACES, SCALING)
    assert together is not None
    assert together.settings is not None
    assert (together.settings.min_replicas, together.settings.max_replicas) == (8, 2 * 19)
    without = [one for one in found if one["kind"] != "HorizontalPodAutoscaler"]
    apart = look([both[0], seen(tmp_path, without, "bekasi")], "id", PLACES, SCALING)
    assert apart is not None
    assert apart.settings is None
    assert "jakarta, bekasi do not all scale" in apart.excuses[0].reason.text


def test_a_quota_bounds_what_an_autoscaler_can_reach(tmp_path: Path) -> None:
    assert most_pods(part_of(tmp_path, objects.small())) == 6 + 13
    free = [one for one in objects.small() if one["kind"] != "ResourceQuota"]
    assert most_pods(part_of(tmp_path, free)) is None


def test_what_pods_use_is_set_beside_what_they_ask_for(tmp_path: Path) -> None:
    now = used([part_of(tmp_path, objects.small())])
    assert now is not None
    assert (now.pods, now.most_cpu) == (6, 1.2)
    assert now.cpu_share == pytest.approx(0.3)
    assert now.memory_share == pytest.approx(2 / 6)
    unasked = [one for one in objects.small() if one["kind"] != "PodMetrics"]
    assert used([part_of(tmp_path, unasked)]) is None


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = run_of(Town(seed=3), tmp_path_factory.mktemp("town"))
    data = run.header.scenario.model_dump(mode="json")
    data["launch"]["scaling"] = {"workload": "live-origin", "namespace": "live"}
    scenario = Scenario.model_validate(data)
    return replace(run, header=run.header.model_copy(update={"scenario": scenario}))


@pytest.fixture(scope="module")
def advice(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Advice:
    """Two clusters for Jakarta, one of them with a tainted node and greedy pods, and one for nobody."""
    folder = tmp_path_factory.mktemp("clusters")
    greedy = tainted(GPU)
    for one in greedy:
        if one["kind"] == "PodMetrics":
            one["containers"][0]["usage"]["cpu"] = "7500m"
    far = [objects.node("far", region="eu-west-1"), objects.namespace(), objects.deployment()]
    clusters = [seen(folder, greedy), seen(folder, objects.small(), "bekasi"), seen(folder, far, "dublin")]
    return advise([run], clusters=clusters)


def test_the_advice_says_what_is_closed_what_is_used_and_who_carries_what(advice: Advice) -> None:
    today = advice.regions[0].cluster
    assert today is not None
    assert today.nodes == 2 + 3
    text = " ".join(one.text for one in today.findings)
    assert "1 ready nodes of context jakarta do not take live-origin (dedicated=gpu:NoSchedule)" in text
    assert "2 of the largest fit on a node, by cpu, not 3" in text
    told = {what: now for what, now, _ in rows("en", today)}
    assert told["What pods use now (metrics API)"].startswith(
        "CPU 4.35 cores a pod, 7.5 at most (on average 109% of what is requested)"
    )
    assert told["ResourceQuotas, used/hard"].startswith("compute: pods 6/20, requests.cpu 6/60; compute:")
    assert told["Share of the demand, by room"].startswith("jakarta 40% (2 nodes, 6 pods fit); bekasi 60%")
    needed = today.needed_pods
    assert needed is not None
    assert f"stops at 40 pods; the plan needs {-(-needed * 2 // 5):,}" in text


@pytest.mark.parametrize(
    ("found", "shut", "told"),
    [
        ([objects.node("far", region="eu-west-1")], "", "its nodes are in eu-west-1"),
        ([], "", "its nodes have no label topology.kubernetes.io/region"),
        ([objects.node("far")], "nodes", "its nodes could not be listed"),
    ],
)
def test_a_cluster_that_serves_no_region_is_told_of(
    run: Run, tmp_path: Path, found: list[objects.Object], shut: str, told: str
) -> None:
    advice = advise([run], clusters=[seen(tmp_path, [objects.namespace(), *found], "dublin", shut)])
    excuse = advice.clusters[0].excuses[-1]
    assert told in excuse.reason.text
    assert "--cluster dublin=REGION" in excuse.remedy.text
    assert told in Markdown().render(advice, "en")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_reports_show_it(advice: Advice, lang: str) -> None:
    for text in (Html().render(advice, lang), Markdown().render(advice, lang)):
        assert "requests.cpu 6/60" in text
        assert "dedicated=gpu:NoSchedule" in text
        assert "--cluster dublin=REGION" in text
        assert "40%" in text
