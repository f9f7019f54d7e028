"""What pods used at their busiest is read from a Prometheus in the cluster, and what it does not say is an excuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from advisor.advising import advise
from advisor.cluster.parts import parts_of
from advisor.cluster.prometheus import Prometheus, prometheus_of
from advisor.cluster.reading import read
from advisor.cluster.room import peaks, used
from advisor.cluster.server import LARGEST, connect
from advisor.cluster.snapshot import Cluster
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from loadtests.errors import InputError
from loadtests.scenario import Scenario
from surgecast.cli import surgecast
from tests.advisor.runs import Town, run_of
from tests.cluster import objects
from tests.cluster.api import Api, kubeconfig, serving
from tests.cluster.proxied import Answers, prometheus, vector

HERE = Prometheus("monitoring", "prometheus:9090")
ERROR = {"status": "error", "errorType": "execution", "error": "query processing would load too many samples"}
POD = "live_origin_5d4f_abcd"


def answers() -> Answers:
    """Of two of the six pods, of one that is gone, of one that has no memory yet, and one that is no number."""
    cpu = {f"{POD}0": "7.5", f"{POD}1": "2.5", "gone": "16", f"{POD}2": "1", f"{POD}3": "NaN"}
    memory = {f"{POD}0": "4294967296", f"{POD}1": "2147483648", "gone": "1", f"{POD}3": "1"}
    return Answers(vector(**cpu), vector(**memory))


@contextmanager
def api(told: Answers | None, *, metrics: bool = True) -> Iterator[tuple[Api, str]]:
    """The small cluster, with a Prometheus or with a service that nobody is behind."""
    api = Api(absent=set() if metrics else {"metrics.k8s.io"})
    api.add(*objects.small())
    with serving(api) as address, prometheus(told or answers()) as there:
        api.services["monitoring", "prometheus:9090"] = there if told else "http://127.0.0.1:1"
        yield api, address


def seen(folder: Path, told: Answers | None, asked: Prometheus = HERE, *, metrics: bool = True) -> Cluster:
    with api(told, metrics=metrics) as (_, address):
        server = connect("jakarta", kubeconfig(folder, address, "jakarta"))
        server.sleep = lambda _: None
        return read(server, "live", prometheus=asked)


def test_the_busiest_of_a_week_is_read_beside_what_is_used_now(tmp_path: Path) -> None:
    told = answers()
    found = seen(tmp_path, told)
    assert found.excuses == ()
    parts = parts_of([found], "id", {"aws": "ap-southeast-3"}, "live-origin")
    most, now = peaks(parts), used(parts)
    assert most is not None
    assert now is not None
    assert (most.pods, most.cpu, most.most_cpu, most.memory, most.most_memory) == (2, 5.0, 7.5, 3 * 2**30, 4 * 2**30)
    assert most.cpu_share == pytest.approx(5 / 4)
    assert now.most_cpu == 1.2
    live = '{namespace="live",container!=""}'
    assert told.queries == [
        f"max_over_time(sum by (pod) (rate(container_cpu_usage_seconds_total{live}[5m]))[7d:5m])",
        f"max_over_time(sum by (pod) (container_memory_working_set_bytes{live})[7d:5m])",
    ]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (None, "error trying to reach service"),
        (Answers(ERROR, ERROR, code=422), '422, {"status": "error"'),
        (Answers(b"<html>login</html>", b""), "no vector of pods"),
        (Answers({"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}, {}), "no vector"),
        (Answers(vector(), vector()), "it knows nothing of rate(container_cpu_usage_seconds_total"),
        (Answers(vector(a="NaN"), vector(a="1")), "it knows nothing of"),
        (Answers(b"[" * 100_000, b""), "no vector"),
        (Answers(b" " * (LARGEST + 1), b""), "more than 67,108,864 bytes"),
    ],
    ids=["unreachable", "error", "garbage", "scalar", "empty", "no-number", "deep", "large"],
)
def test_what_prometheus_does_not_say_is_an_excuse_and_the_rest_is_read(
    tmp_path: Path, told: Answers | None, why: str
) -> None:
    found = seen(tmp_path, told)
    (excuse,) = found.excuses
    assert "Prometheus monitoring/prometheus:9090 in context jakarta" in excuse.reason.text
    assert why in excuse.reason.text
    assert found.missing == ("peaks",)
    assert len(found.usage) == len(found.pods) == 6


def test_no_such_service_and_no_right_to_ask_it(tmp_path: Path) -> None:
    (excuse,) = seen(tmp_path, answers(), Prometheus("monitoring", "thanos:80")).excuses
    assert 'services "thanos:80" not found' in excuse.reason.text
    with api(answers()) as (there, address):
        there.forbidden = {("get", "services/proxy")}
        server = connect("jakarta", kubeconfig(tmp_path, address, "jakarta"))
        (excuse,) = read(server, "live", prometheus=HERE).excuses
    assert "may not get services/proxy in namespace monitoring" in excuse.reason.text


def test_services_as_the_proxy_takes_them() -> None:
    assert prometheus_of("monitoring/prometheus:9090") == HERE
    assert prometheus_of("a/https:b:web").path == "/api/v1/namespaces/a/services/https:b:web/proxy/api/v1/query"


@pytest.mark.parametrize(
    "text",
    ["http://prometheus:9090", "prometheus:9090", "a/b", "a/b:1/../..", "a/b:1?x", "A/b:1", "a/b:1\n", "监控/b:1"],
)
def test_what_is_no_service_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"NAMESPACE/SERVICE:PORT, such as monitoring/prometheus:9090"):
        prometheus_of(text)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("metrics", [True, False])
def test_reports_say_which_figure_is_whose(tmp_path: Path, lang: str, metrics: bool) -> None:
    run = run_of(Town(seed=3), tmp_path)
    data: dict[str, Any] = run.header.scenario.model_dump(mode="json")
    data["launch"]["scaling"] = {"workload": "live-origin", "namespace": "live"}
    run = replace(run, header=run.header.model_copy(update={"scenario": Scenario.model_validate(data)}))
    advice = advise([run], clusters=[seen(tmp_path, answers(), metrics=metrics)])
    today = advice.regions[0].cluster
    assert today is not None
    assert today.peaks is not None
    assert any("2 of the largest fit on a node, by cpu, not 3" in one.text for one in today.findings)
    for text in (Html().render(advice, lang), Markdown().render(advice, lang)):
        assert ("（Prometheus）" if lang == "zh" else "busiest in 7 days (Prometheus)") in text
        assert ("（metrics API）" if lang == "zh" else "use now (metrics API)") in text or not metrics
        assert "125%" in text


def test_the_command_asks_it_and_refuses_what_is_no_service(tmp_path: Path) -> None:
    run_of(Town(seed=3), tmp_path)
    (path,) = tmp_path.glob("**/run.jsonl")
    words = ["advise", str(path), "--out", str(tmp_path / "out")]
    with api(answers()) as (there, address):
        words += ["--kubeconfig", str(kubeconfig(tmp_path, address, "jakarta"))]
        here = [*words, "--cluster", "jakarta", "--prometheus"]
        done = CliRunner().invoke(surgecast, [*here, "monitoring/prometheus:9090"])
        assert done.exit_code == 0, done.output
        assert ("get", "services/proxy") in there.asked
        there.asked.clear()
        wrong = CliRunner().invoke(surgecast, [*here, "http://here:9090"])
        assert isinstance(wrong.exception, InputError)
        assert there.asked == []
    alone = CliRunner().invoke(surgecast, [*words, "--prometheus", "monitoring/prometheus:9090"])
    assert alone.exit_code == 2
    assert "--prometheus needs --cluster" in alone.output
