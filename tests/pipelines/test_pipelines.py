"""The pipelines that people copy, and the composite action: they parse, are pinned, and run what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from surgecast.cli import COMMANDS, find_command
from tests.needs import needs

ROOT = Path(__file__).parents[2]
ACTION, WORKFLOW, GITLAB = "action.yml", "docs/pipelines/github-actions.yml", "docs/pipelines/gitlab-ci.yml"
FILES = (ACTION, WORKFLOW, GITLAB)
HOSTILE = "a b'$(touch pwned)`touch pwned`\";touch pwned;#-- \n${{ github.token }}"

STEP = {
    "type": "object",
    "properties": {"run": {"type": "string"}, "uses": {"type": "string"}, "env": {"type": "object"}},
    "oneOf": [{"required": ["run"]}, {"required": ["uses"]}],
}
SCHEMAS = {
    ACTION: {
        "required": ["name", "description", "inputs", "outputs", "runs"],
        "properties": {
            "inputs": {
                "additionalProperties": {
                    "required": ["description"],
                    "properties": {"default": {"type": "string"}, "required": {"type": "boolean"}},
                    "anyOf": [{"required": ["default"]}, {"required": ["required"]}],
                }
            },
            "outputs": {"additionalProperties": {"required": ["description", "value"]}},
            "runs": {
                "required": ["using", "steps"],
                "properties": {"using": {"const": "composite"}, "steps": {"items": STEP}},
            },
        },
    },
    WORKFLOW: {
        "required": ["name", "permissions", "jobs", "concurrency"],
        "properties": {
            "jobs": {
                "additionalProperties": {
                    "required": ["runs-on", "timeout-minutes", "steps"],
                    "properties": {"steps": {"items": STEP}},
                }
            }
        },
    },
    GITLAB: {
        "required": ["stages", "rehearse"],
        "properties": {
            "rehearse": {
                "required": ["stage", "image", "script", "artifacts", "rules", "timeout", "resource_group"],
                "properties": {
                    "artifacts": {
                        "required": ["when", "paths", "expire_in", "reports"],
                        "properties": {"when": {"const": "always"}, "reports": {"required": ["junit"]}},
                    }
                },
            }
        },
    },
}


def page(file: str) -> dict[Any, Any]:
    data = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def steps(file: str) -> list[dict[str, Any]]:
    data = page(file)
    if file == GITLAB:
        job = data["rehearse"]
        return [{"run": text} for part in ("before_script", "script", "after_script") for text in job[part]]
    found: list[dict[str, Any]] = data["runs"]["steps"] if file == ACTION else data["jobs"]["rehearse"]["steps"]
    return found


SCRIPTS = [(file, step) for file in FILES for step in steps(file) if "run" in step]
IDS = [f"{file}: {step.get('name', step['run'].splitlines()[0])}" for file, step in SCRIPTS]


@pytest.mark.parametrize("file", FILES)
def test_a_pipeline_has_what_its_service_needs(file: str) -> None:
    jsonschema.validate(page(file), SCHEMAS[file])


@pytest.mark.parametrize(("file", "step"), SCRIPTS, ids=IDS)
def test_a_script_is_bash_and_nothing_is_pasted_into_it(file: str, step: dict[str, Any]) -> None:
    assert "${{" not in step["run"], "values reach a script through its environment only"
    checked = subprocess.run([needs("bash"), "-n"], input=step["run"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert file != ACTION or step["shell"] == "bash"


def test_actions_of_others_are_pinned_by_their_whole_hash_and_say_their_version() -> None:
    used = [
        line.strip()
        for file in (ACTION, WORKFLOW)
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert len(used) >= 4
    assert [line for line in used if not re.search(r"uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_the_workflow_asks_for_little() -> None:
    data = page(WORKFLOW)
    assert data["permissions"] == {"contents": "read", "actions": "read", "pull-requests": "write"}
    assert "pull_request_target" not in (ROOT / WORKFLOW).read_text(encoding="utf-8")
    checkouts = [step for step in steps(WORKFLOW) if "checkout" in step.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False, False]


def test_every_input_of_the_action_reaches_a_step_and_every_step_uses_inputs_that_exist() -> None:
    text = (ROOT / ACTION).read_text(encoding="utf-8").partition("\nruns:")[2]
    used = set(re.findall(r"inputs\.([\w-]+)", text))
    assert used == set(page(ACTION)["inputs"])


PROGRAM = """#!{python}
import json, os, pathlib, sys
log = pathlib.Path(os.environ["LOG"])
words = [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
with log.open("a") as file:
    file.write(json.dumps(words) + "\\n")
out = pathlib.Path("out")
out.mkdir(exist_ok=True)
for name in ("verdict.md", "compare.md"):
    (out / name).write_text("- text\\n")
sys.exit(json.loads(os.environ.get("FAILS", "{{}}")).get(" ".join(words[:2]), 0))
"""


class Machine:
    """A runner whose programs only write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        for name in ("surgecast", "gh", "make", "git", "curl", "python3"):
            program = folder / "bin" / name
            program.write_text(PROGRAM.format(python=sys.executable))
            program.chmod(0o755)
        self.log = folder / "log"

    def run(self, script: str, **env: str) -> subprocess.CompletedProcess[str]:
        files = {name: str(self.folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")}
        known = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "LOG": str(self.log), "GITHUB_REPOSITORY": "o/r"}
        return subprocess.run(
            [needs("bash"), "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env=known | files | env,
            capture_output=True,
            text=True,
        )

    def calls(self, program: str) -> Iterator[list[str]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        yield from (call[1:] for call in map(json.loads, lines) if call[0] == program)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def parse(arguments: list[str]) -> click.Context:
    """As the command line reads them; click.ClickException when it would refuse."""
    return find_command(arguments[0]).make_context(arguments[0], arguments[1:])


INPUTS = {"SCENARIO": "viral-goal", "OUT": "out", "PROCESSES": "0", "REPORT_LANG": "zh", "EXIT_CODE": "0"}
FULL = {"TARGET": "https://stage.example.com/a.m3u8?b=c d", "OWN": "true", "BUDGETS": "b.yaml", "BASELINE": "old/run"}


@pytest.mark.parametrize("given", [INPUTS, INPUTS | FULL], ids=["least", "all"])
@pytest.mark.parametrize("file", FILES)
def test_every_call_of_surgecast_is_one_that_our_command_line_takes(
    file: str, given: dict[str, str], machine: Machine
) -> None:
    optional = dict.fromkeys(FULL, "") | {"FAILS": '{"curl --fail": 22}'} if given is INPUTS else {}
    for owner, step in SCRIPTS:
        if owner == file and "surgecast " in step["run"]:
            machine.run(step["run"], **{"SURGECAST_TARGET": "https://x/y.m3u8"} | optional | given)
    calls = list(machine.calls("surgecast"))
    assert {call[0] for call in calls} >= {"load", "gate", *(["compare"] if given is not INPUTS else [])}
    for call in calls:
        if call[0] in COMMANDS:
            parse(call)


def test_what_the_inputs_say_arrives_as_it_was_said(machine: Machine) -> None:
    for file, step in SCRIPTS:
        if file == ACTION and "surgecast " in step["run"]:
            machine.run(step["run"], **INPUTS, **FULL)
    calls = {call[0]: parse(call).params for call in machine.calls("surgecast")}
    assert calls["load"]["target"] == FULL["TARGET"]
    assert calls["load"]["own"] is True
    assert calls["load"]["out"] == Path("out/run")
    assert calls["gate"]["run"] == ("out/run",)
    assert (calls["gate"]["budgets"], calls["gate"]["baseline"]) == ("b.yaml", ("old/run",))
    assert (calls["gate"]["junit"], calls["gate"]["github"]) == (Path("out/junit.xml"), True)
    assert calls["compare"]["run"] == ("old/run", "out/run")


@pytest.mark.parametrize(("file", "step"), SCRIPTS, ids=IDS)
def test_hostile_inputs_are_data(file: str, step: dict[str, Any], machine: Machine) -> None:
    names = {name for _, other in SCRIPTS for name in other.get("env", {})} | set(INPUTS) | set(FULL)
    machine.run(step["run"], **dict.fromkeys(names, HOSTILE), GITHUB_ACTION_PATH="here")
    assert not list(machine.folder.rglob("pwned"))
    outputs = machine.folder / "GITHUB_OUTPUT"
    assert not outputs.exists() or len(outputs.read_text().splitlines()) == 1, "an input made an output of its own"


def script(file: str, name: str) -> str:
    return next(str(step["run"]) for owner, step in SCRIPTS if owner == file and step.get("name") == name)


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (3, 0), (2, 2), (1, 1)])
def test_only_a_run_that_is_not_whole_goes_on_to_the_gate(code: int, ends: int, machine: Machine) -> None:
    env = INPUTS | {"FAILS": json.dumps({"surgecast load": code}), "TARGET": "", "OWN": ""}
    assert machine.run(script(ACTION, "Load"), **env).returncode == ends
    assert machine.run(script(WORKFLOW, "Load"), **env).returncode == ends


@pytest.mark.parametrize("code", [0, 2, 3, 99])
def test_the_verdict_of_the_gate_is_the_last_word(code: int, machine: Machine) -> None:
    env = INPUTS | {"FAILS": json.dumps({"surgecast gate": code}), "BUDGETS": "", "BASELINE": ""}
    assert machine.run(script(ACTION, "Gate"), **env).returncode == 0
    assert (machine.folder / "GITHUB_OUTPUT").read_text() == f"exit-code={code}\n"
    assert machine.run(script(ACTION, "Verdict"), **env | {"EXIT_CODE": str(code)}).returncode == code
    assert machine.run(script(WORKFLOW, "Gate"), **env).returncode == code


def test_a_second_comment_takes_the_place_of_the_first(machine: Machine) -> None:
    comment = script(ACTION, "Comment")
    env = {"OUT": "out", "PULL_REQUEST": "7", "GH_TOKEN": "t"}
    (machine.folder / "out").mkdir()
    assert machine.run(comment, **env).returncode == 0
    assert list(machine.calls("gh")) == [], "nothing to say"
    (machine.folder / "out" / "verdict.md").write_text("- kept\n")
    assert machine.run(comment, **env).returncode == 0
    assert [call[1] for call in machine.calls("gh")] == ["--paginate", "--method"]
    (machine.folder / "bin" / "gh").write_text(
        f'#!{needs("bash")}\necho "$@" >> gh.log\n[ "$2" = --paginate ] && echo 41\n'
    )
    assert machine.run(comment, **env).returncode == 0
    assert "--method PATCH repos/o/r/issues/comments/41" in (machine.folder / "gh.log").read_text()
