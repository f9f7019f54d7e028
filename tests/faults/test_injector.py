"""Faults at their times: what was done is noted with its time, what could not be done is noted too."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gevent
import pytest

from loadtests.errors import InputError
from loadtests.faults import CONTROL, Fault
from loadtests.faults.brownout import Brownout
from loadtests.faults.command import Command
from loadtests.faults.node_kill import NodeKill
from loadtests.scenario import Scenario, read_scenario
from loadtests.staging import Cluster
from loadtests.staging.control import control
from loadtests.wiring.injector import Injector, check_faults
from tests.staging.conftest import free_port


@dataclass
class Notes:
    """A journal's notes, on the run's clock."""

    began: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str, str, dict[str, object]]] = field(default_factory=list)

    def note(self, at: float, kind: str, text: str, **data: object) -> None:
        self.lines.append((at, kind, text, data))

    def now(self) -> float:
        return time.monotonic() - self.began

    def kinds(self) -> list[str]:
        return [line[1] for line in self.lines]


def inject(*faults: Fault, wait: float = 10.0) -> Notes:
    """Let faults happen, for ``wait`` seconds at most, then end the run."""
    notes = Notes()
    injector = Injector(faults, notes.note, notes.now)
    greenlets = injector.start()
    gevent.joinall(greenlets, timeout=wait)
    gevent.killall(greenlets)
    injector.finish()
    return notes


def touch(path: Path) -> list[str]:
    return [sys.executable, "-c", f"open({str(path)!r}, 'x')"]


def test_commands_run_at_their_times_without_a_shell(tmp_path: Path) -> None:
    here, gone = tmp_path / "here; rm -rf $HOME", tmp_path / "gone"
    notes = inject(Command(at="300ms", lasting="700ms", start=touch(here), stop=touch(gone)))
    assert here.exists()
    assert gone.exists()
    (begin, _, _, told), (end, _, _, _) = notes.lines
    assert notes.kinds() == ["fault_begins", "fault_ends"]
    assert 0.3 <= begin < 0.6
    assert 1.0 <= end < 1.6
    assert (told["fault"], told["index"], told["planned"], told["problem"]) == ("command", 0, 0.3, "")


def test_what_was_begun_is_ended_when_the_run_ends_first(tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    notes = inject(Command(at="100ms", lasting="1h", start=touch(tmp_path / "broken"), stop=touch(mended)), wait=0.6)
    assert mended.exists()
    assert notes.kinds() == ["fault_begins", "fault_ends"]


def test_a_command_under_way_when_the_run_ends_goes_no_further_is_noted_and_is_mended(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", f"import time; time.sleep(1); open({str(tmp_path / 'broken')!r}, 'x')"]
    notes = inject(Command(at="0s", lasting="1h", start=argv, stop=touch(tmp_path / "mended")), wait=0.4)
    assert notes.kinds() == ["fault_begins", "fault_ends"]
    assert "while it was being done" in notes.lines[0][2]
    time.sleep(1.2)
    assert (tmp_path / "mended").exists()
    assert not (tmp_path / "broken").exists()


def test_what_never_began_is_not_ended(tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    assert inject(Command(at="1h", lasting="1h", start=["true"], stop=touch(mended)), wait=0.2).lines == []
    assert not mended.exists()


def test_a_command_that_fails_is_noted_without_what_it_said_which_may_hold_secrets() -> None:
    argv = [sys.executable, "-c", "import sys; sys.stderr.write('no such pod'); sys.exit(3)"]
    notes = inject(Command(at="0s", lasting="100ms", start=argv), Command(at="0s", lasting="100ms", start=["/none"]))
    problems = {line[3]["index"]: str(line[3]["problem"]) for line in notes.lines if line[1] == "fault_begins"}
    assert "ended with 3" in problems[0]
    assert "no such pod" not in problems[0]
    assert problems[1].startswith("FileNotFoundError")
    assert all("NOT done" in line[2] for line in notes.lines if line[1] == "fault_begins")


@pytest.fixture
def stage() -> Iterator[Cluster]:
    with Cluster(2, port=free_port(), egress=8e6) as cluster, control(cluster) as door:
        os.environ[CONTROL] = str(door)
        yield cluster
        del os.environ[CONTROL]


def test_the_stage_does_what_it_is_asked_through_its_door(stage: Cluster) -> None:
    notes = inject(
        NodeKill(at="0s", lasting="300ms", node=1),
        Brownout(at="100ms", lasting="200ms", to="50%"),
    )
    assert sorted(notes.kinds()) == ["fault_begins", "fault_begins", "fault_ends", "fault_ends"]
    assert [line[3]["problem"] for line in notes.lines] == [""] * 4
    killed = next(line for line in notes.lines if "up again" in line[2])
    assert killed[0] == pytest.approx(0.3 + float(str(killed[3]["took"])), abs=0.2)
    assert len(stage.metrics()) == 2


def test_what_the_stage_cannot_do_is_noted(stage: Cluster) -> None:
    notes = inject(NodeKill(at="0s", lasting="100ms", node=7))
    assert [line[3]["problem"] for line in notes.lines] == ["there is no node 7"] * 2


def test_without_a_stage_the_fault_is_noted_as_not_done() -> None:
    notes = inject(NodeKill(at="0s", lasting="100ms", node=0))
    assert all(line[3]["problem"] for line in notes.lines)


def scenario(*faults: Mapping[str, object]) -> Scenario:
    data = read_scenario("viral-goal").model_dump(mode="json")
    return Scenario.model_validate(data | {"faults": list(faults)})


def test_faults_that_cannot_be_done_from_here_are_refused_before_any_load() -> None:
    command = {"fault": "command", "at": "1s", "for": "1s", "start": ["true"]}
    check_faults(scenario(), run_commands=False)
    check_faults(scenario(command), run_commands=True)
    with pytest.raises(InputError, match="run commands on this machine: true") as caught:
        check_faults(scenario(command), run_commands=False)
    assert "--run-fault-commands" in caught.value.hint
    with pytest.raises(InputError, match="no program 'no-such-program'"):
        check_faults(scenario(command | {"start": ["no-such-program"]}), run_commands=True)
    with pytest.raises(InputError, match="none was started for this run") as caught:
        check_faults(scenario({"fault": "node_kill", "at": "1s", "for": "1s"}), run_commands=True)
    assert "surgecast rehearse" in caught.value.hint


def test_what_a_command_leaves_behind_does_not_hold_the_run_up() -> None:
    began = time.monotonic()
    notes = inject(Command(at="0s", lasting="100ms", start=["sh", "-c", "sleep 20 & exit 0"]))
    assert [line[3]["problem"] for line in notes.lines if line[1] == "fault_begins"] == [""]
    assert time.monotonic() - began < 10
