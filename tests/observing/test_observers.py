"""What observers read from pages: real ones, and pages of somebody who means harm."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadtests import plugins
from loadtests.exposition import samples
from loadtests.observers import Ask, Observer
from loadtests.observers.cadvisor import Cadvisor
from loadtests.observers.nginx_status import NginxStatus
from loadtests.observers.node_exporter import NodeExporter
from loadtests.observers.prometheus import Prometheus
from loadtests.observers.stage import Stage
from loadtests.readings import Reading
from loadtests.scenario import BUNDLED, Scenario, read_scenario
from loadtests.target import OwnTarget

NODES = {"edge-1": "http://10.0.0.1:9100/metrics"}
HUNDRED = "9" * 400
MACHINE = """# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 1000
node_cpu_seconds_total{cpu="0",mode="iowait"} 50
node_cpu_seconds_total{cpu="0",mode="user"} 30.5
node_cpu_seconds_total{cpu="0",mode="system"} 9.5
node_cpu_seconds_total{cpu="0",mode="steal"} 7
node_cpu_seconds_total{cpu="1",mode="idle"} 900
node_cpu_seconds_total{cpu="1",mode="user"} 60
node_cpu_seconds_total_made_up{cpu="1",mode="user"} 1e9
node_memory_MemTotal_bytes 8e+09
node_memory_MemAvailable_bytes 6e+09
node_network_transmit_bytes_total{device="eth0"} 1.25e+06
node_network_transmit_bytes_total{device="lo"} 9e+09
node_network_transmit_bytes_total{device="docker0"} 9e+09
node_network_speed_bytes{device="eth0"} 1.25e+08
node_netstat_Tcp_CurrEstab 42
node_time_seconds 1.7e+09 1700000000000
"""
CONTAINERS = """container_cpu_usage_seconds_total{id="/a",name="origin",cpu="total"} 12.5
container_cpu_usage_seconds_total{id="/b",name="other",cpu="total"} 99
container_spec_cpu_quota{name="origin"} 150000
container_spec_cpu_period{name="origin"} 100000
container_memory_working_set_bytes{name="origin"} 1.5e+08
container_spec_memory_limit_bytes{name="origin"} 0
container_network_transmit_bytes_total{name="origin",interface="eth0"} 5000
machine_cpu_cores 8
"""
STATUS = (
    "Active connections: 291 \nserver accepts handled requests\n 16630948 16630948 31070465 \nReading: 6 Writing: 179"
)
ASK = Ask("cpu", "http://prometheus:9090/")
PROMETHEUS = Prometheus(url="http://prometheus:9090", cpu="1 - avg by (instance) (rate(idle[30s]))")


def page(observer: Observer, text: str) -> Reading:
    (reading,) = observer.read(observer.asks()[0], text).values()
    return reading


def test_a_machine_is_busy_when_it_neither_idles_nor_waits() -> None:
    found = page(NodeExporter(nodes=NODES), MACHINE)
    assert found == Reading(
        cpu_seconds=100.0,
        cores=2.0,
        memory=2e9,
        memory_limit=8e9,
        sent_bytes=1.25e6,
        network_limit=1e9,
        connections=42.0,
        clock=1.7e9,
    )


def test_one_device_can_be_chosen_and_an_unknown_speed_is_no_speed() -> None:
    assert page(NodeExporter(nodes=NODES, device="docker0"), MACHINE).sent_bytes == 9e9
    assert page(NodeExporter(nodes=NODES, device="docker0"), MACHINE).network_limit is None


def test_a_container_is_held_against_its_own_limits() -> None:
    found = page(Cadvisor(nodes=NODES, container="origin"), CONTAINERS)
    assert found == Reading(cpu_seconds=12.5, cores=1.5, memory=1.5e8, sent_bytes=5000.0)
    without = CONTAINERS.replace("container_spec_cpu_quota", "x")
    assert page(Cadvisor(nodes=NODES, container="origin"), without).cores == 8.0
    with pytest.raises(ValueError, match="no container called 'gone'"):
        page(Cadvisor(nodes=NODES, container="gone"), CONTAINERS)


def test_nginx_tells_connections_and_requests() -> None:
    assert page(NginxStatus(nodes=NODES), STATUS) == Reading(connections=291.0, requests_total=31070465.0)


def test_prometheus_answers_with_a_value_per_node() -> None:
    answer = {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [
                {"metric": {"instance": "a"}, "value": [1700000000.1, "0.25"]},
                {"metric": {"instance": "b"}, "value": [1700000000.1, "NaN"]},
                {"metric": {"instance": "c"}, "value": [1700000000.1, "-1"]},
                {"metric": {"instance": "d"}, "value": [1700000000.1, "+Inf"]},
            ],
        },
    }
    assert PROMETHEUS.read(ASK, json.dumps(answer)) == {"a": Reading(cpu=0.25)}
    (ask,) = PROMETHEUS.asks()
    assert ask.url.startswith("http://prometheus:9090/api/v1/query?query=1%20-%20avg%20by")


def test_several_series_of_one_node_are_not_one_figure() -> None:
    series = [{"metric": {"instance": "n1", "cpu": str(core)}, "value": [0, "0.9"]} for core in range(4)]
    text = json.dumps({"status": "success", "data": {"result": series}})
    with pytest.raises(ValueError, match="n1 has 4 series; aggregate by instance"):
        PROMETHEUS.read(ASK, text)


OVERLAYS = (
    *("eth0.100", "vxlan.calico", "cilium_vxlan", "cilium_host", "lxc0a1b", "eni1234abc", "gke52fd", "azv1a2b"),
    *("wg0", "dummy0", "ovs-system", "genev_sys_6081", "flannel.1", "vlan7"),
)


@pytest.mark.parametrize("device", OVERLAYS)
def test_what_leaves_by_another_device_is_not_counted_twice(device: str) -> None:
    sent = f'node_network_transmit_bytes_total{{device="{device}"}} 1e6\n'
    assert page(NodeExporter(nodes=NODES), MACHINE + sent).sent_bytes == 1.25e6
    assert page(NodeExporter(nodes=NODES, device=device), MACHINE + sent).sent_bytes == 1e6


@pytest.mark.parametrize("device", ["eth1", "ens5", "enp3s0", "eno1", "wlan0"])
def test_network_cards_are_counted(device: str) -> None:
    sent = f'node_network_transmit_bytes_total{{device="{device}"}} 1e6\n'
    assert page(NodeExporter(nodes=NODES), MACHINE + sent).sent_bytes == 2.25e6


def test_the_stage_is_found_behind_its_name() -> None:
    target = read_scenario(BUNDLED).target
    asks = Stage().beside(target.url, target.resolve).asks()
    assert [ask.key for ask in asks] == ["node-0", "node-1"]
    assert [ask.url for ask in asks] == ["http://127.0.0.1:8800/metrics", "http://127.0.0.2:8800/metrics"]
    (alone,) = Stage().beside("http://stage.example:8811/live/master.m3u8", ()).asks()
    assert alone.url == "http://stage.example:8811/metrics"
    own = Stage(nodes={"a": "http://stage.example/metrics"})
    assert own.beside(target.url, target.resolve) == own


HOSTILE = [
    "",
    "<html>404</html>",
    "\x00" * 1000,
    "{" * 10_000,
    "[" * 100_000,
    "null",
    '{"status":"success"}',
    '{"status":"success","data":{"result":7}}',
    '{"status":"success","data":{"result":[{"metric":{},"value":[1,"1"]}]}}',
    '{"status":"success","data":{"result":[{"metric":{"instance":"a"},"value":"x"}]}}',
    '{"status":"success","data":{"result":[{"metric":{"instance":"a"},"value":[1,' + HUNDRED + "]}]}}",
    'node_memory_MemTotal_bytes{a="1"} 1.7e308\nnode_memory_MemTotal_bytes{a="2"} 1.7e308\n',
    "Active connections: -5\nserver accepts handled requests\n 1 1 1 \n",
    f"Active connections: {HUNDRED}\nserver accepts handled requests\n 1 1 {HUNDRED} \n",
]
EVERY = [
    NodeExporter(nodes=NODES),
    Cadvisor(nodes=NODES, container="origin"),
    NginxStatus(nodes=NODES),
    Stage(nodes=NODES),
    PROMETHEUS,
]


@pytest.mark.parametrize("observer", EVERY, ids=lambda one: one.plugin_name())
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20])
def test_another_page_is_refused_with_a_reason(observer: Observer, text: str) -> None:
    with pytest.raises(ValueError, match="it "):
        observer.read(observer.asks()[0], text)


@pytest.mark.parametrize("number", ["NaN", "-Inf", "+Inf", "-1", "1e999", "0x10", "", "1_000 000", "--"])
def test_what_is_no_number_is_left_out(number: str) -> None:
    text = MACHINE.replace("1.25e+06", number).replace(" 30.5", f" {number}")
    found = page(NodeExporter(nodes=NODES), text)
    assert found.sent_bytes in (None, 1000.0)
    assert found.cpu_seconds == (1069.5 if number.startswith("1_") else 69.5)


@given(st.text(max_size=300))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for observer in EVERY:
        for body in (text, MACHINE + text, CONTAINERS + text):
            try:
                found = observer.read(observer.asks()[0], body)
            except ValueError:
                continue
            for reading in found.values():
                values = [getattr(reading, name) for name in Reading.__dataclass_fields__]
                assert all(value is None or (math.isfinite(value) and value >= 0) for value in values)


def test_labels_may_hold_what_ends_labels() -> None:
    text = 'up{path="a } b",quoted="\\"x\\" {"} 3\nup{broken="} 4\nup 5\n'
    assert [sample.value for sample in samples(text, ["up"])] == [3.0, 5.0]


def test_a_page_of_many_megabytes_is_read_line_by_line() -> None:
    """Of a hundred thousand lines that are not asked for, and one that never ends, nothing is kept."""
    text = 'other{a="b"} 1\n' * 100_000 + 'up{a="' + "x" * 1_000_000
    assert list(samples(text, ["up"])) == []


# -- in a scenario ------------------------------------------------------------------------------------------------


def scenario(**target: object) -> Scenario:
    data = read_scenario(BUNDLED).model_dump(mode="json")
    data["target"] |= target
    return Scenario.model_validate(data)


def test_observers_of_a_scenario_come_back_from_its_own_text() -> None:
    asked = [
        {"observer": "node_exporter", "nodes": {"edge-1": "http://127.0.0.1:9100/metrics"}, "every": "5s"},
        {"observer": "cadvisor", "nodes": {"edge-1": "http://127.0.0.1:8080/metrics"}, "container": "origin"},
        {"observer": "nginx_status", "nodes": {"edge-1": "http://stage.surgecast.test/stub_status"}},
        {"observer": "prometheus", "url": "http://127.0.0.2:9090", "memory": "up"},
        "stage",
    ]
    found = scenario(observe=asked)
    assert [one.plugin_name() for one in found.target.observe] == [
        "node_exporter", "cadvisor", "nginx_status", "prometheus", "stage"
    ]  # fmt: skip
    assert Scenario.model_validate(found.model_dump(mode="json")) == found
    assert {found.target: 1}[scenario(observe=asked).target] == 1, "a target is a key where targets are looked at"
    assert set(plugins.names("loadtests.observers")) == {one.plugin_name() for one in found.target.observe}


@pytest.mark.parametrize(
    ("observer", "problem"),
    [
        ({"observer": "nginx_status", "nodes": {"a": "http://10.9.9.9/s"}}, "10.9.9.9 is not the host of target.url"),
        ({"observer": "nginx_status", "nodes": {"a": "ftp://127.0.0.1/s"}}, "expected an http"),
        ({"observer": "nginx_status", "nodes": {"a": "http://me:pw@127.0.0.1/s"}}, "user name or password"),
        ({"observer": "nginx_status", "nodes": {}}, "at least 1"),
        ({"observer": "nginx_status", "nodes": {"a b\n": "http://127.0.0.1/s"}}, "pattern"),
        ({"observer": "nginx_status", "nodes": {"a": "http://127.0.0.1/s"}, "every": "10ms"}, "greater than or equal"),
        ({"observer": "prometheus", "url": "http://127.0.0.1:9090"}, "a query for at least one of cpu"),
        ({"observer": "weather"}, "no observers called 'weather'"),
    ],
)
def test_what_may_not_be_asked_is_refused_before_the_run(observer: object, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        scenario(observe=[observer])


def test_hosts_that_are_claimed_may_be_asked() -> None:
    asked = [{"observer": "nginx_status", "nodes": {"a": "http://10.9.9.9/s"}}]
    assert scenario(observe=asked, hosts=["10.9.9.9"]).target.observe[0].asks()[0].url == "http://10.9.9.9/s"


def test_a_region_with_a_target_of_its_own_is_not_asked() -> None:
    target = scenario(observe=["stage"]).target
    assert OwnTarget(url="https://elsewhere.example/master.m3u8").over(target).observe == ()
