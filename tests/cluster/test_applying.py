"""Applying: refusals are told one by one, the rollback file comes first, and nothing strange is ever sent."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner, Result

from advisor.cluster.server import connect
from advisor.exports import exports
from loadtests.errors import InputError
from surgecast.applying import rollback_file
from surgecast.applying.content import content, difference, restored, untouched
from surgecast.applying.folder import manifests
from surgecast.applying.kinds import KINDS
from surgecast.applying.writer import Denied, Writer
from surgecast.cli import surgecast
from tests.cluster import objects
from tests.cluster.api import VERSION, Api, Status, kubeconfig, serving
from tests.cluster.folders import FIRST, INSTEAD, folder_of
from tests.house.tree import ROOT

NAME = "live-origin"
SOMEBODY = [
    {
        "manager": "somebody",
        "operation": "Update",
        "apiVersion": "policy/v1",
        "time": "2026-11-27T10:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:maxUnavailable": {}}},
    }
]


@dataclass
class Here:
    """A double, an export, and the command line."""

    api: Api
    folder: Path
    config: Path

    def run(self, command: str, target: Path, *words: str) -> Result:
        where = ["--kubeconfig", str(self.config), "--context", "jakarta"]
        return CliRunner().invoke(surgecast, [command, str(target), *where, *words])

    def done(self, command: str, target: Path, *words: str) -> str:
        result = self.run(command, target, *words)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def refused(self, command: str, target: Path, *words: str) -> tuple[str, str]:
        """Output and message."""
        result = self.run(command, target, *words)
        assert isinstance(result.exception, InputError), (result.output, result.exception)
        assert result.exception.exit_code == 2
        return result.output, str(result.exception)

    def count(self, *kinds: str) -> int:
        """Objects of the export, or those of some kinds."""
        found = manifests(self.folder, "live")
        return sum(one.kind.kind in kinds or not kinds for one in found)

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("rollback-*.json"))

    def kept(self) -> set[str]:
        """Kinds of objects that are there."""
        return {one["kind"] for one in self.api.objects.values()} - {"Namespace"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    api = Api()
    api.add(objects.namespace("live"))
    with serving(api) as address:
        folder = folder_of(tmp_path / "id", NAME, "live")
        yield Here(api, folder, kubeconfig(tmp_path, address, "jakarta", "mumbai"))


def test_every_export_is_a_kind_that_can_be_applied(tmp_path: Path) -> None:
    found = {
        one.kind for files in (FIRST, INSTEAD) for one in manifests(folder_of(tmp_path, NAME, "live", files), "live")
    }
    assert found == set(KINDS)


def test_the_place_is_told_before_the_plan_and_a_plan_changes_nothing(here: Here) -> None:
    before = dict(here.api.objects)
    output = here.done("apply", here.folder)
    assert re.match(r"Context jakarta \(http://127.0.0.1:\d+\), namespace live.\n", output)
    assert f"Plan: {here.count()} to create." in output
    assert "+  maxReplicaCount:" in output
    assert here.api.objects == before
    assert here.files() == []


def test_the_rollback_file_is_there_before_the_first_change(here: Here) -> None:
    there: list[int] = []

    def look(_verb: str, _resource: str, dry: bool) -> None:
        if not dry:
            there.append(len(rollback_file.read(here.files()[0]).entries))

    here.api.meanwhile = look
    here.done("apply", here.folder, "--yes-apply")
    assert there == [here.count()] * here.count()


def test_without_a_rollback_file_nothing_is_changed(here: Here, tmp_path: Path) -> None:
    taken = tmp_path / "taken.json"
    taken.write_text("mine", encoding="utf-8")
    for place in (taken, tmp_path / "none" / "file.json"):
        _, message = here.refused("apply", here.folder, "--yes-apply", "--rollback-file", str(place))
        assert "nothing was changed" in message
    assert taken.read_text(encoding="utf-8") == "mine"
    assert here.kept() == set()


def test_a_change_that_breaks_off_says_what_was_done_and_how_to_undo_it(here: Here) -> None:
    def breaks(_verb: str, resource: str, dry: bool) -> None:
        if not dry and resource.startswith("scaledobjects"):
            raise Status(500, "InternalError", "etcd is \x1b[31mtired\nof this")

    here.api.meanwhile = breaks
    output, message = here.refused("apply", here.folder, "--yes-apply")
    (file,) = here.files()
    done = re.findall(r"^done: create (\w+)", output, re.MULTILINE)
    assert 0 < len(done) < 5
    assert all(f"create {kind} " in message for kind in done)
    assert "etcd is [31mtired of this" in message
    words = [
        "surgecast",
        "rollback",
        str(file),
        "--context",
        "jakarta",
        "--kubeconfig",
        str(here.config),
        "--yes-apply",
    ]
    assert shlex.join(words) in message
    here.api.meanwhile = lambda _verb, _resource, _dry: None
    assert "unchanged" in here.done("rollback", file, "--yes-apply")
    assert here.kept() == set()


def test_an_object_that_changes_after_the_plan_is_left_alone(here: Here) -> None:
    here.done("apply", here.folder, "--yes-apply")
    budget = here.api.objects["poddisruptionbudgets.policy", "live", NAME]

    def somebody(_verb: str, resource: str, dry: bool) -> None:
        if not dry and not resource.startswith("poddisruptionbudgets"):
            budget["spec"]["maxUnavailable"] = 77

    here.api.meanwhile = somebody
    _, message = here.refused("rollback", here.files()[0], "--yes-apply")
    assert "it was changed after the plan was made" in message
    assert here.kept() >= {"PodDisruptionBudget"}


def test_a_status_that_changes_meanwhile_is_no_obstacle(here: Here) -> None:
    here.done("apply", here.folder, "--yes-apply")
    text = (here.folder / "poddisruptionbudget.yaml").read_text(encoding="utf-8")
    (here.folder / "poddisruptionbudget.yaml").write_text(text.replace("surgecast-run: ", "surgecast-run: x"), "utf-8")
    budget = here.api.objects["poddisruptionbudgets.policy", "live", NAME]
    late: list[str] = []

    def controller(verb: str, _resource: str, dry: bool) -> None:
        if not dry and len(late) < 2:
            late.append(verb)
            budget["metadata"]["resourceVersion"] = str(1000 + len(late))

    here.api.meanwhile = controller
    assert "done: change PodDisruptionBudget" in here.done("apply", here.folder, "--yes-apply")
    assert late == ["patch", "patch"]


@pytest.mark.parametrize(
    ("verb", "resource", "kind"),
    [
        ("get", "scaledobjects.keda.sh", "ScaledObject"),
        ("patch", "scaledobjects.keda.sh", "ScaledObject"),
        ("create", "nodepools.karpenter.sh", "NodePool"),
    ],
)
def test_a_missing_right_is_named_and_the_rest_is_planned(here: Here, verb: str, resource: str, kind: str) -> None:
    here.api.forbidden = {(verb, resource)}
    output, message = here.refused("apply", here.folder, "--yes-apply")
    assert f"may not {verb} {resource}" in message
    assert f"verbs: ['{verb}']" in output
    refused = here.count(kind)
    assert f"Plan: {here.count() - refused} to create, {refused} refused." in output, output[-3000:]
    assert here.kept() == set()
    here.refused("apply", here.folder, "--yes-apply", "--skip-refused")
    assert len(here.kept()) == 4


def test_a_definition_that_is_not_installed_is_named_with_what_brings_it(here: Here) -> None:
    here.api.absent = {"keda.sh", "karpenter.sh"}
    output, message = here.refused("apply", here.folder)
    assert "has no ScaledObject in keda.sh/v1alpha1 (scaledobjects.keda.sh)" in message
    assert "install KEDA" in output
    assert "install Karpenter" in output
    refused = here.count("ScaledObject", "NodePool")
    assert f"{here.count() - refused} to create, {refused} refused" in output


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda api: setattr(api, "token", "another"), "does not know the user"),
        (lambda api: api.objects.clear(), "there is no namespace live in context jakarta"),
        (lambda api: api.forbidden.add(("get", "namespaces")), "may not get namespaces at the cluster scope"),
    ],
    ids=["stranger", "no namespace", "no right to know which"],
)
def test_without_a_place_there_is_no_plan(here: Here, change: Callable[[Api], None], expected: str) -> None:
    change(here.api)
    assert expected in here.refused("apply", here.folder)[1]


def test_a_server_that_does_not_answer_and_a_context_that_is_not_there(here: Here, tmp_path: Path) -> None:
    here.config = kubeconfig(tmp_path, "http://127.0.0.1:1", "jakarta")
    assert "does not answer" in here.refused("apply", here.folder)[1]
    here.config = kubeconfig(tmp_path, "http://127.0.0.1:1", "mumbai", "delhi")
    assert "one of: delhi, mumbai" in here.refused("apply", here.folder)[1]


def test_what_answers_has_to_be_an_api_server_and_the_namespace_a_name(here: Here) -> None:
    del here.api.objects["namespaces", "", "live"]["metadata"]["uid"]
    assert "the answer is no Namespace" in here.refused("apply", here.folder)[1]
    assert "is no name of a namespace" in here.refused("apply", here.folder, "--namespace", "../nodes")[1]


def test_what_the_server_calls_invalid_is_told_in_its_words(here: Here) -> None:
    file = here.folder / "poddisruptionbudget.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("maxUnavailable:", "maxUnavailabel:"), encoding="utf-8")
    assert "strict decoding error" in here.refused("apply", here.folder)[1]


def test_what_cannot_be_changed_any_more_is_told(here: Here) -> None:
    here.done("apply", here.folder, "--yes-apply")
    edited("value: -10", "value: -5")(here.folder)
    output, message = here.refused("apply", here.folder, "--yes-apply")
    assert "may not be changed in an update" in message
    assert f"{here.count() - 1} unchanged, 1 refused" in output
    assert "nothing" not in output.lower()


def test_a_busy_server_is_asked_again_but_never_to_make_something_twice(here: Here) -> None:
    server = connect("jakarta", here.config)
    waited: list[float] = []
    server.sleep = waited.append
    writer = Writer(server, "live")
    wanted = next(one for one in manifests(here.folder, "live") if one.kind.kind == "PodDisruptionBudget")
    told: list[str] = []

    def busy(verb: str, _resource: str, _dry: bool) -> None:
        told.append(verb)
        if len(told) % 2:
            raise Status(503, "ServiceUnavailable", "apiserver is shutting down")

    here.api.meanwhile = busy
    writer.apply(wanted.kind, wanted.body, dry=False)
    assert (told, waited) == (["patch", "patch"], [1.0])
    with pytest.raises(Denied, match="503 to create"):
        writer.create(wanted.kind, wanted.body, dry=True)
    assert told == ["patch", "patch", "create"]


def test_another_cluster_is_refused(here: Here) -> None:
    here.done("apply", here.folder, "--yes-apply")
    here.api.objects["namespaces", "", "live"]["metadata"]["uid"] = "another"
    assert "is of another cluster: context jakarta" in here.refused("rollback", here.files()[0], "--yes-apply")[1]
    assert len(here.kept()) == 5


def test_labels_that_controllers_add_are_no_change_and_stay(here: Here) -> None:
    here.done("apply", here.folder, "--yes-apply")
    file = here.folder / "scaledobject.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("cooldownPeriod: 300", "cooldownPeriod: 900"), encoding="utf-8")
    here.done("apply", here.folder, "--yes-apply")
    live = here.api.objects["scaledobjects.keda.sh", "live", NAME]
    live["metadata"]["labels"]["scaledobject.keda.sh/name"] = NAME
    live["metadata"]["finalizers"] = ["finalizer.keda.sh"]
    assert "done: change ScaledObject" in here.done("rollback", here.files()[1], "--yes-apply")
    live = here.api.objects["scaledobjects.keda.sh", "live", NAME]
    assert live["spec"]["cooldownPeriod"] == 300
    assert live["metadata"]["labels"]["scaledobject.keda.sh/name"] == NAME
    assert live["metadata"]["finalizers"] == ["finalizer.keda.sh"]


def test_the_applier_role_grants_what_is_asked_and_nothing_else(here: Here, tmp_path: Path) -> None:
    for number, files in enumerate((FIRST, INSTEAD)):
        folder = folder_of(tmp_path / str(number), NAME, "live", files)
        here.done("apply", folder, "--yes-apply")
        for file in folder.glob("*.yaml"):
            file.write_text(file.read_text(encoding="utf-8").replace("surgecast-run: ", "surgecast-run: x"), "utf-8")
        here.done("apply", folder, "--yes-apply")
        for file in sorted(folder.glob("rollback-*.json"), reverse=True):
            here.done("rollback", file, "--yes-apply")
    granted = set()
    for role in yaml.safe_load_all((ROOT / "k8s/rbac/applier.yaml").read_text(encoding="utf-8")):
        kubernetes_validate.validate(role, VERSION, strict=True)
        for rule in role["rules"]:
            names = [f"{name}.{group}".rstrip(".") for group in rule["apiGroups"] for name in rule["resources"]]
            granted |= {(verb, name) for verb in rule["verbs"] for name in names}
    assert granted == set(here.api.asked)


META = ("Status", "APIVersions", "APIGroupList", "APIResourceList")


def published(body: dict[str, Any]) -> None:
    """Against Kubernetes' own schema; those of no group are among the definitions."""
    if body["kind"] not in META:
        kubernetes_validate.validate(body, VERSION, strict=True)
        return
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{VERSION}.0-local-strict"
    known = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    schema = {"$ref": f"#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.{body['kind']}", "$defs": known}
    jsonschema.Draft202012Validator(schema).validate(body)


