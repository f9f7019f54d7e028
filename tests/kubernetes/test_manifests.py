"""Every manifest is one that several versions of Kubernetes take, and says what a run needs and no more."""

from __future__ import annotations

from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

from loadtests.errors import InputError
from loadtests.scenario import Scenario, read_scenario
from surgecast.manifests.load import render_load
from surgecast.manifests.objects import Object
from surgecast.manifests.probes import render_probes
from surgecast.manifests.scenario_file import scenario_text
from surgecast.manifests.settings import Settings
from surgecast.manifests.stage import StageSettings, render_stage
from surgecast.manifests.topology import DENSITY, Pool, peak_of, pools_of
from tests.kubernetes.rendered import EXAMPLE, every_object, in_cluster

VERSIONS: Final = ("1.30", "1.32", "1.34", "1.37")
POD_KINDS: Final = ("Job", "Deployment", "CronJob")


def changed(**changes: Any) -> Scenario:
    """The example with other fields; ``target`` is added to."""
    data = in_cluster().model_dump(mode="json", exclude_unset=True)
    target = {**data["target"], **changes.pop("target", {})}
    return Scenario.model_validate({**data, **changes, "target": target})


def of(objects: list[Object], kind: str, name: str = "") -> list[Object]:
    return [one for one in objects if one["kind"] == kind and name in one["metadata"]["name"]]


def pod_spec(one: Object) -> dict[str, Any]:
    spec = one["spec"]
    spec = spec["jobTemplate"]["spec"] if one["kind"] == "CronJob" else spec
    found = spec["template"]["spec"]
    assert isinstance(found, dict)
    return found


