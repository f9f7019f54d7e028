"""The quota requests of an advice, as a script that a shell runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from advisor.cdns.increase import Increase
from advisor.cdns.letter import commands


def test_the_commands_are_a_script_that_a_shell_can_read(tmp_path: Path) -> None:
    """The stand-in for the AWS CLI answers text page by page, as the real one does; the first page knows nothing."""
    more = Increase(
        service="cloudfront",
        region="us-east-1",
        quota="Data transfer rate per distribution",
        unit="Gbit/s",
        now=150,
        wanted=510,
    )
    aws, script = tmp_path / "aws", tmp_path / "ask.sh"
    aws.write_text(
        '#!/bin/sh\necho "$@" >>"$LOG"\n'
        'case "$*" in *list-service*json) echo "$CODE";; *list-service*text) printf "None\\nL-1\\n";; esac\n',
        encoding="utf-8",
    )
    aws.chmod(0o755)
    script.write_text(commands((more, more)), encoding="utf-8")
    log = tmp_path / "log"
    told = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "CODE": '"L-1"'}
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