def test_the_double_answers_in_the_shapes_that_kubernetes_publishes(here: Here) -> None:
    theirs = objects.disruption(NAME, 1, maxUnavailable=9)
    here.api.add(theirs | {"metadata": theirs["metadata"] | {"managedFields": SOMEBODY}})
    here.api.forbidden = {("patch", "nodepools.karpenter.sh")}
    here.refused("apply", here.folder, "--yes-apply", "--skip-refused")
    here.done("rollback", here.files()[0], "--yes-apply")
    server = connect("jakarta", here.config)
    for path in (
        "/api",
        "/apis",
        "/api/v1",
        "/apis/apps/v1",
        "/api/v1/namespaces",
        "/apis/policy/v1/poddisruptionbudgets",
    ):
        server.get(path)
    kinds = set()
    for body in here.api.told:
        if body.get("apiVersion", "v1") in ("v1", "apps/v1", "policy/v1", "scheduling.k8s.io/v1"):
            published(body)
            kinds.add(body["kind"])
    causes = [cause["reason"] for body in here.api.told for cause in body.get("details", {}).get("causes", ())]
    assert causes == ["FieldManagerConflict"]
    assert kinds >= {*META, "NamespaceList", "PodDisruptionBudgetList"}
    assert kinds >= {"Namespace", "Deployment", "PodDisruptionBudget", "PriorityClass"}


