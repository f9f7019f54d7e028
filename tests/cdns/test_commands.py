"""The quota requests of an advice, as a script that a shell runs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from advisor.cdns.increase import Increase
from advisor.cdns.letter import commands

EGRESS = Increase(
    service="cloudfront",
    region="us-east-1",
    quota="Data transfer rate per distribution",
    unit="Gbit/s",
    now=150,
    wanted=510,
)


def test_the_commands_are_a_script_that_a_shell_can_read(tmp_path: Path) -> None:
    """The stand-in for the AWS CLI answers text page by page, as the real one does; the first page knows nothing."""
    aws, script = tmp_path / "aws", tmp_path / "ask.sh"
    aws.write_text(
        '#!/bin/sh\necho "$@" >>"$LOG"\n'
        'case "$*" in *list-service*json) echo "$CODE";; *list-service*text) printf "None\\nL-1\\n";; esac\n',
        encoding="utf-8",
    )
    aws.chmod(0o755)
    script.write_text(commands((EGRESS, EGRESS)), encoding="utf-8")
    log = tmp_path / "log"
    told = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "CODE": '"L-1 None"'}
    subprocess.run(["sh", str(script)], env=told, check=True)
    asked = log.read_text(encoding="utf-8").splitlines()
    assert len(asked) == 4
    assert asked[1] == (
        "service-quotas request-service-quota-increase --service-code cloudfront --region us-east-1 "
        "--quota-code L-1 --desired-value 510"
    )
    missing = subprocess.run(
        ["sh", str(script)],
        env=told | {"CODE": "null"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert missing.returncode == 1
    assert "no quota 'Data transfer rate per distribution'" in missing.stderr


def asked_of(folder: Path, more: Increase, answer: str) -> subprocess.CompletedProcess[str]:
    """The script with a stand-in for the AWS CLI that lists the answer, and shows what is asked for."""
    aws, script = folder / "aws", folder / "ask.sh"
    aws.write_text(
        '#!/bin/sh\ncase "$*" in *list-service-quotas*) echo "$ANSWER";; *) echo "$@";; esac\n', encoding="utf-8"
    )
    aws.chmod(0o755)
    script.write_text(commands((more,)), encoding="utf-8")
    told = {"PATH": f"{folder}:/usr/bin:/bin", "ANSWER": answer}
    return subprocess.run(["sh", str(script)], env=told, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("unit", "wanted"), [("Megabits/Second", "510000"), ("Gigabits", "510"), ("None", "510"), ("", "510")]
)
def test_the_script_asks_in_the_unit_of_the_account(tmp_path: Path, unit: str, wanted: str) -> None:
    done = asked_of(tmp_path, EGRESS, f'"L-1 {unit}"')
    assert done.stdout.split()[-4:] == ["--quota-code", "L-1", "--desired-value", wanted], done


def test_the_script_stops_at_a_unit_that_it_does_not_know_but_not_where_things_are_counted(tmp_path: Path) -> None:
    done = asked_of(tmp_path, EGRESS, '"L-1 Furlongs/Second"')
    assert (done.returncode, done.stdout) == (1, "")
    assert "'Data transfer rate per distribution' is counted in Furlongs/Second" in done.stderr
    counted = EGRESS.model_copy(update={"unit": "requests/s", "wanted": 870_000})
    assert asked_of(tmp_path, counted, '"L-1 Count"').stdout.split()[-1] == "870000"


@pytest.mark.parametrize(
    ("wanted", "listed", "found"),
    [
        ("Data transfer rate per distribution", ("Data transfer rate per distribution", "L-1"), "L-1 Megabits/Second"),
        ("Web distributions per AWS account", ("Distributions per AWS account", "L-2"), "L-2 Megabits/Second"),
        ("Web distributions per AWS account", ("Something new", "L-24B04930"), "L-24B04930 Megabits/Second"),
        ("Web distributions per AWS account", ("Origins per distribution", "L-3"), None),
    ],
)
def test_the_script_finds_a_quota_by_all_its_names_and_its_code(
    wanted: str, listed: tuple[str, str], found: str | None
) -> None:
    jmespath = pytest.importorskip("jmespath")
    (query,) = re.findall(r'--query "([^"]+)"', commands((EGRESS.model_copy(update={"quota": wanted}),)))
    name, code = listed
    other = {"QuotaName": "Cache behaviors per distribution", "QuotaCode": "L-0", "Unit": None}
    quotas = [other, {"QuotaName": name, "QuotaCode": code, "Unit": "Megabits/Second"}]
    assert jmespath.search(query, {"Quotas": quotas}) == found
    assert jmespath.search(query, {"Quotas": [other | {"QuotaCode": code}]}) == (
        f"{code} None" if code == "L-24B04930" else None
    )
