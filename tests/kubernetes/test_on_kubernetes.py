"""`surgecast load --on-kubernetes` with a kubectl that answers from a folder: the command as its user types it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import yaml
from click.testing import CliRunner, Result

from loadtests.errors import SurgecastError
from surgecast.commands.load import load
from surgecast.kubernetes_run.asked import Asked
from surgecast.kubernetes_run.following import Following
from surgecast.kubernetes_run.kubectl import Answer, Kubectl, explained
from surgecast.kubernetes_run.pods import read_pods, waited_in_vain
from surgecast.kubernetes_run.running import settings_of
from surgecast.manifests.objects import Object
from tests.kubernetes.cluster import FakeCluster, pod, run_bytes
from tests.kubernetes.rendered import in_cluster

TARGET: Final = ("--target", "http://surgecast-stage.surgecast.svc.cluster.local:8800/live/master.m3u8")
OWN: Final = (*TARGET, "--i-own-this-target")
ENDED: Final = [pod("master", "Succeeded", exit_code=0), *(pod("worker", "Succeeded", exit_code=0) for _ in range(3))]
RUNNING: Final = [pod("master"), *(pod("worker") for _ in range(3))]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """On PATH, with pods that run and then end, and a whole run on the volume."""
    found = FakeCluster(tmp_path / "cluster")
    found.put(monkeypatch)
    found.set(pods=[RUNNING, ENDED])
    (found.home / "run.jsonl").write_bytes(run_bytes())
    monkeypatch.chdir(tmp_path)
    return found


def typed(*words: object) -> Result:
    return CliRunner().invoke(load, ["viral-goal", *map(str, words)])


def said(result: Result) -> str:
    """What the user reads, errors of ours included."""
    return f"{result.output}\n{result.exception or ''}"


def code(result: Result) -> int:
    """As `surgecast.cli.main` ends."""
    if isinstance(result.exception, SurgecastError):
        return result.exception.exit_code
    return result.exit_code


def test_rendering_needs_no_cluster_and_no_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = typed("--on-kubernetes", "--render", tmp_path / "out", *OWN, "--workers", "id=4", "--namespace", "night")
    assert code(result) == 0, said(result)
    listed = yaml.safe_load((tmp_path / "out" / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert {*listed, "kustomization.yaml"} == {file.name for file in (tmp_path / "out").iterdir()}
    (job,) = yaml.safe_load_all((tmp_path / "out" / "worker-id.yaml").read_text(encoding="utf-8"))
    assert job["spec"]["parallelism"] == 4
    assert job["metadata"]["namespace"] == "night"
    assert "id: 4 workers of 1 core" in result.output
    assert "nothing was sent" in result.output


def test_a_secret_is_written_for_its_owner_only(tmp_path: Path) -> None:
    url = "https://live.example.com/a.m3u8?token=hush"
    result = typed("--on-kubernetes", "--render", tmp_path / "out", "--target", url, "--i-own-this-target")
    assert code(result) == 0, said(result)
    assert (tmp_path / "out" / "secret.yaml").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "out").iterdir() if "hush" in file.read_text()] == ["secret.yaml"]


def test_an_unclaimed_target_renders_nothing(tmp_path: Path) -> None:
    result = typed("--on-kubernetes", "--render", tmp_path / "out", *TARGET)
    assert code(result) == 2
    assert "nobody claims the target" in said(result)
    assert not (tmp_path / "out").exists()


def test_the_bundled_target_is_refused_for_it_is_on_loopback(tmp_path: Path) -> None:
    result = typed("--on-kubernetes", "--render", tmp_path / "out")
    assert code(result) == 2
    assert "in a pod that is the pod itself" in said(result)


def test_a_context_has_to_be_named(cluster: FakeCluster) -> None:
    result = typed("--on-kubernetes", *OWN)
    assert code(result) == 2
    assert "no context was named" in said(result)
    assert "staging (current), production" in said(result)
    assert set(cluster.verbs) == {"config"}, "nothing else was asked"


def test_an_unknown_context_is_refused_with_those_that_are_there(cluster: FakeCluster) -> None:
    result = typed("--on-kubernetes", *OWN, "--context", "prod")
    assert code(result) == 2
    assert "kubectl knows no context prod" in said(result)
    assert "staging (current), production" in said(result)
    cluster.set(contexts=[])
    assert "set KUBECONFIG" in said(typed("--on-kubernetes", *OWN))


def test_without_kubectl_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = typed("--on-kubernetes", *OWN, "--context", "staging")
    assert code(result) == 2
    assert "there is no kubectl on PATH" in said(result)
    assert "--render" in said(result)


def test_a_run_is_tried_by_the_server_applied_followed_and_fetched(cluster: FakeCluster, tmp_path: Path) -> None:
    result = typed("--on-kubernetes", *OWN, "--context", "production", "--out", "night")
    assert code(result) == 0, said(result)
    assert result.stdout.splitlines()[-1] == "night"
    assert (tmp_path / "night" / "run.jsonl").read_bytes() == run_bytes()
    assert "viewers" in (tmp_path / "night" / "locust.log").read_text(encoding="utf-8")
    assert {tuple(call[:2]) for call in cluster.calls if "config" not in call} == {("--context", "production")}
    dry, real = cluster.called("apply")
    assert "--dry-run=server" in dry
    assert "--dry-run=server" not in real
    assert cluster.applied(0) == cluster.applied(1), "what was tried is what was applied"
    assert not cluster.called("delete"), "Jobs are deleted only when asked"
    assert "delete them with: kubectl --context production -n surgecast delete" in result.output


def test_an_absent_namespace_is_made_first(cluster: FakeCluster) -> None:
    cluster.set(namespace=False)
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night")
    assert code(result) == 0, said(result)
    assert sorted(cluster.applied(0)) == ["kustomization.yaml", "namespace.yaml"]
    assert len(cluster.called("apply")) == 3
    (namespace,) = yaml.safe_load_all(cluster.applied(0)["namespace.yaml"])
    assert namespace["kind"] == "Namespace"


def test_jobs_are_deleted_when_asked_and_only_those_of_the_run(cluster: FakeCluster) -> None:
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night", "--clean-up")
    assert code(result) == 0, said(result)
    (call,) = cluster.called("delete")
    selector = call[call.index("--selector") + 1]
    assert selector.startswith("surgecast/run=viral-goal-")
    assert not {"persistentvolumeclaim", "namespace", "deployment"} & set(" ".join(call).split(","))


def test_a_copy_that_was_cut_goes_on_where_it_was(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.set(piece=700, cuts=3)
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night")
    assert code(result) == 0, said(result)
    assert (tmp_path / "night" / "run.jsonl").read_bytes() == run_bytes()
    starts = [call[-2] for call in cluster.called("exec") if "tail" in call]
    assert starts == ["+1", "+701", "+1401", "+2101"]


def test_a_copy_that_stands_still_is_given_up_and_can_be_taken_up(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.set(piece=0, cuts=99)
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night")
    assert code(result) == 1
    assert "bytes were copied, and no more come" in said(result)
    (tmp_path / "night" / "run.jsonl").write_bytes(run_bytes()[:500])
    cluster.set(cuts=0, job=None)
    applies = len(cluster.called("apply"))
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night", "--attach", "viral-goal-x")
    assert code(result) == 0, said(result)
    assert (tmp_path / "night" / "run.jsonl").read_bytes() == run_bytes()
    assert len(cluster.called("apply")) == applies, "nothing is applied for a run that is there"


def test_a_copy_that_differs_is_not_believed(cluster: FakeCluster, tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "run.jsonl").write_bytes(b"x" * 100)
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night", "--attach", "viral-goal-x")
    assert code(result) == 1
    assert "the copy differs from /runs/viral-goal-x/run.jsonl" in said(result)
    (tmp_path / "night" / "run.jsonl").write_bytes(b"x" * 10**6)
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night", "--attach", "viral-goal-x")
    assert code(result) == 2
    assert "it is another run" in said(result)


def test_a_run_that_is_not_whole_is_invalid(cluster: FakeCluster) -> None:
    cluster.set(pods=[RUNNING, []], job={"status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    (cluster.home / "run.jsonl").write_bytes(run_bytes(complete=False))
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night")
    assert code(result) == 3, said(result)
    assert "NOT complete" in result.output


def test_a_master_that_refuses_ends_the_command_as_it_would_here(cluster: FakeCluster) -> None:
    (cluster.home / "run.jsonl").unlink()
    cluster.set(pods=[[pod("master", "Failed", exit_code=2), pod("worker")]])
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night")
    assert code(result) == 2, said(result)


@pytest.mark.parametrize(
    ("pods", "words"),
    [
        (
            [pod("worker", "Pending", waiting="ImagePullBackOff", message="not found")],
            ("registry.example.com/surgecast:1 cannot be pulled (ImagePullBackOff): not found", "--image"),
        ),
        (
            [pod("master", "Pending", waiting="CreateContainerConfigError", message='secret "mine" not found')],
            ('secret "mine" not found', "--scenario-secret"),
        ),
    ],
)
def test_a_pod_that_will_never_run_is_told(cluster: FakeCluster, pods: list[Object], words: tuple[str, ...]) -> None:
    cluster.set(pods=[pods])
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night")
    assert code(result) == 2
    for one in words:
        assert one in said(result)
    assert "stay; delete them with" in result.output


def test_pods_that_no_node_takes_are_told_with_the_schedulers_reason(cluster: FakeCluster) -> None:
    reason = "0/3 nodes are available: 3 Insufficient cpu."
    cluster.set(pods=[[pod("master"), pod("worker", "Pending", unschedulable=reason)]])
    lines: list[str] = []
    following = Following(Kubectl("staging", "surgecast"), "night", lines.append, every=0.01)
    with pytest.raises(SurgecastError) as refused:
        following.until_running(4, within=0.3)
    assert reason in str(refused.value)
    assert "--node-selector" in str(refused.value)
    assert refused.value.exit_code == 2
    assert lines == ["1 master running, 1 worker unschedulable"], "told once, for nothing changed"


def test_pods_that_only_take_long_are_our_failure() -> None:
    error = waited_in_vain(read_pods({"items": [pod("worker", "Pending", waiting="ContainerCreating")]}), 900)
    assert error.exit_code == 1
    assert "run-worker (ContainerCreating)" in str(error)


FORBIDDEN: Final = (
    'Error from server (Forbidden): jobs.batch is forbidden: User "ci" cannot create resource "jobs" in API group '
    '"batch" in the namespace "surgecast"'
)
NAMESPACES: Final = (
    'Error from server (Forbidden): namespaces "surgecast" is forbidden: User "ci" cannot patch resource '
    '"namespaces" in API group "" at the cluster scope'
)


@pytest.mark.parametrize(
    ("text", "exit_code", "words"),
    [
        (
            FORBIDDEN,
            2,
            ("may not create jobs.batch in namespace surgecast", "verbs: ['create']", "apiGroups: ['batch']"),
        ),
        (NAMESPACES, 2, ("may not patch namespaces at the cluster scope", "apiGroups: ['']")),
        (
            'error: no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"',
            2,
            ("this cluster has no ServiceMonitor in monitoring.coreos.com/v1",),
        ),
        ('error: context "nowhere" does not exist', 2, ("knows no context nowhere",)),
        ("Unable to connect to the server: dial tcp: lookup x: no such host", 2, ("cannot be reached",)),
        ("The connection to the server 127.0.0.1:6443 was refused", 2, ("cannot be reached",)),
        ("error: You must be logged in to the server (Unauthorized)", 2, ("does not know this context's user",)),
        ('Error from server (Forbidden): pods "a" is forbidden: exceeded quota: q, requested: cpu=4', 2, ("a quota",)),
        ("something else", 1, ("`kubectl apply -k x` ended with 1: something else",)),
    ],
)
def test_what_kubectl_refuses_is_said_in_our_words(text: str, exit_code: int, words: tuple[str, ...]) -> None:
    error = explained(Answer(1, "", text), ("apply", "-k", "x"))
    assert error.exit_code == exit_code
    for one in words:
        assert one in str(error)
    assert "→" in str(error)


def test_a_refusal_at_the_try_applies_nothing(cluster: FakeCluster) -> None:
    cluster.set(refusals={"apply": FORBIDDEN})
    result = typed("--on-kubernetes", *OWN, "--context", "staging", "--out", "night")
    assert code(result) == 2
    assert "may not create jobs.batch" in said(result)
    assert len(cluster.called("apply")) == 1
    assert not (Path("night") / "run.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--workers", "id=2"), "--workers goes with --on-kubernetes or --locally"),
        (("--render", "x"), "--render goes with --on-kubernetes or --locally"),
        (("--locally", "--render", "x"), "--render goes with --on-kubernetes only"),
        (("--locally", "--on-kubernetes"), "expected one of them"),
        (("--on-kubernetes", "--web"), "--web does not go with --on-kubernetes"),
        (("--on-kubernetes", "--processes", "2"), "--processes does not go with --on-kubernetes"),
        (("--locally", "--workers", "jp=2"), "'jp' is not one of the regions"),
        (("--on-kubernetes", "--render", "x", *OWN, "--workers", "jp=2"), "'jp' is not one of the regions"),
        (("--on-kubernetes", "--workers", "id:2"), "expected REGION=WORKERS"),
        (("--on-kubernetes", "--node-selector", "id=x"), "expected REGION=KEY=VALUE"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    result = typed(*words, "--out", tmp_path / "out")
    assert code(result) == 2
    assert told in said(result)
    assert not (tmp_path / "out").exists()


def test_every_run_gets_a_name_of_its_own_that_kubernetes_takes() -> None:
    scenario = in_cluster().model_copy(update={"name": "a-name-" * 8 + "end"})
    settings = settings_of(scenario, Asked(workers={}, node_selector={}))
    assert len(settings.run) <= 40
    assert "--" not in settings.run


def test_node_selectors_and_density_reach_the_manifests(tmp_path: Path) -> None:
    words = ("--node-selector", "id=topology.kubernetes.io/region=ap-southeast-3", "--viewers-per-worker", 300)
    result = typed("--on-kubernetes", "--render", tmp_path / "out", *OWN, *words)
    assert code(result) == 0, said(result)
    assert "3 workers" in result.output
    assert "on nodes with topology.kubernetes.io/region=ap-southeast-3" in result.output
    (job,) = yaml.safe_load_all((tmp_path / "out" / "worker-id.yaml").read_text(encoding="utf-8"))
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"topology.kubernetes.io/region": "ap-southeast-3"}