def edited(old: str, new: str, file: str = "placeholder.yaml") -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def instead(data: bytes, file: str = "placeholder.yaml") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / file).write_bytes(data)

    return write


def listed(*lines: str) -> Callable[[Path], None]:
    return instead("\n".join(lines).encode(), "kustomization.yaml")


STRANGE = {
    "another namespace": (edited("namespace: live", "namespace: kube-system"), "namespace 'kube-system', not 'live'"),
    "another kind": (edited("kind: Deployment", "kind: DaemonSet"), "nothing that is exported"),
    "a cluster role": (
        edited("kind: PriorityClass", "kind: ClusterRoleBinding"), "ClusterRoleBinding of scheduling.k8s.io/v1"),
    "a path for a name": (edited("name: live-origin-placeholder  #", "name: ../../secrets/x  #"), "with a name"),
    "a host's disk": (
        edited("      containers:", "      volumes: [{name: x, hostPath: {path: /}}]\n      containers:"), "volumes"),
    "a command": (edited("- name: pause", "- command: [sh]\n        name: pause"), "do not have command"),
    "an init container": (edited("      containers:", "      initContainers: []\n      containers:"), "initContainers"),
    "an owner": (edited("metadata:\n  name", "metadata:\n  ownerReferences: []\n  name"), "metadata.ownerReferences"),
    "an alias": (edited("globalDefault: false", "globalDefault: &a false\nx: *a"), "a YAML alias"),
    "a date": (edited("value: -10", "value: 2026-12-05"), "JSON has not got"),
    "a key twice": (edited("value: -10", "value: 3\nvalue: -10"), "written twice"),
    "no YAML": (edited("globalDefault: false", "globalDefault: [false"), "not YAML"),
    "no object": (instead(b"- 1"), "found list"),
    "no bytes of text": (instead(b"\xff"), "cannot be read"),
    "very large": (instead(b"#" * 2**21), "bytes"),
    "another file": (listed("resources:", "- ../../secret.yaml"), "is no file of an export"),
    "a list": (listed("resources:", "- [hpa.yaml]"), "is no file of an export"),
    "an address": (listed("resources:", "- https://example.com/all.yaml"), "is no file of an export"),
    "a generator": (listed("resources: [hpa.yaml]", "configMapGenerator: []"), "found configMapGenerator"),
    "two that do the same": (listed("resources: [hpa.yaml, scaledobject.yaml]"), "do the same"),
    "the same twice": (listed("resources: [hpa.yaml, hpa.yaml]"), "twice"),
    "nothing": (listed("resources: []"), "a list of files"),
    "an empty file": (listed(""), "a list of files"),
}  # fmt: skip


