"""Exported manifests are what Kubernetes takes, every line has its reason, and nothing is guessed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from advisor.advice import Advice
from advisor.advising import advise
from advisor.carrying.exporting import Written, document, export, exported, tell
from advisor.exports import Exported, exports, unbought
from advisor.models import Excuse
from advisor.plans.plan import Plan
from advisor.texts import LANGS, texts
from loadtests.run import Run
from loadtests.scenario import Scenario
from tests.advisor.runs import Town, run_of
from tests.needs import needs

VERSIONS = ("1.30", "1.32", "1.34", "1.37")
SCHEMAS = Path(__file__).parent / "schemas"
SCALING = {
    "workload": "live-origin",
    "namespace": "live",
    "pods_per_node": 2,
    "metric": {"prometheus": "http://prometheus.monitoring:9090", "query": "sum(rate(bytes_total[1m])) * 8"},
    "requests": {"cpu": "500m", "memory": "1Gi"},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(Town(seed=3), tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def advice(run: Run) -> Advice:
    return advise([run])


def scenario_of(run: Run, **launch: object) -> Scenario:
    data = run.header.scenario.model_dump(mode="json")
    data["launch"] |= {"scaling": SCALING} | launch
    return Scenario.model_validate(data)


def asked(advice: Advice, scenario: Scenario, **scaling: object) -> Exported:
    region = advice.regions[0]
    assert isinstance(region.nodes, Plan)
    made = exported(advice, scenario, region, region.nodes)
    return replace(made, scaling=made.scaling.model_copy(update=scaling))


def objects_of(written: Written) -> Iterator[dict[str, Any]]:
    for file in written.files:
        if file.name != "kustomization.yaml":
            yield from yaml.safe_load_all(file.read_text(encoding="utf-8"))


def valid(one: dict[str, Any], version: str) -> None:
    """Against Kubernetes' own schemas, and for custom resources against the facts written down here."""
    custom = SCHEMAS / f"{one['kind']}.yaml"
    if not custom.exists():
        kubernetes_validate.validate(one, version, strict=True)
        return
    schema = yaml.safe_load(custom.read_text(encoding="utf-8"))
    assert one["apiVersion"] == schema.pop("apiVersion")
    jsonschema.Draft202012Validator(schema | {"type": "object"}).validate(one["spec"])


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_is_what_kubernetes_takes(advice: Advice, run: Run, tmp_path: Path, version: str) -> None:
    written = export(advice, scenario_of(run), tmp_path)
    kinds = {one["kind"] for part in written for one in objects_of(part)}
    assert {"ScaledObject", "HorizontalPodAutoscaler", "PodDisruptionBudget"} <= kinds
    for part in written:
        for one in objects_of(part):
            valid(one, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_placeholders_both_ways(advice: Advice, run: Run, version: str) -> None:
    made = asked(advice, scenario_of(run), placeholders=12)
    for kind in exports():
        if kind.plugin_name() in ("placeholder", "capacity_buffer"):
            answer = kind.objects(made)
            assert isinstance(answer, tuple)
            for one in yaml.safe_load_all(document(answer, made)):
                valid(one, version)


def test_a_node_pool_of_each_shape_that_was_chosen(run: Run) -> None:
    data = run.header.model_copy(update={"scenario": scenario_of(run, node="c7g.4xlarge", offers=["ec2"])})
    advice = advise([replace(run, header=data)])
    made = asked(advice, data.scenario)
    kind = next(one for one in exports() if one.plugin_name() == "karpenter")
    answer = kind.objects(made)
    assert isinstance(answer, tuple)
    pools = list(yaml.safe_load_all(document(answer, made)))
    assert len(pools) >= len(made.fleet.groups) > 0
    for pool in pools:
        valid(pool, "1.37")
    for pool, group in zip(pools, made.fleet.groups, strict=False):
        assert pool["spec"]["template"]["spec"]["requirements"][0]["values"] == [group.offer]


def test_a_price_that_is_assumed_is_told_in_the_manifest(run: Run, tmp_path: Path) -> None:
    advice, scenario = chosen(run, scaling=SCALING)
    export(advice, scenario, tmp_path)
    files = list(tmp_path.rglob("nodepool.yaml"))
    assert files
    for text in (file.read_text(encoding="utf-8") for file in files):
        assert "price is assumed (price of us-east-1," in text
        assert "价格为假定（price of us-east-1," in text


def test_every_line_names_a_reason_that_stands_above_in_both_languages(
    advice: Advice, run: Run, tmp_path: Path
) -> None:
    for part in export(advice, scenario_of(run), tmp_path):
        for file in part.files[:-1]:
            text = file.read_text(encoding="utf-8")
            head, body = text.split("\n---\n", 1)
            told = re.findall(r"^# (\w+): ", head, re.MULTILINE)
            for line in body.splitlines():
                key, _, rest = line.strip().partition(":")
                if line != "---" and (rest or key.startswith("- ")):
                    assert re.search(r"  # why: (\w+)$", line), line
            used = set(re.findall(r"# why: (\w+)$", body, re.MULTILINE))
            assert used == set(told)
            assert all(told.count(one) == len(LANGS) for one in used)


def test_reasons_are_in_both_languages() -> None:
    keys = {key for key in texts("en") if key.startswith("export_why_")}
    assert keys == {key for key in texts("zh") if key.startswith("export_why_")}


def test_what_is_missing_is_an_excuse_and_not_a_guess(advice: Advice, run: Run, tmp_path: Path) -> None:
    bare = scenario_of(run, scaling={"workload": "live-origin"})
    (first, *_) = export(advice, bare, tmp_path)
    assert {excuse.about: excuse.reason.values["field"] for excuse in first.excuses} == {
        "keda": "launch.scaling.metric",
        "karpenter": "launch.node",
    }
    assert {file.name for file in first.files} == {"hpa.yaml", "poddisruptionbudget.yaml", "kustomization.yaml"}


def test_a_region_without_a_course_has_an_excuse(advice: Advice, run: Run, tmp_path: Path) -> None:
    idle = tuple(one.model_copy(update={"scaling": None}) for one in advice.regions)
    for part in export(advice.model_copy(update={"regions": idle}), scenario_of(run), tmp_path):
        assert not part.files
        (excuse,) = part.excuses
        assert (excuse.about, excuse.reason.key) == (part.region, "export_no_course")


def test_manifests_of_an_earlier_advice_do_not_stay(advice: Advice, run: Run, tmp_path: Path) -> None:
    export(advice, scenario_of(run), tmp_path)
    folder = tmp_path / "id"
    own = folder / "nodepool.yaml"
    own.write_text("kind: NodePool  # somebody's own\n", encoding="utf-8")
    assert (folder / "scaledobject.yaml").exists()
    (first, *_) = export(advice, scenario_of(run, scaling={"workload": "live-origin"}), tmp_path)
    assert first.removed == (folder / "scaledobject.yaml",)
    assert not (folder / "scaledobject.yaml").exists()
    assert own.exists()
    for lang in LANGS:
        assert any(str(folder / "scaledobject.yaml") in line for line in tell(first, lang, {}))
    idle = tuple(one.model_copy(update={"scaling": None}) for one in advice.regions)
    export(advice.model_copy(update={"regions": idle}), scenario_of(run), tmp_path)
    assert [file.name for file in folder.iterdir()] == ["nodepool.yaml"]


def test_manifests_of_a_region_that_is_no_longer_advised_on_do_not_stay_but_files_of_others_do(
    advice: Advice, run: Run, tmp_path: Path
) -> None:
    export(advice, scenario_of(run), tmp_path)
    codes = [region.code for region in advice.regions]
    assert len(codes) > 2
    kept, gone, added = codes[0], codes[1], codes[2]
    own = tmp_path / "notes" / "hpa.yaml"
    own.parent.mkdir()
    own.write_text("kind: HorizontalPodAutoscaler\n", encoding="utf-8")
    (tmp_path / gone / "secret.yaml").write_text("kind: Secret\n", encoding="utf-8")
    with (tmp_path / added / "kustomization.yaml").open("a", encoding="utf-8") as file:
        file.write("- own.yaml\n")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    export(advice, scenario_of(run), elsewhere)
    before = sorted(elsewhere.rglob("*"))
    (tmp_path / "linked").symlink_to(elsewhere / gone)
    (tmp_path / "README").write_text("mine", encoding="utf-8")
    fewer = advice.model_copy(update={"regions": advice.regions[:1]})
    written = export(fewer, scenario_of(run), tmp_path)
    assert [one.region for one in written] == [kept, *sorted(codes[1:])]
    assert all(one.removed and not one.files and not one.excuses for one in written[1:])
    assert [file.name for file in (tmp_path / gone).iterdir()] == ["secret.yaml"]
    assert [file.name for file in (tmp_path / added).iterdir()] == ["kustomization.yaml"]
    assert own.exists()
    assert sorted(elsewhere.rglob("*")) == before
    assert any(f"{gone}/hpa.yaml" in line for one in written for line in tell(one, "en", {}))
    assert [one.region for one in export(fewer, scenario_of(run), tmp_path)] == [kept]


def test_a_window_needs_the_time_of_the_event(advice: Advice, run: Run, tmp_path: Path) -> None:
    timeless = scenario_of(run).model_copy(update={"starts_at": None})
    (first, *_) = export(advice, timeless, tmp_path)
    assert "starts_at" in [excuse.reason.values["field"] for excuse in first.excuses]


def test_the_window_opens_by_the_regions_clock(advice: Advice, run: Run, tmp_path: Path) -> None:
    """19:30 in Jakarta is 18:00 in Kolkata."""
    times = {}
    for part in export(advice, scenario_of(run), tmp_path):
        (scaled,) = [one for one in objects_of(part) if one["kind"] == "ScaledObject"]
        times[part.region] = scaled["spec"]["triggers"][1]["metadata"]
    assert times["id"]["timezone"] == "Asia/Jakarta"
    hours = {region: int(window["start"].split()[1]) for region, window in times.items()}
    assert (hours["id"] - hours["in"]) % 24 in (1, 2)
    assert all(window["start"] != window["end"] for window in times.values())


def test_kustomize_takes_the_folder_and_one_of_two_alternatives(advice: Advice, run: Run, tmp_path: Path) -> None:
    kubectl = needs("kubectl")
    export(advice, scenario_of(run), tmp_path)
    made = subprocess.run([kubectl, "kustomize", str(tmp_path / "id")], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    kinds = [one["kind"] for one in yaml.safe_load_all(made.stdout)]
    assert "ScaledObject" in kinds
    assert "HorizontalPodAutoscaler" not in kinds


def test_a_runs_name_cannot_write_a_line(advice: Advice, run: Run) -> None:
    made = asked(advice, scenario_of(run))
    evil = replace(made, run="evil\nkind: Secret\n---")
    kind = next(one for one in exports() if one.plugin_name() == "disruption")
    answer = kind.objects(evil)
    assert isinstance(answer, tuple)
    found = list(yaml.safe_load_all(document(answer, evil)))
    assert [one["kind"] for one in found if one] == ["PodDisruptionBudget"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"workload": "Live_Origin"},
        {"metric": {"prometheus": "ftp://x", "query": "up"}},
        {"metric": {"prometheus": "http://user:secret@x", "query": "up"}},
        {"metric": {"prometheus": "http://x", "query": "up\nkind: Secret"}},
        {"requests": {"cpu": "much", "memory": "1Gi"}},
    ],
)
def test_what_kubernetes_would_refuse_is_refused_early(run: Run, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"should match pattern"):
        scenario_of(run, scaling=wrong)


