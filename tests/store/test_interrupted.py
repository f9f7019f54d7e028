"""The line is cut, the process is killed: what has arrived is not transferred again, and nothing half is believed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtests.run import RUN_FILE
from surgecast.store.address import parse_address
from surgecast.store.bucket import connect
from surgecast.store.digests import PART
from surgecast.store.fetching import cached_run, manifest_of
from surgecast.store.partial import Partial
from surgecast.store.sending import push
from tests.store.made import MB, a_large_folder, content
from tests.store.valve import Valve

PLACE = parse_address("s3://my-runs/launch")
HEARD = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from surgecast.cli import main; main()"
)
"""The command line, which hears Ctrl-C even where the tests are a job in the background."""
SIZE = 56
"""MiB of the run: seven parts, of which four are on their way at once."""


def store(*words: str, through: Valve | None = None) -> subprocess.Popen[str]:
    environment = os.environ | ({"AWS_ENDPOINT_URL": through.address} if through else {})
    return subprocess.Popen(
        [sys.executable, "-c", HEARD, "store", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stopped(child: subprocess.Popen[str], line: Valve, by: signal.Signals) -> str:
    """End the process once the line stands still; what it said."""
    assert line.still.wait(60), child.stderr and child.stderr.read()
    child.send_signal(by)
    _, told = child.communicate(timeout=30)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_an_upload_goes_on_where_it_was_killed(s3: Any, server: Any, tmp_path: Path, by: signal.Signals) -> None:
    folder = a_large_folder(tmp_path / "run", SIZE)
    with Valve(server, up=5.5 * PART) as line:  # four under way are less than four: two have arrived at least
        told = stopped(store("push", str(folder), str(PLACE), through=line), line, by)
    if by == signal.SIGINT:
        assert f"go on with: surgecast store push {folder} {PLACE}" in told
    assert "Contents" not in s3.list_objects_v2(Bucket="my-runs")
    with Valve(server) as line:
        child = store("push", str(folder), str(PLACE), through=line)
        out, told = child.communicate(timeout=60)
    assert child.returncode == 0, told
    assert out == f"{PLACE}\n"
    assert line.sent < SIZE * MB - 1.5 * PART
    assert content(cached_run(PLACE)) == content(folder)


@pytest.mark.slow
def test_a_download_goes_on_where_it_was_killed(s3: Any, server: Any, tmp_path: Path) -> None:
    folder = a_large_folder(tmp_path / "run", SIZE)
    push(folder, PLACE)
    words = ("pull", str(PLACE), "--out", str(tmp_path / "back"))
    with Valve(server, down=25 * MB) as line:
        stopped(store(*words, through=line), line, signal.SIGKILL)
    (entry,) = manifest_of(connect("my-runs"), PLACE)[0].files
    have = sum(Partial(tmp_path / "back", entry).have)
    assert 10 * MB < have < 25 * MB
    with Valve(server) as line:
        child = store(*words, through=line)
        _, told = child.communicate(timeout=60)
    assert child.returncode == 0, told
    assert line.received < SIZE * MB - have + 2 * MB
    assert content(tmp_path / "back") == content(folder)
    assert [path.name for path in (tmp_path / "back").iterdir()] == [RUN_FILE]


def test_a_line_that_breaks_again_and_again_is_outlasted(
    s3: Any, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_large_folder(tmp_path / "run", 9)
    push(folder, PLACE)
    with Valve(server, cut=2 * MB) as line:
        monkeypatch.setenv("AWS_ENDPOINT_URL", line.address)
        assert content(cached_run(PLACE)) == content(folder)
    assert line.received < 12 * MB
