"""Where runs are kept: a volume that outlives every pod, and a small pod beside it to copy them out through."""

from __future__ import annotations

from typing import Final

from surgecast.manifests.objects import VOLUME, Object, chosen, container, labels, made, pod, resources

CLAIM: Final = "surgecast-runs"
KEEPER: Final = "surgecast-runs"
RUNS: Final = "/runs"


def volume() -> Object:
    """The volume, as a pod mounts it."""
    return {"name": "runs", "persistentVolumeClaim": {"claimName": CLAIM}}


def on_its_node() -> Object:
    """Affinity: pods with the volume share a node, for most volumes can be attached to one only.

    The first of them goes anywhere: a pod that matches its own term may, where no other pod does.
    """
    term = {
        "labelSelector": {"matchLabels": {VOLUME: "runs"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def runs_objects(namespace: str, image: str, storage: str, storage_class: str) -> list[Object]:
    """The claim, and the pod that `kubectl exec` reads it through."""
    claim = made("PersistentVolumeClaim", CLAIM, namespace, "runs")
    claim["spec"] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage}},
        **({"storageClassName": storage_class} if storage_class else {}),
    }
    sleep = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); signal.pause()"
    keeper = container(
        "runs", image, ["python", "-c", sleep], resources("10m", 32 * 2**20, 128 * 2**20), {"runs": RUNS}
    )
    keeper["volumeMounts"][-1]["readOnly"] = True
    template = pod({**labels("runs"), VOLUME: "runs"}, [keeper], [volume()], grace=5)
    template["spec"]["affinity"] = on_its_node()
    deployment = made("Deployment", KEEPER, namespace, "runs")
    deployment["spec"] = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": chosen("runs"),
        "template": template,
    }
    return [claim, deployment]
