"""Faults as data: what each asks for, which can be in a run together, and what of them a run file shows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from loadtests import plugins
from loadtests.faults import CommandOrder, Fault, StageOrder
from loadtests.faults.brownout import Brownout
from loadtests.faults.cdn_flush import CdnFlush
from loadtests.faults.command import Command
from loadtests.faults.key_rotation import KeyRotation
from loadtests.faults.node_kill import NodeKill
from loadtests.faults.token_expiry import TokenExpiry
from loadtests.journal import redacted
from loadtests.scenario import Scenario, read_scenario

KILL = {"fault": "node_kill", "at": "60s", "for": "10s", "node": 0}
BROWNOUT = {"fault": "brownout", "at": "60s", "for": "10s", "to": "30%"}
COMMAND = {"fault": "command", "at": "60s", "for": "10s", "start": ["kubectl", "delete", "--token=abc"]}
PURGE = {"fault": "cdn_flush", "at": "60s", "command": ["purge", "--key=abc"]}
EXPIRY = {"fault": "token_expiry", "at": "60s"}
ROTATION = {"fault": "key_rotation", "at": "60s"}
EVERY = (KILL, BROWNOUT, COMMAND, PURGE, EXPIRY, ROTATION)


def scenario(*faults: dict[str, Any], **staging: object) -> Scenario:
    """The bundled scenario with some faults; its run lasts 130 s, its stage has two nodes."""
    data = read_scenario("viral-goal").model_dump(mode="json")
    data["staging"] |= {"tokens": "60s", "keys": True, **staging}
    return Scenario.model_validate(data | {"faults": list(faults)})


def test_every_kind_is_tried_here() -> None:
    assert {str(one["fault"]) for one in EVERY} == set(plugins.names("loadtests.faults"))


@pytest.mark.parametrize("written", EVERY, ids=lambda one: str(one["fault"]))
def test_a_fault_comes_back_from_its_own_text(written: dict[str, Any]) -> None:
    whole = scenario(written)
    (fault,) = whole.faults
    assert Scenario.model_validate(whole.model_dump(mode="json")) == whole
    assert (fault.at, fault.recover_within) == (60.0, 30.0)
    assert fault.ends_at == (70.0 if "for" in written else 60.0)
    assert (fault.ends() is None) == ("for" not in written)
    assert fault.begins().text


@pytest.mark.parametrize(
    ("fault", "begins", "ends"),
    [
        (NodeKill(at="1s", lasting="2s", node=1), StageOrder(do="kill", node=1), StageOrder(do="start", node=1)),
        (
            Brownout(at="1s", lasting="2s", to="30%"),
            StageOrder(do="share", share=0.3),
            StageOrder(do="share", share=1.0),
        ),
        (TokenExpiry(at="1s"), StageOrder(do="expire"), None),
        (KeyRotation(at="1s"), StageOrder(do="rotate"), None),
        (CdnFlush(at="1s", command=["purge"]), CommandOrder(argv=("purge",)), None),
        (Command(at="1s", lasting="2s", start=["a"], stop=["b"]), CommandOrder(argv=("a",)), CommandOrder(argv=("b",))),
        (Command(at="1s", lasting="2s", start=["a"]), CommandOrder(argv=("a",)), None),
    ],
)
def test_what_a_fault_asks_for(fault: Fault, begins: object, ends: object) -> None:
    step = fault.ends()
    assert fault.begins().order == begins
    assert (step.order if step else None) == ends


REFUSED: list[tuple[str, list[dict[str, Any]], str]] = [
    ("after the end", [KILL | {"at": "125s"}], r"faults.0: node_kill ends at 135 s, and the run at 130 s"),
    ("no such node", [KILL | {"node": 2}], r"faults.0: node_kill hits node 2, but nodes go from 0 to 1"),
    ("no such kind", [{"fault": "nodekill", "at": "1s"}], "did you mean 'node_kill'"),
    ("no length", [{"fault": "node_kill", "at": "1s"}], "for\n  Field required"),
    ("nothing left", [BROWNOUT | {"to": "0%"}], "greater than 0"),
    ("nothing cut", [BROWNOUT | {"to": "100%"}], "less than 1"),
    ("a bare number", [KILL | {"at": 60}], "found 60"),
    ("no command", [COMMAND | {"start": []}], "at least 1 item"),
    ("a shell line", [COMMAND | {"start": "rm -rf"}], "valid tuple"),
    ("twice the same node", [KILL, KILL | {"at": "65s"}], "faults.1: overlaps faults.0, the same kind"),
    ("one node of all", [BROWNOUT, BROWNOUT | {"at": "55s", "node": 1}], "faults.1: overlaps faults.0"),
]


@pytest.mark.parametrize(("faults", "says"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_fault_that_cannot_be_is_refused_with_its_place(faults: list[dict[str, Any]], says: str) -> None:
    with pytest.raises((ValueError, ValidationError), match=says):
        scenario(*faults)


@pytest.mark.parametrize(
    ("fault", "staging", "says"),
    [
        (BROWNOUT, {"egress": None, "requests_per_second": None}, "brownout needs staging.egress or requests_per_sec"),
        (EXPIRY, {"tokens": None}, "token_expiry needs staging.tokens"),
        (ROTATION, {"keys": False}, "key_rotation needs staging.keys"),
        (EXPIRY, None, "token_expiry is done to the embedded stage: add 'staging:'"),
    ],
)
def test_a_fault_says_what_the_stage_lacks(fault: dict[str, Any], staging: dict[str, Any] | None, says: str) -> None:
    data = scenario(**(staging or {})).model_dump(mode="json") | {"faults": [fault]}
    if staging is None:
        data["staging"] = None
    with pytest.raises(ValidationError, match=says):
        Scenario.model_validate(data)


def test_commands_need_no_stage_and_different_faults_may_overlap() -> None:
    data = scenario().model_dump(mode="json") | {"staging": None, "faults": [COMMAND, PURGE]}
    assert len(Scenario.model_validate(data).faults) == 2
    assert len(scenario(*EVERY, KILL | {"node": 1}, COMMAND).faults) == 8


def test_a_run_file_shows_programs_and_not_their_arguments() -> None:
    shown, left_out = redacted(scenario(KILL, COMMAND, PURGE))
    assert "abc" not in shown.model_dump_json()
    assert shown.faults[1].begins().order == CommandOrder(argv=("kubectl", "…"))
    assert left_out == ("faults.1: arguments of its commands", "faults.2: arguments of its commands")
    assert Scenario.model_validate(shown.model_dump(mode="json")) == shown
