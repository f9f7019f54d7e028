"""A folder as `advise --export` writes one for a region, with every kind of export in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from advisor.advice import Advice
from advisor.advising import advise
from advisor.carrying.exporting import KUSTOMIZATION, document, exported
from advisor.exports import exports
from advisor.plans.plan import Plan
from loadtests.scenario import Scenario
from tests.advisor.runs import Town, run_of


@cache
def _advised() -> tuple[Advice, Scenario]:
    with TemporaryDirectory() as folder:
        run = run_of(Town(seed=3), Path(folder))
    data = run.header.scenario.model_dump(mode="json")
    data["launch"] |= {"node": "c7g.4xlarge"}
    scenario = Scenario.model_validate(data)
    return advise([replace(run, header=run.header.model_copy(update={"scenario": scenario}))]), scenario


FIRST = ("scaledobject.yaml", "placeholder.yaml", "poddisruptionbudget.yaml", "nodepool.yaml")
INSTEAD = ("hpa.yaml", "capacitybuffer.yaml", "poddisruptionbudget.yaml")
"""The two together are every export."""


def folder_of(place: Path, workload: str, namespace: str, files: Sequence[str] = FIRST) -> Path:
    """Manifests of a region for a workload, of which the kustomization names some."""
    advice, scenario = _advised()
    data = scenario.model_dump(mode="json")
    data["launch"]["scaling"] = {
        "workload": workload,
        "namespace": namespace,
        "metric": {"prometheus": "http://prometheus.monitoring:9090", "query": "sum(rate(bytes_total[1m])) * 8"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }
    region = advice.regions[0]
    assert isinstance(region.nodes, Plan)
    asked = exported(advice, Scenario.model_validate(data), region, region.nodes)
    asked = replace(asked, scaling=asked.scaling.model_copy(update={"placeholders": 2}))
    place.mkdir(parents=True, exist_ok=True)
    lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources:"]
    for kind in exports():
        objects = kind.objects(asked)
        assert isinstance(objects, tuple), kind.plugin_name()
        assert objects, kind.plugin_name()
        (place / kind.file_name).write_text(document(objects, asked), encoding="utf-8")
        lines.append(f"{'' if kind.file_name in files else '# '}- {kind.file_name}")
    (place / KUSTOMIZATION).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place
