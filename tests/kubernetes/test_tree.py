"""What `k8s/` holds is what the renderer writes, kustomize builds it, and the image recipe needs no network."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import kubernetes_validate
import pytest
import yaml

from loadtests.staging import Cluster
from surgecast.manifests.monitoring import PANELS, dashboard
from surgecast.manifests.objects import LOCUSTFILE, USER
from tests.house.tree import ROOT, read
from tests.kubernetes.rendered import FOLDER, REFRESH, texts
from tests.needs import needs
from tests.real.processes import fresh_port

OVERLAYS: Final = ("stage", "rehearsal", "observed", "two-markets")
SERVICE_MONITOR: Final = {
    "selector": dict,
    "endpoints": list,
}
ENDPOINT: Final = {"port": str, "path": str, "interval": str, "scrapeTimeout": str}
"""The fields that we use of ServiceMonitor.spec and of its endpoints, and their types (prometheus-operator v0.80,
Documentation/api-reference/api.md, monitoring.coreos.com/v1: both required fields of spec are here; as of 2025-02)."""


def built(overlay: str) -> list[dict[str, Any]]:
    """An overlay as `kubectl kustomize` builds it."""
    done = subprocess.run(
        [needs("kubectl"), "kustomize", str(FOLDER / "overlays" / overlay)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_what_is_committed_is_what_the_renderer_writes() -> None:
    for place, text in texts().items():
        assert (FOLDER / place).read_text(encoding="utf-8") == text, f"{place}: write it again with: {REFRESH}"
    folders = {place.split("/")[0] for place in texts()}
    there = {str(file.relative_to(FOLDER)) for folder in folders for file in (FOLDER / folder).iterdir()}
    assert there == set(texts()), "a file that the renderer does not write"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_builds_and_is_valid(overlay: str) -> None:
    objects = built(overlay)
    assert len(objects) >= 9
    for one in objects:
        if one["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(one, "1.32", strict=True)
    keys = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(keys) == len(set(keys))
    assert all(one["kind"] == "Namespace" or one["metadata"]["namespace"] == "surgecast" for one in objects)


def test_overlays_are_all_tried() -> None:
    assert {folder.name for folder in (FOLDER / "overlays").iterdir()} == set(OVERLAYS)


def test_the_overlay_of_two_markets_places_their_workers() -> None:
    jobs = {one["metadata"]["name"]: one for one in built("two-markets") if one["kind"] == "Job"}
    placed = {
        name.rpartition("-")[2]: job["spec"]["template"]["spec"].get("nodeSelector") for name, job in jobs.items()
    }
    assert placed["id"] == {"topology.kubernetes.io/region": "ap-southeast-3"}
    assert placed["in"] == {"topology.kubernetes.io/region": "ap-south-1"}
    assert placed["br"] is None
    images = {job["spec"]["template"]["spec"]["containers"][0]["image"] for job in jobs.values()}
    assert images == {"registry.example.com/surgecast:0.1.0"}


def test_the_service_monitor_has_the_fields_that_the_operator_knows() -> None:
    (monitor,) = (one for one in built("observed") if one["kind"] == "ServiceMonitor")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert {name: type(value) for name, value in monitor["spec"].items()} == SERVICE_MONITOR
    (endpoint,) = monitor["spec"]["endpoints"]
    assert {name: type(value) for name, value in endpoint.items()} == ENDPOINT
    (service,) = (one for one in built("observed") if one["kind"] == "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_the_dashboard_shows_metrics_that_the_stage_really_has() -> None:
    with Cluster(1, port=fresh_port(), egress=40e6, rps=400) as cluster:
        (node,) = cluster.nodes
        with urlopen(f"http://{node.address}:{node.port}/metrics", timeout=10) as answer:
            exposed = answer.read().decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", exposed, re.MULTILINE))
    names = {name for name, kind in kinds.items() if kind in ("counter", "gauge")}
    names |= {f"{name}_{part}" for name, kind in kinds.items() if kind == "summary" for part in ("sum", "count")}
    used = {name for _, _, expression, _ in PANELS for name in re.findall(r"\b(?:surgecast|process)_\w+", expression)}
    assert used
    assert used <= names, used - names
    variables = {one["name"] for one in dashboard()["templating"]["list"]}
    assert set(re.findall(r"\$(?!__)\{?(\w+)", json.dumps(dashboard()))) <= variables


def test_the_dashboard_is_one_that_grafana_can_draw() -> None:
    board = json.loads((FOLDER / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))
    assert board == dashboard()
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids)) == len(PANELS)
    places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in board["panels"]]
    assert all(before < after for before, after in pairwise(places))
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])
    (config,) = (
        one for one in built("observed") if one["kind"] == "ConfigMap" and "dashboard" in one["metadata"]["name"]
    )
    assert json.loads(config["data"]["dashboard.json"]) == board
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"


def instructions() -> list[tuple[str, str]]:
    """The Containerfile, an instruction a line."""
    text = re.sub(r"^#.*\n", "", read("k8s/Containerfile"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def test_the_image_is_built_from_a_pinned_base_without_a_network() -> None:
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    name, _, tag = bases[0].rpartition(":")
    assert name.startswith("docker.io/")
    assert re.fullmatch(r"3\.\d+-slim-\w+", tag), "a tag that is not latest"
    assert not [rest for word, rest in instructions() if word == "ADD"]
    runs = [rest for word, rest in instructions() if word == "RUN"]
    assert not re.search(r"https?://|apt-get|curl|wget", " ".join(runs))
    installs = [part for one in runs for part in one.split("&&") if re.search(r"pip (install|wheel)", part)]
    assert len(installs) == 4
    assert all("--no-index" in part for part in installs)
    assert sum("--require-hashes" in part for part in installs) == 2
    assert "://" not in read("k8s/Containerfile"), "no address but the base image's name"


def test_the_image_runs_as_the_user_of_the_manifests_and_has_what_they_call() -> None:
    last = [word for word, _ in instructions()]
    start = len(last) - 1 - last[::-1].index("FROM")
    users = [rest for word, rest in instructions()[start:] if word == "USER"]
    assert users == [f"{USER}:{USER}"]
    assert f"cp loadtests/locustfile.py {LOCUSTFILE}" in " ".join(rest for _, rest in instructions())


def test_only_what_the_image_is_built_from_is_sent_to_the_builder() -> None:
    lines = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / place).exists() for place in let_in - {"k8s/wheelhouse"})
    assert "/k8s/wheelhouse/" in read(".gitignore").splitlines()


def test_the_package_that_is_installed_has_every_file_that_it_reads() -> None:
    data = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]["loadtests"]
    missing = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "loadtests").rglob("*.yaml")
        if not any(Path(file.relative_to(ROOT / "loadtests")).match(pattern) for pattern in data)
    ]
    assert not missing
