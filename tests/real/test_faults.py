"""Faults through the real command line: they happen to the stage, are noted, and the report says what came of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loadtests.results import Note
from loadtests.run import Run, read_run
from tests.real.processes import Started, fresh_port, surgecast
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow

LONG = surge(90, 100, (6, 3, 2, 55, 1))
SHORT = surge(40, 50, (4, 3, 2, 16, 1))


def scenario(
    folder: Path, shape: Mapping[str, object], staging: Mapping[str, object], *faults: Mapping[str, object]
) -> Path:
    port = fresh_port()
    target = {"nodes": 2, "resolve": [f"stage.surgecast.test:{port}:127.0.0.1,127.0.0.2"]}
    url = f"http://stage.surgecast.test:{port}/live/master.m3u8"
    stay = {"zappers": "0%", "median": "10m", "spread": 0.5}
    rest = {
        "staging": dict(staging),
        "faults": list(faults),
        "stay": stay,
        "launch": {"audience": {"id": 400, "in": 200}},
    }
    return write(folder, plan(url, target=target, surge=shape, **rest))


def rehearsed(folder: Path, file: Path) -> tuple[Run, str]:
    with Started(surgecast("rehearse", file, "--out", folder / "run"), folder) as command:
        code = command.wait(150)
        return read_run(folder / "run"), f"{code} {command.stdout} {command.stderr}"


def notes(run: Run) -> list[Note]:
    return [note for note in run.notes if note.kind.startswith("fault")]


def summed(run: Run, seconds: range, what: str) -> int:
    return sum(getattr(window.players, what) for window in run.windows if window.at in seconds)


def failed(run: Run, seconds: range, kind: str) -> int:
    windows = (window for window in run.windows if window.at in seconds)
    return sum(sums.errors.get(kind, 0) for window in windows for sums in window.requests.values())  # type: ignore[call-overload]


def test_viewers_reconnect_after_a_node_is_killed_and_the_target_comes_back(tmp_path: Path) -> None:
    kill = {"fault": "node_kill", "at": "22s", "for": "4s", "node": 1, "recover_within": "25s"}
    run, said = rehearsed(tmp_path, scenario(tmp_path, LONG, {"egress": "40Mbps"}, kill))
    begins, ends = notes(run)
    assert begins.at == pytest.approx(22.0, abs=0.5)
    assert ends.at == pytest.approx(26.0 + ends.data["took"], abs=0.5)
    assert (begins.data["problem"], ends.data["problem"]) == ("", "")
    before, after = range(10, 21), range(21, 32)
    assert summed(run, after, "reconnects") >= 30 > summed(run, before, "reconnects")
    (fault,) = json.loads((tmp_path / "run" / "advice.json").read_text(encoding="utf-8"))["runs"][0]["faults"]
    print(json.dumps(fault))
    assert fault["state"] in ("recovered", "unharmed"), said  # buffers may hide a kill of four seconds
    assert fault["over"] is not None
    assert "node_kill at second 22" in said
    assert "Faults: did the target come back?" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_brownout_makes_waves_of_retries_and_is_over_when_its_cause_is(tmp_path: Path) -> None:
    cut = {"fault": "brownout", "at": "20s", "for": "6s", "to": "25%", "recover_within": "30s"}
    run, said = rehearsed(tmp_path, scenario(tmp_path, LONG, {"egress": "20Mbps"}, cut))
    assert [note.data["problem"] for note in notes(run)] == ["", ""]
    (fault,) = json.loads((tmp_path / "run" / "advice.json").read_text(encoding="utf-8"))["runs"][0]["faults"]
    print(json.dumps(fault))
    assert fault["worst"]["goodput"] < 0.6 * fault["before"]["goodput"], said
    assert fault["state"] == "recovered", said
    assert fault["after"][2] < 30


def test_expired_tokens_and_new_keys_reach_the_viewers(tmp_path: Path) -> None:
    faults: tuple[dict[str, Any], ...] = (
        {"fault": "key_rotation", "at": "12s"},
        {"fault": "token_expiry", "at": "18s"},
    )
    run, said = rehearsed(tmp_path, scenario(tmp_path, SHORT, {"tokens": "10m", "keys": True}, *faults))
    assert [note.data["problem"] for note in notes(run)] == ["", ""], said
    assert failed(run, range(4, 17), "http_4xx") == 0
    assert failed(run, range(18, 24), "http_4xx") >= 40


def marks(folder: Path) -> dict[str, object]:
    """A fault that leaves a file when it begins and another when it ends."""

    def touch(name: str) -> list[str]:
        return [sys.executable, "-c", f"open({str(folder / name)!r}, 'x')"]

    return {"fault": "command", "at": "2s", "for": "20s", "start": touch("broken"), "stop": touch("mended")}


def test_ctrl_c_during_a_fault_mends_what_its_command_broke(tmp_path: Path) -> None:
    file = scenario(tmp_path, LONG, {}, marks(tmp_path))
    words = ["rehearse", file, "--out", tmp_path / "run", "--run-fault-commands"]
    with Started(surgecast(*words), tmp_path) as command:
        command.until((tmp_path / "broken").exists, "the fault")
        assert not (tmp_path / "mended").exists()
        command.interrupt()
        command.wait(40)
    assert (tmp_path / "mended").exists()
    run = read_run(tmp_path / "run")
    assert [note.kind for note in notes(run)] == ["fault_begins", "fault_ends"]
    assert "open(" not in (tmp_path / "run" / "run.jsonl").read_text(encoding="utf-8")


def test_commands_need_a_flag_and_faults_of_the_stage_need_one(tmp_path: Path) -> None:
    """Exit code 2, one message with a remedy, no load."""
    kill = {"fault": "node_kill", "at": "2s", "for": "2s"}
    cases: dict[str, tuple[Mapping[str, object], str]] = {
        "commands": (marks(tmp_path), "--run-fault-commands"),
        "stage": (kill, "surgecast rehearse"),
    }
    for name, (fault, remedy) in cases.items():
        file = scenario(tmp_path / name, SHORT, {}, fault)
        words = surgecast("load", file, "--out", tmp_path / name / "run")
        with Started(words, tmp_path / name) as command:
            assert command.wait(30) == 2
        assert remedy in command.stderr
        assert "Traceback" not in command.stderr
    assert not (tmp_path / "broken").exists()
