"""Work beside this process: its answer, its errors, and its end are those of the work itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from advisor.advising import advise
from advisor.beside import beside, cores
from loadtests.run import read_run
from tests.advisor.runs import Town, write

FEW = pytest.mark.skipif(sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs two cores of Linux")
ALONE = """
import os, sys
import advisor.measured.reading, advisor.reports
from advisor.advising import advise
from advisor.advising import advise
from advisor.beside import beside, cores
from loadtests.run import read_run
from tests.advisor.runs import Town, write
from advisor.measured.reading import read_recording
assert cores() > 1
with beside(os.getpid) as asked:
    assert asked() != os.getpid()
print(advise([read_recording(sys.argv[1], int(sys.argv[2]))]).model_dump_json())
"""


def test_the_answer_is_that_of_the_work() -> None:
    with beside(lambda: {"nodes": (1, 2)}) as asked:
        assert asked() == {"nodes": (1, 2)}


def test_what_goes_wrong_is_raised_where_the_answer_is_asked_for() -> None:
    def wrong() -> int:
        raise ValueError("no nodes")

    with beside(wrong) as asked, pytest.raises(ValueError, match="no nodes"):
        asked()


def test_an_answer_that_cannot_be_sent_is_worked_out_here() -> None:
    with beside(lambda: lambda: 3) as asked:
        assert asked()() == 3


def test_who_leaves_without_asking_does_not_wait() -> None:
    begun = time.monotonic()
    with beside(lambda: time.sleep(60)):
        pass
    assert time.monotonic() - begun < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_process_with_greenlets_is_not_copied() -> None:
    code = "import gevent; from advisor.beside import cores; print(cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert cores() >= 1


REFUSED = """
import os, resource, sys
from advisor.beside import beside, cores
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
before = len(os.listdir("/proc/self/fd"))
with beside(os.getpid) as asked:
    assert asked() == os.getpid()
assert len(os.listdir("/proc/self/fd")) == before
"""
IGNORED = """
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
from advisor.beside import beside
with beside(os.getpid) as asked:
    assert asked() == os.getpid()
"""
REAPED = """
import os
from advisor.beside import beside
with beside(lambda: "told") as asked:
    os.waitpid(-1, 0)
    assert asked() == "told"
"""
STOPPED = """
import os, signal, time
from advisor.beside import beside
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind a shell's ampersand
with beside(lambda: os.kill(os.getpid(), signal.SIGINT)) as asked:
    time.sleep(0.5)
    try:
        asked()
    except KeyboardInterrupt:
        print("here")
"""


@FEW
@pytest.mark.parametrize("code", [REFUSED, IGNORED, REAPED])
def test_where_a_copy_cannot_be_had_or_is_waited_for_by_another_the_answer_is_the_same(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@FEW
def test_a_copy_that_is_stopped_ends_without_a_word_and_the_work_is_done_here() -> None:
    done = subprocess.run([sys.executable, "-c", STOPPED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "here\n", "")


@FEW
def test_advice_of_several_processes_is_that_of_one(tmp_path: Path) -> None:
    path = write(Town(seed=3), tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, str(path), "2"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout == f"{advise([read_run(path)]).model_dump_json()}\n"
