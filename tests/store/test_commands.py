"""Every command takes ``s3://`` where it takes a run, by one type; exit codes and folders stay as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from loadtests.errors import InputError, RunError
from surgecast.cli import surgecast
from surgecast.store.bucket import Stored
from surgecast.store.listing import MOST, folders, told
from surgecast.store.places import FilePlace, LedgerPlace, Local, NamePlace, OutPlace, RunPlace, Storing
from tests.advisor.runs import Town, write
from tests.gate.simulated import Made
from tests.house.command_line import commands
from tests.house.tree import ROOT
from tests.store.made import a_folder
from tests.store.test_sending import keys
from tests.virtual.worlds import scenario

RECORDING = {"load", "rehearse", "search", "simulate"}
REPORTING = {"advise", "compare", "gate"}


def typed(*words: object) -> Result:
    return CliRunner().invoke(surgecast, [str(word) for word in words])


def test_wherever_a_run_is_named_an_address_will_do() -> None:
    runs = {
        f"{name} {param.name}"
        for name, command in commands().items()
        for param in command.params
        if isinstance(param.type, RunPlace)
    }
    assert runs == {"advise run", "compare run", "gate run", "gate baseline", "simulate against"}
    named = {
        f"{name} {param.name}"
        for name, command in commands().items()
        for param in command.params
        if param.make_metavar(click.Context(command)).strip("[].") == "RUN"
    }
    assert named - runs == {"load attach", "store push run"}  # a run of the cluster; a folder here


def test_whatever_is_written_may_go_to_an_address() -> None:
    outs = {
        name: param.type
        for name, command in commands().items()
        for param in command.params
        if param.name == "out" and " " not in name  # those of a group write what is no run, or fetch one
    }
    assert set(outs) == RECORDING | REPORTING
    for name, kind in outs.items():
        assert isinstance(kind, OutPlace)
        assert kind.fresh == (name in RECORDING)
        assert isinstance(commands()[name], Storing)


def test_a_run_goes_out_and_comes_back_through_every_command(s3: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump(scenario(400).model_dump(mode="json")), encoding="utf-8")
    place = "s3://my-runs/2026/真"
    words = ("simulate", plan, "--nodes", 2, "--egress", "30Mbps")
    done = typed(*words, "--out", place)
    assert done.exit_code == 0, done.output
    assert f"Stored at {place}: 2 files" in done.stderr
    (folder,) = Path("runs").iterdir()
    assert folder.name.endswith("-真")
    assert keys(s3) == {f"2026/真/{name}" for name in ("manifest.json", "run.jsonl", "simulation.json")}
    again = typed(*words, "--out", place)
    assert isinstance(again.exception, RunError)
    assert "never overwritten" in str(again.exception)
    assert len(list(Path("runs").iterdir())) == 1
    advised = typed("advise", place, "--out", place)
    assert advised.exit_code == 0, advised.output
    assert "2026/真/report.html" in keys(s3)
    compared = typed("compare", folder, f"{place}/run.jsonl")
    assert compared.exit_code == 0, compared.output
    against = typed(*words, "--against", place, "--out", tmp_path / "again")
    assert "expected a simulation and a real run" in str(against.exception)  # it was read


def test_the_exit_code_stays_that_of_the_command(s3: Any, tmp_path: Path) -> None:
    slow = Made(latencies=(0.3,) * 40).write(tmp_path / "run")
    assert typed("store", "push", slow, "s3://my-runs/slow").stdout == "s3://my-runs/slow\n"
    (tmp_path / "b.yaml").write_text("budgets:\n- segment.total p95 < 200ms during peak\n")
    words = ["--budgets", tmp_path / "b.yaml", "--baseline", "s3://my-runs/slow"]
    done = typed("gate", "s3://my-runs/slow", *words, "--out", "s3://my-runs/slow")
    assert done.exit_code == 99, done.output
    text = s3.get_object(Bucket="my-runs", Key="slow/verdict.json")["Body"].read()
    assert json.loads(text)["exit_code"] == 99


def test_what_is_no_address_is_a_usage_error_before_anybody_is_asked() -> None:
    for words in (
        ("advise", "gs://x/y"),
        ("gate", "s3://x"),
        ("rehearse", "--out", "s3://Bad/x"),
        ("store", "list", "x"),
    ):
        done = typed(*words)
        assert done.exit_code == 2
        assert "→" in done.output


PARAMETERS = [(words, one) for words, command in commands().items() for one in command.params]
HERE = [(words, one) for words, one in PARAMETERS if isinstance(one.type, Local)]
KINDS = FilePlace | LedgerPlace | NamePlace | RunPlace | OutPlace


def test_every_path_says_whether_it_may_be_an_address() -> None:
    """Click's own type would make a folder called ``s3:`` of one."""
    assert [(words, one.name) for words, one in PARAMETERS if type(one.type) is click.Path] == []
    here = {(words, one.name) for words, one in HERE}
    assert {name for _, name in here} == {"file", "kubeconfig", "out", "render", "run", "written"}
    assert {words for words, name in here if name in ("file", "out", "run")} == {"apply", "store pull", "store push"}
    for words, one in PARAMETERS:
        if isinstance(one.type, KINDS):
            assert isinstance(commands()[words], Storing), words