def rendered(scenario: Scenario | None = None, **settings: Any) -> list[Object]:
    return render_load(scenario or in_cluster(), Settings(**{"run": "night", **settings}))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_for_kubernetes(version: str) -> None:
    checked = 0
    for one in every_object():
        if one["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(one, version, strict=True)
            checked += 1
    assert checked > 25


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrong_field_would_be_found(version: str) -> None:
    (job,) = of(every_object(), "Job", "master")
    wrong = {**job, "spec": {**job["spec"], "backOffLimit": 0}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_pods_meet_the_restricted_pod_security_standard() -> None:
    """kubernetes.io, Pod Security Standards, restricted: every rule that a pod of ours could break."""
    pods = [pod_spec(one) for one in every_object() if one["kind"] in POD_KINDS]
    assert len(pods) == 9
    for spec in pods:
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        kinds = {next(key for key in volume if key != "name") for volume in spec["volumes"]}
        assert kinds <= {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory", "ephemeral-storage"} == set(container["resources"]["requests"])
            assert "cpu" not in container["resources"]["limits"], "a throttled generator is late"
    (namespace,) = of(every_object(), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_names_fit_what_kubernetes_and_dns_take() -> None:
    """The longest name of a run, with what the Job controller appends: a pod's name is its host name."""
    objects = rendered(run="r" * 40)
    jobs = of(objects, "Job")
    assert max(len(f"{one['metadata']['name']}-0-abcde") for one in jobs) <= 63
    labels = [value for one in objects for value in one["metadata"]["labels"].values()]
    assert max(map(len, labels)) <= 63


def test_the_scenario_in_the_cluster_reads_back_as_the_same() -> None:
    (config,) = of(rendered(), "ConfigMap")
    text = config["data"]["scenario.yaml"]
    assert Scenario.model_validate(yaml.safe_load(text)) == in_cluster()
    bundled = read_scenario("retry-storm")
    assert Scenario.model_validate(yaml.safe_load(scenario_text(bundled))) == bundled


def test_an_address_with_a_query_makes_a_secret_and_nothing_else_names_it() -> None:
    url = "https://live.example.com/a.m3u8?token=hush"
    objects = rendered(changed(target={"url": url}))
    (secret,) = of(objects, "Secret")
    assert "token=hush" in secret["stringData"]["scenario.yaml"]
    assert "hush" not in str([one for one in objects if one is not secret])
    (master,) = of(objects, "Job", "master")
    assert {"name": "scenario", "secret": {"secretName": "night-scenario"}} in pod_spec(master)["volumes"]
    own = changed()
    region = own.regions["id"].model_dump(mode="json", exclude_unset=True) | {"target": {"url": url}}
    of_region = changed(regions={**own.model_dump(mode="json", exclude_unset=True)["regions"], "id": region})
    assert of(rendered(of_region), "Secret")


def observed(url: str, **target: Any) -> Scenario:
    """The example with an observer."""
    return changed(target={"observe": [{"observer": "prometheus", "url": url, "cpu": "up"}], **target})


def test_an_observers_address_with_a_query_makes_a_secret() -> None:
    page = "http://10.0.0.9:9090/"
    assert of(rendered(observed(page, hosts=["10.0.0.9"])), "ConfigMap", "scenario")
    objects = rendered(observed(f"{page}?token=hush", hosts=["10.0.0.9"]))
    (secret,) = of(objects, "Secret")
    assert "hush" in str(secret)
    assert "hush" not in str([one for one in objects if one is not secret])


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://127.0.0.1:9090", {"hosts": ["127.0.0.1"]}),
        ("http://localhost:9090", {"hosts": ["localhost"]}),
        ("http://prom.example:9090", {"hosts": ["prom.example"], "resolve": ["prom.example:9090:127.0.0.1"]}),
    ],
)
def test_an_observer_of_the_pod_itself_is_refused(url: str, more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="the observer prometheus asks"):
        rendered(observed(url, **more))


def test_the_master_may_ask_what_its_observers_ask_and_workers_may_not() -> None:
    objects = rendered(observed("http://10.0.0.9:9090", hosts=["10.0.0.9"]))
    wanted = {"to": [{"ipBlock": {"cidr": "10.0.0.9/32"}}], "ports": [{"port": 9090, "protocol": "TCP"}]}
    assert wanted in egress(objects, "night-master")
    assert wanted not in egress(objects, "night-target-id")


def test_with_a_secret_of_the_users_own_none_is_rendered() -> None:
    objects = rendered(changed(target={"url": "https://a.example.com/a.m3u8?t=1"}), scenario_secret="mine")
    assert not of(objects, "Secret")
    assert not of(objects, "ConfigMap")
    (master,) = of(objects, "Job", "master")
    assert {"name": "scenario", "secret": {"secretName": "mine"}} in pod_spec(master)["volumes"]


def test_an_authority_is_mounted_wherever_a_target_is_asked() -> None:
    scenario = changed(target={"url": "https://a.example.com/a.m3u8", "ca_file": "ca.pem"})
    objects = rendered(scenario, authorities={"ca.pem": "PEM"})
    (config,) = of(objects, "ConfigMap", "authorities")
    assert config["data"] == {"authority-0.pem": "PEM"}
    (text,) = of(objects, "ConfigMap", "scenario")
    assert "ca_file: /etc/surgecast-authorities/authority-0.pem" in text["data"]["scenario.yaml"]
    for job in of(objects, "Job"):
        mounts = {mount["mountPath"] for mount in pod_spec(job)["containers"][0]["volumeMounts"]}
        assert "/etc/surgecast-authorities" in mounts
    with pytest.raises(InputError, match="no text for"):
        rendered(scenario)


def test_each_region_has_its_workers_where_it_wants_them() -> None:
    selectors = {"id": {"topology.kubernetes.io/region": "ap-southeast-3"}}
    jobs = of(rendered(workers={"id": 4}, selectors=selectors), "Job", "workers")
    assert [(job["metadata"]["name"], job["spec"]["parallelism"]) for job in jobs] == [
        ("night-workers-id", 4),
        ("night-workers-in", 1),
        ("night-workers-br", 1),
    ]
    assert [pod_spec(job).get("nodeSelector") for job in jobs] == [selectors["id"], None, None]
    for job, code in zip(jobs, ("id", "in", "br"), strict=True):
        words = pod_spec(job)["containers"][0]["command"]
        assert words[words.index("--region-label") + 1] == code
        assert words[words.index("--master-host") + 1] == "night-master"
    (master,) = of(rendered(workers={"id": 4}), "Job", "master")
    words = pod_spec(master)["containers"][0]["command"]
    assert words[words.index("--expect-workers") + 1] == "6"
    assert "--headless" in words
    assert "--i-own-this-target" in words


def test_losing_a_worker_ends_neither_its_colleagues_nor_the_run() -> None:
    """With plain backoffLimit the Job controller ends all pods of a Job in which too many failed."""
    for job in of(rendered(), "Job", "workers"):
        assert job["spec"]["completionMode"] == "Indexed"
        assert "backoffLimitPerIndex" in job["spec"]
        assert "backoffLimit" not in job["spec"]
    (master,) = of(rendered(), "Job", "master")
    assert master["spec"]["backoffLimit"] == 0


def test_what_is_measured_is_on_a_volume_that_outlives_the_pod() -> None:
    objects = rendered()
    (claim,) = of(objects, "PersistentVolumeClaim")
    (master,) = of(objects, "Job", "master")
    (keeper,) = of(objects, "Deployment")
    words = pod_spec(master)["containers"][0]["command"]
    assert words[words.index("--out") + 1] == "/runs/night"
    for one in (master, keeper):
        named = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod_spec(one)["volumes"]]
        assert claim["metadata"]["name"] in named
        (term,) = pod_spec(one)["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert term["labelSelector"]["matchLabels"].items() <= labels.items(), "the first of them may go anywhere"


def test_every_selector_finds_the_pods_that_it_means() -> None:
    objects = every_object()
    pods = {
        one["metadata"]["name"]: (one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one["spec"])[
            "template"
        ]["metadata"]["labels"]
        for one in objects
        if one["kind"] in POD_KINDS
    }

    def found(selector: dict[str, str]) -> set[str]:
        return {name for name, labels in pods.items() if selector.items() <= labels.items()}

    for one in of(objects, "Service"):
        assert found(one["spec"]["selector"]) == {one["metadata"]["name"]}
    for one in of(objects, "PodDisruptionBudget"):
        assert found(one["spec"]["selector"]["matchLabels"]) == {one["metadata"]["name"]}
    for one in of(objects, "NetworkPolicy", "viral"):
        assert found(one["spec"]["podSelector"]["matchLabels"]), one["metadata"]["name"]
    (policy,) = of(objects, "NetworkPolicy", "example-master")
    (peer,) = policy["spec"]["ingress"][0]["from"]
    assert found(peer["podSelector"]["matchLabels"]) == {
        f"viral-goal-example-workers-{code}" for code in ("id", "in", "br")
    }


def egress(objects: list[Object], name: str) -> list[dict[str, Any]]:
    (policy,) = of(objects, "NetworkPolicy", name)
    rules = policy["spec"]["egress"]
    assert isinstance(rules, list)
    return rules


def test_nobody_talks_to_anybody_but_whom_a_policy_names() -> None:
    objects = rendered(changed(target={"url": "https://live.example.com:8443/a.m3u8", "hosts": ["cdn.example.com"]}))
    (deny,) = of(objects, "NetworkPolicy", "default-deny")
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (workers,) = egress(objects, "night-workers")
    assert workers["ports"] == [{"port": 5557, "protocol": "TCP"}]
    url, cdn = egress(objects, "night-target-id")
    assert [one["port"] for one in url["ports"]] == [8443]
    assert [one["port"] for one in cdn["ports"]] == [80, 443, 8443]
    assert {peer["ipBlock"]["cidr"] for peer in url["to"]} == {"0.0.0.0/0", "::/0"}
    assert "169.254.0.0/16" in url["to"][0]["ipBlock"]["except"], "where clouds hand out credentials"


def test_an_address_that_is_known_is_the_only_one_allowed() -> None:
    scenario = changed(
        target={"url": "http://a.example.com/a.m3u8", "resolve": ["a.example.com:80:192.0.2.7,[2001:db8::7]"]}
    )
    (rule,) = egress(rendered(scenario), "night-target-in")
    assert [peer["ipBlock"]["cidr"] for peer in rule["to"]] == ["192.0.2.7/32", "2001:db8::7/128"]
    (rule,) = egress(rendered(), "night-target-in")
    assert rule["to"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "surgecast"}}}]