@pytest.mark.parametrize("strange", list(STRANGE))
def test_what_no_export_could_have_written_is_refused_before_anything_is_asked(here: Here, strange: str) -> None:
    change, expected = STRANGE[strange]
    change(here.folder)
    _, message = here.refused("apply", here.folder, "--yes-apply")
    assert expected in message
    assert here.api.asked == []


def test_the_folder_of_all_regions_names_them(here: Here) -> None:
    assert "name the folder of one region: id" in here.refused("apply", here.folder.parent)[1]
    assert "advise --export" in here.refused("apply", here.folder / "none")[1]


def forged(**changes: object) -> Callable[[dict[str, object]], dict[str, object]]:
    """With a checksum that is right."""

    def forge(body: dict[str, object]) -> dict[str, object]:
        changed = body | changes
        return {"rollback": changed, "sha256": rollback_file._sum(changed)}

    return forge


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "live"}}
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "x", "namespace": "kube-system"},
}
Forge = Callable[[dict[str, object]], object]
BROKEN: dict[str, tuple[Forge, str]] = {
    "an edit": (lambda body: {"rollback": body | {"context": "x"}, "sha256": rollback_file._sum(body)}, "SHA-256"),
    "another file": (lambda _: {"a": 1}, "no rollback file"),
    "no object": (lambda _: [], "no rollback file"),
    "another version": (forged(version=2), "version"),
    "more": (forged(more=1), "more"),
    "a strange kind": (
        forged(entries=[{"api_version": "v1", "kind": "Secret", "name": "x", "before": SECRET, "after": None}]),
        "no object that surgecast applies",
    ),
    "another namespace": (
        forged(entries=[
            {"api_version": "policy/v1", "kind": "PodDisruptionBudget", "name": "x", "before": BUDGET, "after": None}
        ]),
        "holds another object",
    ),
    "nothing inside": (
        forged(entries=[{"api_version": "v1", "kind": "x", "name": "x", "before": None, "after": None}]),
        "holds nothing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("broken", list(BROKEN))
def test_a_rollback_file_that_is_not_whole_is_refused(here: Here, broken: str) -> None:
    here.done("apply", here.folder, "--yes-apply")
    (file,) = here.files()
    here.api.asked.clear()
    change, expected = BROKEN[broken]
    file.write_text(json.dumps(change(json.loads(file.read_text(encoding="utf-8"))["rollback"])), encoding="utf-8")
    assert expected in here.refused("rollback", file, "--yes-apply")[1]
    assert here.api.asked == []


@pytest.mark.parametrize("data", [b"", b"\xff\x00", b"{", b"[" * 100_000], ids=["empty", "binary", "cut", "deep"])
def test_what_is_no_json_is_no_rollback_file(here: Here, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "file.json"
    file.write_bytes(data)
    assert "no rollback file" in here.refused("rollback", file)[1]
    assert "no rollback file" in here.refused("rollback", tmp_path / "none.json")[1]


def test_a_difference_shows_control_characters_as_escapes() -> None:
    one = {"metadata": {"name": "x"}, "spec": {"query": "\x1b[2J直播"}}
    (line,) = [line for line in difference(None, one) if "query" in line]
    assert "\x1b" not in line
    assert "直播" in line


def test_what_counts_as_touched() -> None:
    left = {"metadata": {"name": "x", "labels": {"a": "1"}, "uid": "1"}, "spec": {"n": 1}, "status": {"n": 1}}
    assert untouched(left, {**left, "status": {}, "metadata": {"name": "x", "labels": {"a": "1", "b": "2"}}})
    assert not untouched(left, {**left, "metadata": {"name": "x", "labels": {"b": "2"}}})
    assert not untouched(left, {**left, "spec": {"n": 2}})
    assert not untouched(None, left)
    assert untouched(None, None)
    live = {"metadata": {"name": "x", "labels": {"a": "2", "b": "2", "c": "3"}, "uid": "9"}, "spec": {"n": 2}}
    back = restored(left, {"metadata": {"labels": {"a": "2", "c": "3"}}}, live)
    assert back["metadata"] == {"name": "x", "uid": "9", "labels": {"a": "1", "b": "2"}}
    assert content(back)["spec"] == {"n": 1}


def test_exports_know_their_files() -> None:
    assert len({one.file_name for one in exports()}) == len(exports())