def chosen(run: Run, **launch: object) -> tuple[Advice, Scenario]:
    """An advice that may buy of EC2, and its scenario."""
    scenario = scenario_of(run, **{"node": "c7g.4xlarge", "offers": ["ec2"]} | launch)
    return advise([replace(run, header=run.header.model_copy(update={"scenario": scenario}))]), scenario


def made_by(name: str, made: Exported) -> Any:
    answer = next(one for one in exports() if one.plugin_name() == name).objects(made)
    assert isinstance(answer, tuple), answer
    return next(yaml.safe_load_all(document(answer, made)))


def test_pods_are_counted_on_nodes_of_the_type_that_was_chosen(run: Run) -> None:
    """More and smaller nodes: as many more pods, each carrying as much less; the whole is the same."""
    advice, scenario = chosen(run, scaling=SCALING | {"requests": None})
    region = advice.regions[0]
    assert isinstance(region.nodes, Plan)
    assert region.scaling is not None
    made = asked(advice, scenario)
    more = made.fleet.nodes / region.nodes.nodes
    assert more != 1
    assert made.scaling.maximum == pytest.approx(region.scaling.maximum * more, abs=1)
    assert made.scaling.minimum == pytest.approx(region.scaling.minimum * more, abs=1)
    assert made.scaling.per_pod * more == pytest.approx(region.scaling.per_pod)
    spec = made_by("hpa", made)["spec"]
    assert spec["maxReplicas"] == made.scaling.maximum
    average = int(spec["metrics"][0]["external"]["target"]["averageValue"].removesuffix("m")) / 1000
    assert average == pytest.approx(region.scaling.target / more)
    assert float(made_by("keda", made)["spec"]["triggers"][0]["metadata"]["threshold"]) == pytest.approx(average, 1e-3)


