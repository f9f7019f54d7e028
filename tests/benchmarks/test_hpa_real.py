"""`benchmarks.hpa --real`: decisions are held against the simulator one by one, and what is missing is told."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from advisor.autoscale.hpa import Controller
from advisor.autoscale.replicas import Look, Tolerance
from advisor.cluster.server import connect
from benchmarks.rig.external_metric import METRIC, ROOT, answer
from benchmarks.rig.hpa_cluster import COURSE, NAME, REGISTERED, SPEC, Watched, driven, value_at, watched
from benchmarks.rig.hpa_decisions import Sync, differences
from loadtests.errors import InputError
from surgecast.applying.writer import Writer
from tests.cluster.api import Api, kubeconfig, serving
from tests.house import tree

VERSION = (1, 34)
RECORDED = [
    (0, 40, 2), (15, 40, 4), (30, 400, 4), (45, 400, 6), (60, 400, 8), (75, 400, 8), (90, 400, 12), (105, 400, 16),
    (120, 400, 16), (135, 400, 24), (150, 90, 30), (165, 90, 30), (180, 90, 30), (195, 90, 30), (210, 90, 15),
    (225, 90, 15), (240, 90, 15), (255, 93, 9), (270, 93, 9),
]  # fmt: skip
"""Second, metric, replicas: reckoned by hand from the documented algorithm, not recorded from a cluster.

