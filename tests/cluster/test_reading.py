"""A cluster is read over real HTTP: whole, by the page, with patience, and with an excuse for all that is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from advisor.cluster.prometheus import Prometheus
from advisor.cluster.quantities import quantity
from advisor.cluster.reading import KINDS, read
from advisor.cluster.server import TRIES, Server, connect
from advisor.cluster.snapshot import Cluster
from loadtests.errors import InputError
from tests.cluster import objects
from tests.cluster.api import Api, Status, kubeconfig, serving
from tests.house.tree import ROOT


@pytest.fixture
def api() -> Api:
    api = Api()
    api.add(*objects.small())
    return api


@pytest.fixture
def server(api: Api, tmp_path: Path) -> Iterator[Server]:
    with serving(api) as address:
        server = connect("jakarta", kubeconfig(tmp_path, address, "jakarta", "mumbai"))
        waited: list[float] = []
        server.sleep = waited.append
        yield server


def told(cluster: Cluster) -> list[str]:
    return [excuse.reason.text for excuse in cluster.excuses]


def test_everything_that_is_there_is_read_and_nothing_is_changed(server: Server, api: Api) -> None:
    before = dict(api.objects)
    found = read(server, "live")
    assert found.excuses == ()
    assert [len(part) for part in (found.nodes, found.pods, found.usage)] == [3, 6, 6]
    (workload,) = found.workloads
    assert (workload.requests.cpu, workload.requests.memory, workload.ready) == (4.0, 6 * 2**30, 6)
    assert (found.autoscalers[0].minimum, found.autoscalers[0].maximum) == (4, 40)
    assert found.version == "v1.34.0"
    assert api.objects == before
    assert {verb for verb, _ in api.asked} == {"list"}


def test_a_list_comes_by_the_page_and_begins_again_when_its_token_is_gone(server: Server, api: Api) -> None:
    api.page, api.expire = 2, 1
    found = read(server, "live")
    assert len(found.pods) == 6
    assert found.excuses == ()
    assert api.asked.count(("list", "pods")) > 3 or api.asked.count(("list", "nodes")) > 2


def test_a_list_that_is_always_gone_is_an_excuse(server: Server, api: Api) -> None:
    api.page, api.expire = 5, 10**6
    found = read(server, "live")
    assert found.missing == ("pods", "usage")
    assert all("410" in line for line in told(found))


def test_a_busy_server_is_waited_for_as_long_as_it_says(server: Server, api: Api) -> None:
    waited: list[float] = []
    server.sleep = waited.append
    api.refusals = [Status(429, "TooManyRequests", "slow down", {"Retry-After": "7"})] * 2
    assert read(server, "live").excuses == ()
    assert waited == [7.0, 7.0]
    api.refusals = [Status(429, "TooManyRequests", "slow down", {"Retry-After": "9999"})] * TRIES
    assert read(server, "live").missing == ("nodes",)
    assert waited[2:] == [30.0] * (TRIES - 1)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource)
def test_what_one_may_not_list_is_named_with_its_verb_and_the_rest_is_read(server: Server, api: Api, kind) -> None:  # type: ignore[no-untyped-def]
    api.forbidden = {("list", kind.resource)}
    found = read(server, "live")
    assert found.missing == (kind.field,)
    assert f"may not list {kind.resource} in namespace {'live' if kind.namespaced else '*'}" in told(found)[0]
    assert found.nodes or kind.field == "nodes"


def test_products_that_are_not_installed_are_named(server: Server, api: Api) -> None:
    api.absent = {"keda.sh", "karpenter.sh", "metrics.k8s.io"}
    text = " ".join(told(read(server, "live")))
    assert "KEDA is not installed" in text
    assert "Karpenter is not installed" in text
    assert "no metrics API" in text


def test_a_namespace_that_is_not_there_is_told(server: Server) -> None:
    assert told(read(server, "elsewhere")) == ["Context jakarta has no namespace elsewhere."]


def test_a_stranger_and_a_dead_server_are_one_excuse_each(server: Server, api: Api, tmp_path: Path) -> None:
    api.token = "another"
    (only,) = told(read(server, "live"))
    assert "401" in only
    dead = connect("jakarta", kubeconfig(tmp_path, "http://127.0.0.1:1", "jakarta"))
    (only,) = told(read(dead, "live"))
    assert "does not answer" in only


def test_an_object_that_cannot_be_understood_is_left_out_and_named(server: Server, api: Api) -> None:
    api.objects["nodes", "", "node-1"]["status"]["allocatable"]["cpu"] = "plenty"
    found = read(server, "live")
    assert len(found.nodes) == 2
    assert "such as node-1" in told(found)[0]


def test_an_unknown_context_names_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no context 'jakrta'\n.*one of: jakarta, mumbai"):
        connect("jakrta", kubeconfig(tmp_path, "http://127.0.0.1:1", "jakarta", "mumbai"))
    with pytest.raises(InputError, match="kubeconfig"):
        connect("jakarta", tmp_path / "none")


def test_the_reader_role_grants_what_is_asked_and_nothing_else(server: Server, api: Api) -> None:
    read(server, "live", prometheus=Prometheus("monitoring", "prometheus:9090"))
    read(server, "elsewhere")
    granted = set()
    for role in yaml.safe_load_all((ROOT / "k8s/rbac/reader.yaml").read_text(encoding="utf-8")):
        for rule in role["rules"]:
            names = [f"{name}.{group}".rstrip(".") for group in rule["apiGroups"] for name in rule["resources"]]
            granted |= {(verb, name) for verb in rule["verbs"] for name in names}
    assert granted == set(api.asked)


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", 0.5), ("2Gi", 2**31), ("1e3", 1000.0), ("15890m", 15.89), ("5E", 5e18), ("2Ei", 2**61), ("100n", 1e-7)],
)
def test_amounts(text: str, value: float) -> None:
    assert quantity(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "much", "1GB", "1e99999", "." * 3, "9" * 100])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 500m"):
        quantity(text)
