"""The same tests on the double and on a real API server: list, watch, dry run, apply and roll back of every export."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kubernetes import watch
from kubernetes.client import PolicyV1Api

from advisor.cluster.server import Request
from advisor.exports import exports
from loadtests.errors import InputError
from surgecast.applying.content import content
from surgecast.applying.folder import manifests
from surgecast.applying.kinds import KINDS, Kind
from surgecast.cli import surgecast
from tests.cluster import places
from tests.cluster.folders import FIRST, INSTEAD, folder_of
from tests.cluster.places import Place, until
from tests.needs import needs

HPA = next(kind for kind in KINDS if kind.kind == "HorizontalPodAutoscaler")


@pytest.fixture(params=[places.double, places.real], ids=["double", "real"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with request.param(tmp_path) as found:
        yield found


def run(place: Place, command: str, target: Path, *words: str) -> Result:
    more = ["--namespace", place.namespace] if command == "apply" else []
    return CliRunner().invoke(surgecast, [command, str(target), *place.words, *more, *words])


def done(place: Place, command: str, target: Path, *words: str) -> str:
    result = run(place, command, target, *words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def rollback_file(folder: Path) -> Path:
    (file,) = folder.glob("rollback-*.json")
    return file


def listed(place: Place, kind: Kind) -> list[str]:
    return [one["metadata"]["name"] for one in place.server.items(kind.path(place.namespace))]


def test_the_two_folders_are_every_export() -> None:
    assert {one.file_name for one in exports()} == {*FIRST, *INSTEAD}


@pytest.mark.parametrize("files", [FIRST, INSTEAD], ids=["first", "instead"])
def test_every_export_is_tried_applied_listed_and_rolled_back(
    place: Place, tmp_path: Path, files: tuple[str, ...]
) -> None:
    folder = folder_of(tmp_path / "id", place.workload, place.namespace, files)
    wanted = manifests(folder, place.namespace)
    plan = done(place, "apply", folder)
    assert plan.count("\n+ create ") == len(wanted) >= len(files)
    assert "Nothing was changed" in plan
    assert all(one.name not in listed(place, one.kind) for one in wanted)
    assert done(place, "apply", folder, "--yes-apply").count("\ndone: create ") == len(wanted)
    assert all(one.name in listed(place, one.kind) for one in wanted)
    assert done(place, "apply", folder).count("\n= unchanged ") == len(wanted)
    back = rollback_file(folder)
    assert done(place, "rollback", back).count("\n- delete ") == len(wanted)
    assert done(place, "rollback", back, "--yes-apply").count("\ndone: delete ") == len(wanted)
    until(lambda: all(one.name not in listed(place, one.kind) for one in wanted))
    assert done(place, "rollback", back).count("\n= unchanged ") == len(wanted)


def test_a_watch_tells_of_what_is_applied_and_rolled_back(place: Place, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "id", place.workload, place.namespace, ("poddisruptionbudget.yaml",))
    client = PolicyV1Api(place.server.client)
    meta = client.list_namespaced_pod_disruption_budget(place.namespace).metadata
    assert meta is not None
    done(place, "apply", folder, "--yes-apply")
    done(place, "rollback", rollback_file(folder), "--yes-apply")
    lister, since = client.list_namespaced_pod_disruption_budget, meta.resource_version
    watching: Any = watch.Watch  # the client's own watch is untyped
    events = watching().stream(lister, place.namespace, resource_version=since, timeout_seconds=2)
    told = [(event["type"], event["object"].metadata.name) for event in events]
    assert told[0] == ("ADDED", place.workload)
    assert told[-1] == ("DELETED", place.workload)


@pytest.mark.parametrize("files", [FIRST, INSTEAD], ids=["first", "instead"])
def test_kubectl_sees_the_same_difference(place: Place, tmp_path: Path, files: tuple[str, ...]) -> None:
    """Real kubectl, by the words that docs/applying.md gives: 1 where there is a difference, 0 where there is none."""
    folder = folder_of(tmp_path / "id", place.workload, place.namespace, files)

    def differs() -> int:
        words = ["--server-side", "--field-manager", "surgecast", "-k", str(folder)]
        command = [needs("kubectl"), *place.words, "diff", *words]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert answer.returncode in (0, 1), answer.stderr
        assert (f"name: {place.workload}" in answer.stdout) == bool(answer.returncode), answer.stdout
        return answer.returncode

    assert differs() == 1
    done(place, "apply", folder, "--yes-apply")
    assert differs() == 0
    done(place, "rollback", rollback_file(folder), "--yes-apply")
    until(lambda: differs() == 1)


def theirs(place: Place) -> dict[str, Any]:
    """An HPA of somebody else's, on the same workload."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": place.workload}
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 7, "metrics": [cpu]}
    body = {"apiVersion": HPA.api, "kind": HPA.kind, "metadata": {"name": place.workload}, "spec": spec}
    path = HPA.path(place.namespace)
    return place.server.send(Request("POST", path, {"fieldManager": "somebody"}, body))


def test_fields_of_others_are_a_conflict_and_taken_by_force_they_are_given_back(place: Place, tmp_path: Path) -> None:
    before = theirs(place)
    folder = folder_of(tmp_path / "id", place.workload, place.namespace, ("hpa.yaml",))
    refused = run(place, "apply", folder, "--yes-apply")
    assert isinstance(refused.exception, InputError)
    assert refused.exception.exit_code == 2
    assert ".spec.maxReplicas belongs to somebody" in refused.output
    assert "-  maxReplicas: 7" in refused.output
    assert content(place.writer.read(HPA, place.workload)) == content(before)
    plan = done(place, "apply", folder, "--force-conflicts", "--yes-apply")
    assert f"done: change HorizontalPodAutoscaler {place.namespace}/{place.workload}" in plan
    done(place, "rollback", rollback_file(folder), "--yes-apply")
    after = place.writer.read(HPA, place.workload)
    assert after is not None
    assert content(after) == content(before)
    fields = after["metadata"]["managedFields"]
    assert {one["manager"] for one in fields if one.get("subresource") != "status"} == {"somebody"}


def test_what_somebody_changed_since_is_put_back_by_force_only(place: Place, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "id", place.workload, place.namespace, ("hpa.yaml",))
    done(place, "apply", folder, "--yes-apply")
    live = place.server.get(HPA.path(place.namespace, place.workload))
    live["spec"]["minReplicas"] += 1
    live["metadata"].pop("managedFields")
    place.server.send(Request("PUT", HPA.path(place.namespace, place.workload), {"fieldManager": "somebody"}, live))
    back = rollback_file(folder)
    refused = run(place, "rollback", back, "--yes-apply")
    assert isinstance(refused.exception, InputError)
    assert "changed since by somebody else" in str(refused.exception)
    assert "minReplicas" in str(refused.exception)
    assert place.workload in listed(place, HPA)
    again = tmp_path / "again.json"
    done(place, "rollback", back, "--force-changed", "--yes-apply", "--rollback-file", str(again))
    assert place.workload not in listed(place, HPA)
    done(place, "rollback", again, "--yes-apply")
    found = place.writer.read(HPA, place.workload)
    assert content(found) == content(live)