@pytest.mark.parametrize(("words", "one"), HERE, ids=[f"{words} {one.name}" for words, one in HERE])
def test_a_path_of_this_machine_is_not_made_of_an_address(words: str, one: click.Parameter) -> None:
    option = [one.opts[0]] if isinstance(one, click.Option) else []
    done = typed(*words.split(), *option, "s3://my-runs/x")
    assert done.exit_code == 2
    said = " ".join(done.output.replace("│", " ").split())
    assert "expected a path on this machine, found s3://my-runs/x: " in said
    assert isinstance(one.type, Local)
    assert one.type.why in said
    assert not Path("s3:").exists()


def test_the_page_lists_every_parameter_that_may_be_an_address() -> None:
    rows = (ROOT / "docs" / "store.md").read_text(encoding="utf-8").splitlines()
    for words, one in PARAMETERS:
        if isinstance(one.type, KINDS):
            said = one.opts[0] if isinstance(one, click.Option) else one.human_readable_name
            listed = [row for row in rows if row.startswith("| ") and f"`{said}`" in row and f"`{words}`" in row]
            assert listed, (words, said)


def test_a_catalogue_may_lie_in_a_bucket_and_what_is_not_there_is_said(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="my-runs", Key="facts/mine.yaml", Body=b"nonsense: 1\n")
    run = a_folder(tmp_path / "run")
    done = typed("advise", run, "--catalog", "s3://my-runs/facts/mine.yaml")
    assert isinstance(done.exception, InputError)
    assert "mine.yaml" in str(done.exception)
    lost = typed("advise", run, "--catalog", "s3://my-runs/facts/other.yaml")
    assert isinstance(lost.exception, InputError)
    assert "s3://my-runs/facts/other.yaml: no such file" in str(lost.exception)


def test_an_advice_in_the_store_leads_to_its_quotas(s3: Any, tmp_path: Path) -> None:
    run = str(write(Town(seed=3), tmp_path))
    assert typed("advise", run, "--out", "s3://my-runs/advised").exit_code == 0
    here = typed("advise", run, "--out", tmp_path / "here")
    assert here.exit_code == 0, here.output
    found = typed("quotas", "s3://my-runs/advised/advice.json")
    assert (found.exit_code, found.output) == (0, typed("quotas", tmp_path / "here" / "advice.json").output)


def test_plain_locust_says_which_command_knows_stores() -> None:
    from loadtests.wiring.options import free_folder

    with pytest.raises(InputError, match="expected a folder on this machine"):
        free_folder("s3://my-runs/x")


def test_a_bad_scenario_is_told_before_the_store_is_asked_and_nothing_is_sent(s3: Any) -> None:
    done = typed("rehearse", "not-there", "--out", "s3://my-runs/x")
    assert isinstance(done.exception, InputError)
    assert keys(s3) == set()


def test_runs_are_listed_and_what_is_not_whole_is_told(s3: Any, tmp_path: Path) -> None:
    typed("store", "push", a_folder(tmp_path / "run", report_md="x"), "s3://my-runs/2026/whole")
    s3.put_object(Bucket="my-runs", Key="2026/cut/run.jsonl", Body=b"x" * 2_000_000)
    s3.put_object(Bucket="my-runs", Key="2026/strange/photo.jpg", Body=b"x")
    s3.put_object(Bucket="my-runs", Key="2026/evil\x1b[2J/run.jsonl", Body=b"x")
    s3.put_object(Bucket="my-runs", Key="2027/run.jsonl", Body=b"x")
    lines = typed("store", "list", "s3://my-runs/2026/").stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines] == [
        "s3://my-runs/2026/cut",
        r"s3://my-runs/2026/evil\x1b[2J",
        "s3://my-runs/2026/whole",
    ]
    assert "2.0 MB  not whole" in lines[0]
    assert "  run  " in lines[2]
    assert len(typed("store", "list", "s3://my-runs").stdout.splitlines()) == 4
    assert "No run lies below" in typed("store", "list", "s3://my-runs/2028").stderr


def test_a_bucket_of_many_objects_is_not_listed_for_ever() -> None:
    with pytest.raises(InputError, match="longer prefix"):
        list(folders(Stored(1, "", key=f"{number}/x") for number in range(MOST + 1)))
    assert [told("b", one) for one in folders([])] == []


@pytest.mark.parametrize("what", ["not-there", "file.txt"])
def test_only_a_folder_is_pushed(what: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    done = typed("store", "push", tmp_path / what, "s3://my-runs/x")
    assert isinstance(done.exception, RunError)


def test_a_run_may_be_pushed_by_its_file(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    assert typed("store", "push", folder / "run.jsonl", "s3://my-runs/x").exit_code == 0
    assert typed("store", "pull", "s3://my-runs/x").stdout == "runs/x\n"
    assert Path("runs/x/run.jsonl").read_bytes() == (folder / "run.jsonl").read_bytes()