Up: at most 4 pods or twice what there was 40 s ago. Down: half of it, and not below the most of the last 50 s.
"""


def syncs() -> list[Sync]:
    return [Sync(float(at), 1000 * value, replicas, replicas) for at, value, replicas in RECORDED]


def test_decisions_reckoned_by_hand_are_those_of_the_simulator() -> None:
    assert differences(SPEC, syncs(), VERSION) == ()


@pytest.mark.parametrize("index", range(1, len(RECORDED)))
def test_a_decision_that_is_off_by_one_pod_is_told_where_it_is(index: int) -> None:
    changed = syncs()
    changed[index] = replace(changed[index], replicas=changed[index].replicas + 1)
    first = differences(SPEC, changed, VERSION)[0]
    assert first.sync == changed[index - 1]
    assert (first.real, first.simulated) == (changed[index].replicas, changed[index].replicas - 1)
    assert f"the controller went to {first.real}, the simulator to {first.simulated}" in str(first)


def test_nothing_seen_is_nothing_compared() -> None:
    assert differences(SPEC, [], VERSION) == ()
    assert differences(SPEC, syncs()[:1], VERSION) == ()


def test_the_course_reaches_every_limit() -> None:
    assert value_at(0) == COURSE[0][1]
    assert value_at(1e9) == COURSE[-1][1]
    most, least = max(value for _, value in COURSE), min(value for _, value in COURSE)
    assert most > SPEC.max_replicas * SPEC.metrics[0].target
    assert least < SPEC.min_replicas * SPEC.metrics[0].target


def test_the_metric_is_answered_in_the_shape_of_its_api() -> None:
    found = answer(f"{ROOT}/namespaces/x/{METRIC}", lambda: 1500)
    assert found is not None
    assert found["items"][0]["value"] == "1500m"
    assert answer(f"{ROOT}/namespaces/x/other", lambda: 1) is None
    assert answer("/openapi/v2", lambda: 1) is None
    listed = answer(ROOT, lambda: 1)
    assert listed is not None
    assert listed["resources"][0]["name"] == METRIC


class Acting(threading.Thread):
    """Stands in for aggregator and controller on the double: each sync asks over TLS, decides, and scales."""

    def __init__(self, api: Api, tolerance: Tolerance, count: int) -> None:
        super().__init__()
        self.api, self.tolerance, self.count = api, tolerance, count
        self.done, self.over = threading.Event(), threading.Event()

    def find(self, plural: str) -> dict[str, Any] | None:
        found = [one for (kind, _, _), one in list(self.api.objects.items()) if kind.partition(".")[0] == plural]
        return found[0] if found else None

    def wait_for(self, plural: str) -> dict[str, Any]:
        while (found := self.find(plural)) is None:
            assert not self.over.wait(0.01)
        return found

    def run(self) -> None:
        service = self.wait_for("apiservices")
        service["status"] = {"conditions": [{"type": "Available", "status": "True"}]}
        address = f"https://127.0.0.1:{service['spec']['service']['port']}{ROOT}/namespaces/x/{METRIC}"
        controller, trusting = Controller(SPEC), ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        self.wait_for("horizontalpodautoscalers")
        live = self.wait_for("deployments")
        for number in range(self.count):
            replicas = live["spec"]["replicas"]
            live["status"] = {"replicas": replicas}
            with urlopen(address, context=trusting) as got:
                value = int(json.load(got)["items"][0]["value"].removesuffix("m"))
            look = Look(15.0 * number, replicas, (), self.tolerance)
            live["spec"]["replicas"] = controller.sync(look, [value], replicas).replicas
        self.done.set()


@contextmanager
def acting(api: Api, tolerance: Tolerance) -> Iterator[Acting]:
    thread = Acting(api, tolerance, 34)
    thread.start()
    try:
        yield thread
    finally:
        thread.over.set()
        thread.join()


@pytest.mark.parametrize(("tolerance", "differ"), [(Tolerance(), False), (Tolerance(up=0.0, down=0.0), True)])
def test_a_controller_is_driven_and_watched_and_everything_goes_away_again(
    tmp_path: Path, tolerance: Tolerance, differ: bool
) -> None:
    api, found = Api(), Watched(VERSION)
    seconds = iter(range(0, 10_000, 15))
    with serving(api) as address, acting(api, tolerance) as controller:
        writer = Writer(connect("here", kubeconfig(tmp_path, address, "here")), "surgecast-hpa-test")
        with driven(writer, found, "127.0.0.1", clock=lambda: float(next(seconds))):
            assert controller.done.wait(60)
            assert {name for _, _, name in api.objects} >= {NAME, REGISTERED, "surgecast-hpa-test"}
        assert len(found.syncs) == 34
        assert {one.replicas for one in found.syncs} >= {SPEC.min_replicas, SPEC.max_replicas}
        assert bool(found.differences()) == differ
        assert not {REGISTERED, "surgecast-hpa-test"} & {name for _, _, name in api.objects}


def test_an_external_metrics_api_that_is_there_is_not_taken_over(tmp_path: Path) -> None:
    api = Api()
    service = {"name": "keda-operator-metrics-apiserver", "namespace": "keda"}
    spec = {"group": "external.metrics.k8s.io", "version": "v1beta1", "service": service}
    more = {"groupPriorityMinimum": 100, "versionPriority": 100}
    head = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": REGISTERED}}
    api.add({**head, "spec": spec | more})
    with serving(api) as address, pytest.raises(InputError, match="keda-operator-metrics-apiserver"):
        watched(kubeconfig(tmp_path, address, "here"), 1.0)


def test_without_an_aggregator_or_a_right_that_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    api = Api(absent={"apiregistration.k8s.io"})
    with serving(api) as address:
        config = kubeconfig(tmp_path, address, "here")
        with pytest.raises(InputError, match="has no APIService in apiregistration"):
            watched(config, 1.0)
        api.absent, api.forbidden = set(), {("get", "apiservices.apiregistration.k8s.io")}
        with pytest.raises(InputError, match="may not get apiservices"):
            watched(config, 1.0)
    assert api.objects == {}


def test_an_address_of_another_machine_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    api = Api()
    with serving(api) as address, pytest.raises(InputError, match=r"192.0.2.1: cannot listen there"):
        watched(kubeconfig(tmp_path, address, "here"), 1.0, "192.0.2.1")
    assert api.objects == {}


def test_the_command_without_a_kubeconfig_ends_with_two() -> None:
    command = [sys.executable, "-m", "benchmarks.hpa", "--real"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin"}, cwd=tree.ROOT, check=False)
    assert done.returncode == 2
    assert "SURGECAST_TEST_KUBECONFIG" in done.stderr
