"""The example that `k8s/` holds, as the renderer writes it: ``python -m tests.kubernetes.rendered`` writes it again."""

from __future__ import annotations

import json
from typing import Final

import yaml

from loadtests.scenario import Scenario, read_scenario
from surgecast.manifests.files import as_yaml, files_of
from surgecast.manifests.load import render_load
from surgecast.manifests.monitoring import dashboard, service_monitor
from surgecast.manifests.namespace import namespace_objects
from surgecast.manifests.objects import Object
from surgecast.manifests.probes import render_probes
from surgecast.manifests.settings import IMAGE, NAMESPACE, Settings
from surgecast.manifests.stage import StageSettings, render_stage, stage_url
from tests.house.tree import ROOT

REFRESH: Final = "python -m tests.kubernetes.rendered"
FOLDER: Final = ROOT / "k8s"
NOTE: Final = f"Written by {REFRESH}; a test holds it to the renderer (surgecast/manifests)."
EXAMPLE: Final = Settings(run="viral-goal-example", workers={"id": 2})


def in_cluster() -> Scenario:
    """The bundled scenario against the stage in the same namespace."""
    bundled = read_scenario("viral-goal")
    changes = {
        "url": stage_url(NAMESPACE),
        "owner": "surgecast's staging origin in this namespace",
        "nodes": 2,
    }
    data = bundled.model_dump(mode="json", exclude_unset=True)
    data.pop("staging")
    return Scenario.model_validate({**data, "target": changes})


def stage() -> list[Object]:
    return render_stage(StageSettings(image=IMAGE, namespace=NAMESPACE))


def folders() -> dict[str, list[Object]]:
    """Objects by folder; the namespace has one of its own, so that each of the others can be left out."""
    shared = namespace_objects(NAMESPACE)
    load = [one for one in render_load(in_cluster(), EXAMPLE) if one not in shared]
    return {
        "namespace": shared,
        "load": load,
        "stage": stage(),
        "probes": render_probes(in_cluster(), EXAMPLE),
        "monitoring": [service_monitor(NAMESPACE)],
    }


def every_object() -> list[Object]:
    return [one for objects in folders().values() for one in objects]


def texts() -> dict[str, str]:
    """Every committed file that is rendered, by its path in `k8s/`."""
    found = {
        f"{folder}/{name}": text
        for folder, objects in folders().items()
        for name, text in files_of(objects, note=NOTE).items()
    }
    board = yaml.safe_load(found["monitoring/kustomization.yaml"])
    board |= {
        "namespace": NAMESPACE,
        "configMapGenerator": [{"name": "surgecast-dashboard", "files": ["dashboard.json"]}],
        "generatorOptions": {"disableNameSuffixHash": True, "labels": {"grafana_dashboard": "1"}},
    }
    found["monitoring/kustomization.yaml"] = f"# {NOTE}\n{as_yaml(board)}"
    found["monitoring/dashboard.json"] = json.dumps(dashboard(), indent=2) + "\n"
    return found


if __name__ == "__main__":
    for place, text in texts().items():
        (FOLDER / place).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / place).write_text(text, encoding="utf-8")