def test_each_region_may_reach_its_own_target_only() -> None:
    data = in_cluster().model_dump(mode="json", exclude_unset=True)
    data["regions"]["id"]["target"] = {"url": "http://198.51.100.4:9000/a.m3u8"}
    objects = rendered(Scenario.model_validate(data))
    (own,) = egress(objects, "night-target-id")
    assert own == {
        "to": [{"ipBlock": {"cidr": "198.51.100.4/32"}}],
        "ports": [{"port": 9000, "protocol": "TCP"}],
    }
    assert own not in egress(objects, "night-target-in")


@pytest.mark.parametrize(
    ("scenario", "settings", "said"),
    [
        ({"target": {"owner": ""}}, {}, "nobody claims the target"),
        ({"target": {"url": "http://localhost:8800/a.m3u8"}}, {}, "in a pod that is the pod itself"),
        (
            {"target": {"url": "http://a.test/a.m3u8", "resolve": ["a.test:80:127.0.0.1"]}},
            {},
            "in a pod that is the pod itself",
        ),
        ({}, {"run": "Night"}, "run: expected lower-case"),
        ({}, {"namespace": "a_b"}, "namespace: expected lower-case"),
        ({}, {"workers": {"jp": 1}}, "'jp' is not one of the regions rehearsed"),
        ({}, {"workers": {"id": 0}}, "id needs at least one"),
        ({}, {"selectors": {"id": {"a b": "c"}}}, "expected KEY=VALUE of a node label"),
        ({}, {"storage": "5G"}, "storage: expected a size such as 5Gi"),
        ({}, {"image": ""}, "image: expected the name of an image"),
        (
            {"faults": [{"fault": "command", "at": "30s", "for": "5s", "start": ["true"]}]},
            {},
            "the scenario has faults",
        ),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_rendered(
    scenario: dict[str, Any], settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        rendered(changed(**scenario), **settings)
    assert said in str(refused.value)
    assert "→" in str(refused.value)


def test_workers_are_as_many_as_the_peak_needs() -> None:
    scenario = in_cluster()
    peaks = {code: peak_of(scenario, code) for code in scenario.regions}
    assert peaks == {"id": 850, "in": 595, "br": 255}
    few = DENSITY._replace(viewers=300)
    assert pools_of(scenario, {}, few) == (Pool("id", 3, 284), Pool("in", 2, 298), Pool("br", 1, 255))
    assert pools_of(scenario, {"br": 5}, few)[2] == Pool("br", 5, 51)
    large = Pool("id", 1, 9_800)
    assert large.memory(DENSITY) == 576 * 2**20


def test_shaped_viewers_cost_three_times_as_much() -> None:
    data = in_cluster().model_dump(mode="json", exclude_unset=True)
    data["regions"]["id"] |= {"shaping": "full", "pop": "jakarta"}
    shaped = Scenario.model_validate(data)
    assert pools_of(shaped, {}, DENSITY._replace(viewers=300))[0].workers == 9


def test_the_stage_has_an_autoscaler_where_it_may_grow() -> None:
    grown = render_stage(StageSettings(image="i", namespace="n", nodes=2, most=6))
    fixed = render_stage(StageSettings(image="i", namespace="n", nodes=3, most=3))
    (deployment,) = of(grown, "Deployment")
    assert "replicas" not in deployment["spec"], "an apply would take the autoscaler's nodes away"
    assert of(grown, "HorizontalPodAutoscaler")[0]["spec"]["maxReplicas"] == 6
    assert of(fixed, "Deployment")[0]["spec"]["replicas"] == 3
    assert not of(fixed, "HorizontalPodAutoscaler")
    with pytest.raises(InputError):
        render_stage(StageSettings(image="i", namespace="n", nodes=3, most=2))


def test_probes_watch_each_region_and_keep_out_of_each_others_way() -> None:
    probes = render_probes(in_cluster(), EXAMPLE)
    jobs = of(probes, "CronJob")
    assert [job["metadata"]["name"] for job in jobs] == [f"surgecast-probe-{code}" for code in ("id", "in", "br")]
    assert {job["spec"]["concurrencyPolicy"] for job in jobs} == {"Forbid"}
    (texts,) = of(probes, "ConfigMap")
    for code in ("id", "in", "br"):
        probe = Scenario.model_validate(yaml.safe_load(texts["data"][f"{code}.yaml"]))
        assert list(probe.regions) == [code]
        assert probe.is_claimed
        assert probe.surge.duration < 60