def test_a_node_that_has_no_room_for_its_pods_is_not_bought(run: Run) -> None:
    advice, _ = chosen(run, scaling=SCALING | {"requests": {"cpu": "3", "memory": "1Gi"}})
    plan = advice.regions[0].nodes
    assert isinstance(plan, Plan)
    assert plan.offers.best is not None
    assert plan.offers.best.offer.vcpus is not None
    assert plan.offers.best.offer.vcpus.value >= 2 * 3
    (small,) = [one for one in plan.offers.refusals if one.code == "offer_too_small"]
    assert "c6g.large" in small.offers
    assert "what runs on a node (pods: 2) asks for 6 vCPU" in small.reason.text
    fat, _ = chosen(run, scaling=SCALING | {"requests": {"cpu": "500m", "memory": "12Gi"}})
    assert isinstance(fat.regions[0].nodes, Plan)
    assert fat.regions[0].nodes.offers.best is not None
    assert fat.regions[0].nodes.offers.best.offer.memory_gib is not None
    assert fat.regions[0].nodes.offers.best.offer.memory_gib.value >= 24


@pytest.mark.parametrize("tight", ["quota", "wall"])
def test_pods_and_nodes_stop_at_one_wall(run: Run, tight: str) -> None:
    """The HPA asks for no pod that the NodePool has no node for, and neither goes beyond the quota."""
    offers = [] if tight == "quota" else ["ec2"]
    loose, _ = chosen(run, scaling=SCALING | {"requests": None}, offers=offers)
    before = loose.regions[0].fleet
    assert before is not None
    vcpus = sum(one.nodes * (one.vcpus or 0) for one in before.groups)
    if tight == "quota":
        launch: dict[str, Any] = {"quota_vcpus": {"id": vcpus + 1}, "scaling": SCALING, "offers": []}
    else:
        launch = {"scaling": SCALING | {"most_nodes": 40}}
    advice, scenario = chosen(run, **launch)
    made = asked(advice, scenario)
    assert [one.offer for one in made.fleet.groups] == [one.offer for one in before.groups]
    assert made.fleet.most == (made.fleet.nodes if tight == "quota" else 40)
    answer = next(one for one in exports() if one.plugin_name() == "karpenter").objects(made)
    assert isinstance(answer, tuple)
    limits = [int(one["spec"]["limits"]["cpu"]) for one in yaml.safe_load_all(document(answer, made))]
    assert limits == [one.most * (one.vcpus or 0) for one in made.fleet.groups]
    if tight == "quota":
        assert sum(limits) <= vcpus
    spec = made_by("hpa", made)["spec"]
    assert spec["maxReplicas"] == made.fleet.most * 2
    assert spec["minReplicas"] <= spec["maxReplicas"]
    roomy = asked(*chosen(run))
    assert roomy.fleet.most * 2 >= roomy.scaling.maximum > made.scaling.maximum


def test_a_quota_that_nothing_fits_is_named_and_not_the_node(run: Run) -> None:
    advice, scenario = chosen(run, quota_vcpus={"id": 64})
    region = advice.regions[0]
    assert isinstance(region.nodes, Plan)
    assert region.nodes.offers.best is None
    excuse = next(one for one in exports() if one.plugin_name() == "karpenter").objects(asked(advice, scenario))
    assert isinstance(excuse, Excuse)
    assert (excuse.about, excuse.reason.key) == ("karpenter", "offer_over_quota")
    assert "request-service-quota-increase" in excuse.remedy.text
    assert region.scaling is not None
    assert region.scaling.launches.known_by == "offer"
    unpriced = region.nodes.offers.model_copy(update={"beyond": None})
    first = unbought("karpenter", unpriced)
    assert first is not None
    assert first.reason.key in {one.code for one in unpriced.refusals}
