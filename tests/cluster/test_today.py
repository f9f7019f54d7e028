"""What a cluster shows stands beside the advice, and what was measured takes the place of what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from advisor.advice import Advice
from advisor.advising import advise
from advisor.autoscale.hpa import Metric
from advisor.cluster.fitting import MIB, Machine, eks_allocatable, fit
from advisor.cluster.parts import parts_of
from advisor.cluster.reading import read
from advisor.cluster.server import connect
from advisor.cluster.snapshot import Amounts, Cluster
from advisor.cluster.starts import ENOUGH, measured, waits
from advisor.cluster.today import look
from advisor.plans.lead import PRIOR, time_to_capacity
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from loadtests.launch import Waits
from loadtests.run import Run
from loadtests.scaling import Scaling
from loadtests.scenario import Scenario
from surgecast.cli import surgecast
from tests.advisor.runs import Town, run_of
from tests.cluster import objects
from tests.cluster.api import Api, kubeconfig, serving

PLACES = {"aws": "ap-southeast-3"}
SCALING = Scaling(workload="live-origin", namespace="live")
Objects = Sequence[objects.Object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("town")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    run = run_of(Town(seed=3), folder)
    data = run.header.scenario.model_dump(mode="json")
    data["launch"]["scaling"] = {"workload": "live-origin", "namespace": "live"}
    scenario = Scenario.model_validate(data)
    return replace(run, header=run.header.model_copy(update={"scenario": scenario}))


def seen(folder: Path, found: Objects, region: str | None = None) -> Cluster:
    api = Api()
    api.add(*found)
    with serving(api) as address:
        return read(connect("jakarta", kubeconfig(folder, address, "jakarta")), "live", region)


def scale_up(count: int = ENOUGH) -> list[objects.Object]:
    """So many pods, each on a node of its own that came for it: 60 s, then an image of 12 s, then a boot of 20 s."""
    found = [*objects.small(), objects.event("SuccessfulRescale", "HorizontalPodAutoscaler/live-origin", 598)]
    for i in range(count):
        name = f"live-origin-5d4f-new{i:02}"
        found.append(objects.node(f"new-{i}", at=640))
        found.append(objects.pod(name, f"new-{i}", 600, scheduled=60 + i, started=12, ready=20))
        found.append(objects.event("TriggeredScaleUp", f"Pod/{name}", 601))
    return found


def test_the_formula_of_eks_gives_its_golden_vector() -> None:
    """c7g.4xlarge: 8 interfaces of 30 addresses; allocatable 27,322 MiB and 15,890 m."""
    found = eks_allocatable(Machine(16, 32 * 1024, graviton=True, network_cards=8, addresses=30))
    assert found.pods == 234
    assert found.memory == 27_322 * MIB
    assert found.cpu == pytest.approx(15.890)
    assert eks_allocatable(Machine(1, 1024)).cpu == pytest.approx(0.94)


@pytest.mark.parametrize(
    ("cpu", "memory", "pods", "by"),
    [(4.0, 6.0, 3, "cpu"), (1.0, 8.0, 3, "memory"), (0.01, 0.01, 234, "pods"), (20.0, 1.0, 0, "cpu")],
)
def test_what_fits_is_decided_by_what_runs_out_first(cpu: float, memory: float, pods: int, by: str) -> None:
    node = Amounts(cpu=15.89, memory=27_322 * MIB, pods=234)
    assert fit(node, Amounts(cpu=cpu, memory=memory * 1024 * MIB)) == (pods, by)
    assert fit(node, Amounts()) is None


def test_a_region_is_served_by_the_nodes_that_carry_its_label_or_by_all_that_the_user_says(tmp_path: Path) -> None:
    found = [*objects.small(), objects.node("far", region="eu-west-1")]
    labelled = seen(tmp_path, found)
    (part,) = parts_of([labelled], "id", PLACES, "live-origin")
    assert {node.name for node in part.nodes} == {"node-0", "node-1", "node-2"}
    assert parts_of([labelled], "br", {"aws": "sa-east-1"}, "live-origin") == ()
    (said,) = parts_of([seen(tmp_path, found, "br")], "br", {"aws": "sa-east-1"}, "live-origin")
    assert len(said.nodes) == 4


def test_past_scale_ups_give_each_part_with_its_samples(tmp_path: Path) -> None:
    parts = parts_of([seen(tmp_path, scale_up())], "id", PLACES, "live-origin")
    found = {one.name: one for one in waits(parts)}
    assert found["node"].seconds.mid == pytest.approx(60 + (ENOUGH - 1) / 2, abs=1)
    assert found["node"].seconds.low == pytest.approx(60, abs=1)
    assert found["image"].seconds.mid == 12
    assert 15 < found["boot"].seconds.high <= 20
    assert 2 <= found["decision"].seconds.low < found["decision"].seconds.high <= 17
    assert found["node"].seconds.samples == ENOUGH
    assert found["node"].enough
    assert "context jakarta: 19 samples" in found["node"].source


def test_what_was_measured_replaces_what_was_published_but_not_what_the_scenario_says(tmp_path: Path) -> None:
    parts = parts_of([seen(tmp_path, scale_up())], "id", PLACES, "live-origin")
    said = Waits.model_validate({"image": {"low": "1s", "mid": "1s", "high": "1s"}})
    lead = {part.name: part for part in time_to_capacity(said, measured(waits(parts))).parts}
    assert lead["node"].confidence == "measured"
    assert lead["node"].seconds.high < 100
    assert lead["image"].source == "scenario"
    assert lead["metrics"] == PRIOR[0]


def test_too_few_samples_leave_the_published_figure(tmp_path: Path) -> None:
    parts = parts_of([seen(tmp_path, scale_up(ENOUGH - 1))], "id", PLACES, "live-origin")
    found = {one.name: one for one in waits(parts)}
    assert not found["node"].enough
    assert measured([found["node"]]) == ()


def test_pods_that_are_gone_are_remembered_by_their_events(tmp_path: Path) -> None:
    found = objects.small()
    for i in range(3):
        name = f"Pod/live-origin-5d4f-gone{i}"
        found.append(objects.event("FailedScheduling", name, 600))
        found.append(objects.event("TriggeredScaleUp", name, 605))
        message = f"Successfully assigned live/gone to node-{i}"
        found.append(objects.event("Scheduled", name, 650, message=message))
    (node,) = [
        one for one in waits(parts_of([seen(tmp_path, found)], "id", PLACES, "live-origin")) if one.name == "node"
    ]
    assert node.seconds.high >= 50


def test_the_hpa_in_place_is_lived_and_one_on_a_strange_metric_is_an_excuse(tmp_path: Path) -> None:
    unlimited = [one for one in objects.small() if one["kind"] != "ResourceQuota"]
    found = look([seen(tmp_path, unlimited)], "id", PLACES, SCALING)
    assert found is not None
    assert found.settings is not None
    assert found.settings.metrics == (Metric("utilization", 60),)
    assert (found.settings.min_replicas, found.settings.max_replicas, found.settings.behavior) == (4, 40, None)
    bounded = look([seen(tmp_path, objects.small())], "id", PLACES, SCALING)
    assert bounded is not None
    assert bounded.settings is not None
    assert bounded.settings.max_replicas == 6 + 13  # the quota's other 54 cores
    target = {"type": "AverageValue", "averageValue": "10"}
    strange = {"type": "External", "external": {"metric": {"name": "queue"}, "target": target}}
    others = [one for one in objects.small() if one["kind"] != "HorizontalPodAutoscaler"]
    found = look([seen(tmp_path, [*others, objects.autoscaler(metrics=[strange])])], "id", PLACES, SCALING)
    assert found is not None
    assert found.settings is None
    assert "acts on queue" in found.excuses[0].reason.text


@pytest.fixture(scope="module")
def advice(run: Run, folder: Path) -> Advice:
    broken = [one for one in scale_up() if one["kind"] not in ("PodDisruptionBudget", "HorizontalPodAutoscaler")]
    extra = [objects.disruption("old", 0, minAvailable="100%"), objects.autoscaler(maxReplicas=8)]
    return advise([run], clusters=[seen(folder, [*broken, *extra])])


def test_the_advice_sets_today_beside_what_is_needed_and_names_what_is_in_the_way(advice: Advice) -> None:
    today = advice.regions[0].cluster
    assert today is not None
    assert today.nodes == 3 + ENOUGH
    assert today.pods == 6 + ENOUGH
    assert today.needed_nodes == today.needed_pods
    assert (today.fits, today.fits_by) == (3, "cpu")
    text = " ".join(one.text for one in today.findings)
    assert "2 zones" in text
    assert "stops at 8 pods" in text
    assert "ResourceQuota compute leaves room for 14 more pods" in text
    assert "old (minAvailable: 100%) lets no pod leave" in text
    assert "PodDisruptionBudget old covers the pods" in text
    scaling = advice.regions[0].scaling
    assert scaling is not None
    assert scaling.today is not None
    assert advice.regions[1].cluster is None


def test_without_a_cluster_nothing_is_said_of_one(run: Run) -> None:
    plain = advise([run])
    assert plain.clusters == ()
    assert "What the cluster has today" not in Html().render(plain, "en")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_reports_show_it_in_both_languages(advice: Advice, lang: str) -> None:
    for text in (Html().render(advice, lang), Markdown().render(advice, lang)):
        assert "jakarta" in text
        assert "c7g.4xlarge" in text
        assert "{" not in text.split("<style>")[0]


def test_the_command_tells_where_it_reads_and_goes_on_without_a_right(folder: Path, tmp_path: Path, run: Run) -> None:
    api = Api(forbidden={("list", "nodes")})
    api.add(*objects.small())
    with serving(api) as address:
        config = kubeconfig(tmp_path, address, "jakarta")
        path = next(folder.rglob("run.jsonl"))
        words = [str(path), "--out", str(tmp_path / "out"), "--kubeconfig", str(config), "--cluster"]
        done = CliRunner().invoke(surgecast, ["advise", *words, "jakarta=id"])
        assert done.exit_code == 0, done.output
        assert f"Reading context jakarta ({address}), namespace live, for region id." in done.stderr
        assert "may not list nodes" in done.stderr
        wrong = CliRunner().invoke(surgecast, ["advise", *words, "mumbai"])
    assert getattr(wrong.exception, "exit_code", None) == 2
    assert "jakarta" in str(wrong.exception)


def test_exports_are_written_with_the_launch_of_another_scenario(folder: Path, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "later.yaml"
    data = run.header.scenario.model_dump(mode="json", exclude_defaults=True)
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    words = [str(next(folder.rglob("run.jsonl"))), "--out", str(tmp_path), "--export", str(tmp_path / "k8s")]
    done = CliRunner().invoke(surgecast, ["advise", *words, "--scenario", str(file)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "namespace: live" in (tmp_path / "k8s/id/hpa.yaml").read_text(encoding="utf-8")
    assert "launch.scaling.metric" in done.stderr
