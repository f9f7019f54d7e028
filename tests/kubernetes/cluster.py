"""A kubectl of our own on PATH: a real program (`fake_kubectl`) that answers from a folder. Pods as it lists them."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from loadtests.results import Footer, text_of
from tests.contract.lines import a_run
from tests.kubernetes.fake_kubectl import plain

PROGRAM: Final = Path(__file__).with_name("fake_kubectl.py")


class FakeCluster:
    """What the program answers, and what it was asked."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state: dict[str, Any] = {
            "contexts": ["staging", "production"],
            "namespace": True,
            "job": {"status": {}},
            "pods": [[]],
            "refusals": {},
            "piece": 0,
            "cuts": 0,
        }
        program = home / "bin" / "kubectl"
        program.parent.mkdir(parents=True)
        words = " ".join(map(shlex.quote, (sys.executable, str(PROGRAM), str(home))))
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def set(self, **state: Any) -> None:
        """Change what it answers."""
        self.state |= state
        (self.home / "state.json").write_text(json.dumps(self.state), encoding="utf-8")

    def put(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be the kubectl on PATH."""
        self.set()
        monkeypatch.setenv("PATH", str(self.home / "bin"), prepend=":")

    @property
    def calls(self) -> list[list[str]]:
        """Every call's words."""
        file = self.home / "calls.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []

    @property
    def verbs(self) -> list[str]:
        """The first word of each call without the options before it."""
        return [plain(call)[0] for call in self.calls]

    def called(self, verb: str) -> list[list[str]]:
        """The calls of one verb."""
        return [call for call in self.calls if plain(call)[0] == verb]

    def applied(self, number: int) -> dict[str, str]:
        """The files of an apply, by name."""
        folder = self.home / f"applied-{number}"
        return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


def pod(role: str, phase: str = "Running", **more: Any) -> dict[str, Any]:
    """A pod as kubectl lists it; ``waiting``, ``message``, ``unschedulable`` and ``exit_code`` say what ails it."""
    state: dict[str, Any] = {}
    if reason := more.get("waiting"):
        state = {"waiting": {"reason": reason, "message": more.get("message", "")}}
    if "exit_code" in more:
        state = {"terminated": {"exitCode": more["exit_code"]}}
    conditions = []
    if message := more.get("unschedulable"):
        conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    return {
        "metadata": {"name": f"run-{role}", "labels": {"app.kubernetes.io/component": role}},
        "spec": {"containers": [{"name": role, "image": "registry.example.com/surgecast:1"}]},
        "status": {
            "phase": phase,
            "conditions": conditions,
            **({"containerStatuses": [{"state": state}]} if state else {}),
        },
    }


def run_bytes(*, complete: bool = True) -> bytes:
    """A small run as its file holds it; one that is not complete was interrupted."""
    lines = [
        line
        if complete or not isinstance(line, Footer)
        else line.model_copy(update={"complete": False, "ending": "interrupted"})
        for line in a_run()
    ]
    return "".join(f"{text_of(line)}\n" for line in lines).encode()
