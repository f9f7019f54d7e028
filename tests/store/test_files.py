"""What is no run goes to a store and comes from there: scenarios, one file that is written, exports, rollbacks."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadtests.errors import InputError, RunError, SurgecastError
from loadtests.scenario import read_scenario
from surgecast.store.address import Address
from surgecast.store.files import LARGEST_MANIFEST, cached_scenario, exported_for, written_for
from surgecast.store.manifest import MOST_FILES
from tests.advisor.runs import Town, write
from tests.cluster import objects
from tests.cluster.api import Api, kubeconfig, serving
from tests.cluster.folders import folder_of
from tests.gate.simulated import Made
from tests.house.tree import ROOT
from tests.store.test_commands import typed
from tests.store.test_sending import keys
from tests.virtual.worlds import scenario

CURVE = "time,viewers\n0,10\n30,400\n60,50\n"
PLAN = Address("my-runs", "plans/夜/night.yaml")


def stored(s3: Any, key: str, body: str | bytes) -> None:
    s3.put_object(Bucket="my-runs", Key=key, Body=body.encode() if isinstance(body, str) else body)


def body_of(s3: Any, key: str) -> bytes:
    return bytes(s3.get_object(Bucket="my-runs", Key=key)["Body"].read())


def planned(s3: Any, file: str) -> None:
    """A scenario that replays a curve, at `PLAN`."""
    data = scenario(400).model_dump(mode="json") | {"surge": {"shape": "replay", "file": file}, "gate": []}
    stored(s3, PLAN.key, yaml.safe_dump(data, allow_unicode=True))


# Scenarios


def test_a_scenario_comes_with_the_curve_that_it_names(s3: Any, tmp_path: Path) -> None:
    planned(s3, "curves/last-year.csv")
    stored(s3, "plans/夜/curves/last-year.csv", CURVE)
    found = read_scenario(cached_scenario(PLAN))
    assert found.surge.model_dump()["points"][1] == (30, 400)
    done = typed("simulate", PLAN, "--nodes", 2, "--egress", "30Mbps", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    stored(s3, "plans/夜/curves/last-year.csv", CURVE.replace("400", "300"))
    again = read_scenario(cached_scenario(PLAN))
    assert again.surge.model_dump()["points"][1] == (30, 300), "asked for each time"
    whole = tmp_path / "whole.yaml"
    whole.write_text(yaml.safe_dump(found.model_dump(mode="json")), encoding="utf-8")
    stored(s3, "plans/whole.yaml", whole.read_bytes())
    assert read_scenario(cached_scenario(Address("my-runs", "plans/whole.yaml"))) == found, "it names no file any more"


def test_a_curve_that_is_not_there_is_named_with_who_wants_it(s3: Any) -> None:
    planned(s3, "last-year.csv")
    done = typed("advise", "runs/none", "--scenario", PLAN)
    assert isinstance(done.exception, InputError)
    assert "s3://my-runs/plans/夜/last-year.csv: no such file" in str(done.exception)
    assert "night.yaml names it" in str(done.exception)


@pytest.mark.parametrize("file", ["/etc/hostname", "../secret.csv", "a/../../b.csv", "a\\b.csv", "x" * 200, "a//b"])
def test_a_scenario_of_a_store_reaches_no_file_of_this_machine(s3: Any, file: str) -> None:
    planned(s3, file)
    with pytest.raises(InputError, match="is no file beside it"):
        cached_scenario(PLAN)


def test_what_a_scenario_names_is_bounded(s3: Any) -> None:
    stored(s3, PLAN.key, yaml.safe_dump({"surge": [{"file": f"{number}.csv"} for number in range(MOST_FILES + 1)]}))
    with pytest.raises(InputError, match=f"names {MOST_FILES + 1} files"):
        cached_scenario(PLAN)
    stored(s3, PLAN.key, b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        cached_scenario(PLAN)


def test_a_trace_comes_along_and_aliases_are_looked_at_once(s3: Any) -> None:
    layers = "\n".join(f"x{at}: &x{at} [{', '.join([f'*x{at - 1}'] * 9)}]" for at in range(1, 40))
    stored(s3, PLAN.key, f"x0: &x0 {{trace: t.csv}}\n{layers}\n")
    stored(s3, "plans/夜/t.csv", "1")
    assert (cached_scenario(PLAN).parent / "t.csv").read_text() == "1"


# One file that is written


def test_the_junit_of_a_gate_that_fails_is_sent_and_the_exit_code_stays(s3: Any, tmp_path: Path) -> None:
    slow = Made(latencies=(0.3,) * 40).write(tmp_path / "run")
    stored(s3, "ci/b.yaml", "budgets:\n- segment.total p95 < 200ms during peak\n")
    for _ in range(2):  # again over what is there
        done = typed("gate", slow, "--budgets", "s3://my-runs/ci/b.yaml", "--junit", "s3://my-runs/ci/报告.xml")
        assert done.exit_code == 99, done.output
    assert b"<testsuite" in body_of(s3, "ci/报告.xml")


def test_what_lies_there_comes_first_and_goes_back_only_when_it_has_changed(s3: Any) -> None:
    place = Address("my-runs", "facts/mine.yaml")
    with written_for(place) as file:
        assert (file.name, file.exists()) == ("mine.yaml", False)
    assert keys(s3) == set()
    assert list(Path("runs").iterdir()) == [], "nothing was written, nothing is left"
    with written_for(place) as file:
        file.write_text("one")
    with written_for(place) as file:
        assert file.read_text() == "one"
    assert body_of(s3, place.key) == b"one"
    assert not file.parent.exists(), "it was as it was"
    lent = written_for(place)
    file = lent.__enter__()
    stored(s3, place.key, "somebody else's")
    file.write_text("two")
    with pytest.raises(SurgecastError, match=r"not stored.*\n.*is safe"):
        lent.__exit__(None, None, None)
    assert (file.read_text(), body_of(s3, place.key)) == ("two", b"somebody else's")


def test_a_catalogue_is_made_again_in_a_store(s3: Any) -> None:
    words = ("catalog", "refresh", "--out", "s3://my-runs/facts/mine.yaml", "--family", "c7g")
    first = typed(*words, "--region", "us-east-1")
    assert first.exit_code == 0, (first.output, first.exception)
    assert "Stored at s3://my-runs/facts/mine.yaml" in first.stderr
    assert b"c7g.large" in body_of(s3, "facts/mine.yaml")
    again = typed(*words)
    assert "in us-east-1" in again.stderr, "it reads the regions that the stored file has"


def test_two_files_of_one_command_do_not_meet(s3: Any) -> None:
    with written_for(Address("my-runs", "a/x.yaml")) as one, written_for(Address("my-runs", "b/x.yaml")) as other:
        one.write_text("1")
        other.write_text("2")
    assert (body_of(s3, "a/x.yaml"), body_of(s3, "b/x.yaml")) == (b"1", b"2")


def test_a_catalogue_in_a_store_is_shown_as_one_here(s3: Any, tmp_path: Path) -> None:
    text = (ROOT / "advisor" / "catalogs" / "ec2.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    stored(s3, "facts/mine.yaml", text)
    shown = typed("catalog", "show", "s3://my-runs/facts/mine.yaml", "--region", "us-east-1")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == typed("catalog", "show", tmp_path / "mine.yaml", "--region", "us-east-1").stdout
    lost = typed("catalog", "show", "s3://my-runs/facts/none.yaml")
    assert "s3://my-runs/facts/none.yaml: no such file" in str(lost.exception)


# Exports


def test_an_export_goes_out_once(s3: Any, tmp_path: Path) -> None:
    run = str(write(Town(seed=3), tmp_path))
    words = ("advise", run, "--out", tmp_path / "here", "--export", "s3://my-runs/k8s")
    assert typed(*words).exit_code == 0
    assert typed(*words[:-1], tmp_path / "k8s").exit_code == 0
    here = {f"k8s/{one.relative_to(tmp_path / 'k8s')}" for one in (tmp_path / "k8s").rglob("*") if one.is_file()}
    assert "k8s/id/kustomization.yaml" in here
    assert keys(s3) == here
    again = typed(*words)
    assert isinstance(again.exception, InputError)
    assert "something lies there already" in str(again.exception)


def test_an_export_that_breaks_off_is_not_sent(s3: Any) -> None:
    with suppress(RunError), exported_for(Address("my-runs", "k8s")) as folder:
        (folder / "id.yaml").write_text("half")
        raise RunError("no", hint="no")
    assert keys(s3) == set()
    assert (folder / "id.yaml").exists()


def test_an_export_in_a_store_is_applied_and_rolled_back(s3: Any, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "id", "live-origin", "live", ("poddisruptionbudget.yaml",))
    for file in folder.iterdir():
        stored(s3, f"k8s/id/{file.name}", file.read_bytes())
    stored(s3, "k8s/id/deeper/../../x.yaml", "strange")
    api = Api()
    api.add(objects.namespace("live"))
    with serving(api) as address:
        where = ["--kubeconfig", kubeconfig(tmp_path, address, "jakarta"), "--context", "jakarta"]
        assert "add --yes-apply" in typed("apply", "s3://my-runs/k8s/id", *where).output
        assert list(Path("runs").iterdir()) == [], "nothing was changed, nothing is left"
        where.append("--yes-apply")
        done = typed("apply", "s3://my-runs/k8s/id", *where)
        assert done.exit_code == 0, (done.output, done.exception)
        (kept,) = (key for key in keys(s3) if "rollback-" in key)
        assert kept.startswith("k8s/id/rollback-")
        back = typed("rollback", f"s3://my-runs/{kept}", *where)
        assert back.exit_code == 0, (back.output, back.exception)
    assert sum("rollback-" in key for key in keys(s3)) == 2


def test_a_folder_that_is_no_export_is_refused_before_a_cluster_is_asked(s3: Any) -> None:
    stored(s3, "k8s/id/kustomization.yaml", b"x" * (LARGEST_MANIFEST + 1))
    for place, told in (("k8s", "expected kustomization.yaml"), ("k8s/id", "more than 1,048,576 bytes")):
        done = typed("apply", f"s3://my-runs/{place}", "--context", "jakarta")
        assert isinstance(done.exception, SurgecastError)
        assert told in str(done.exception)
    lost = typed("rollback", "s3://my-runs/none.json", "--context", "jakarta")
    assert "s3://my-runs/none.json: no such file" in str(lost.exception)
