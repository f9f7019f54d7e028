"""Several transfers at a time: in order, bounded, the first error told, nothing begun after it, Ctrl-C not held up."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from loadtests.run import RUN_FILE
from surgecast.store.address import parse_address
from surgecast.store.bucket import connect
from surgecast.store.digests import PART
from surgecast.store.fetching import cached_run, pull
from surgecast.store.sending import push
from surgecast.store.together import AT_ONCE, each
from tests.store.made import a_folder, a_large_folder, content

PLACE = parse_address("s3://my-runs/launch")


def test_results_are_in_order_and_no_more_than_a_few_run_at_once() -> None:
    gate, lock = threading.Barrier(AT_ONCE), threading.Lock()
    running, most = 0, 0

    def work(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(30)  # passes only where so many are in here together
        with lock:
            running -= 1
        return item * item

    assert each(work, range(3 * AT_ONCE)) == [item * item for item in range(3 * AT_ONCE)]
    assert most == AT_ONCE


def test_after_an_error_nothing_is_begun_and_it_is_told_once_the_others_have_ended() -> None:
    done: list[int] = []
    is_told, may_end = threading.Event(), threading.Event()

    def work(item: int) -> None:
        if item == 0:
            is_told.set()
            raise ValueError("first")
        is_told.wait(30)
        may_end.wait(0.2)
        done.append(item)

    with pytest.raises(ValueError, match="first"):
        each(work, range(100))
    assert set(done) <= set(range(1, AT_ONCE))


def test_one_or_none_needs_no_thread() -> None:
    assert each(lambda _: threading.current_thread(), [1]) == [threading.current_thread()]
    assert each(str, []) == []


def test_what_is_none_is_an_item_too() -> None:
    assert each(lambda item: item, [None, None, 1]) == [None, None, 1]


def test_ctrl_c_waits_for_no_thread_that_hangs() -> None:
    program = (
        "import os, signal, threading; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from surgecast.store.together import each\n"
        "def hang(item):\n    os.write(1, b'in\\n')\n    threading.Event().wait()\n"
        "try:\n    each(hang, range(4))\nexcept KeyboardInterrupt:\n    os.write(1, b'out\\n')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert [child.stdout.readline() for _ in range(4)] == ["in\n"] * 4
            child.send_signal(signal.SIGINT)
            assert child.communicate(timeout=60)[0] == "out\n"
            assert child.returncode == 0
        finally:
            child.kill()


def test_parts_of_a_file_go_and_come_side_by_side_and_are_what_they_were(s3: Any, tmp_path: Path) -> None:
    folder = a_large_folder(tmp_path / "run", 4 * PART // 2**20)
    parts = -(-(folder / RUN_FILE).stat().st_size // PART)
    assert parts == 5
    bucket = connect("my-runs")
    bucket.client.meta.events.register("before-call.s3.UploadPart", _first(AT_ONCE))
    push(folder, PLACE, bucket)
    bucket = connect("my-runs")
    bucket.client.meta.events.register("before-call.s3.GetObject", _first(AT_ONCE, skip=1))  # after the manifest
    assert content(cached_run(PLACE, bucket)) == content(folder)


def _first(count: int, skip: int = 0) -> Any:
    """Lets the first calls pass only once so many of them are there together."""
    gate, lock, seen = threading.Barrier(count), threading.Lock(), iter(range(10_000))

    def meet(**_: Any) -> None:
        with lock:
            number = next(seen)
        if skip <= number < skip + count:
            gate.wait(30)

    return meet


def test_reports_go_and_come_side_by_side(s3: Any, tmp_path: Path) -> None:
    names = {f"report_{name}": f"text of {name}" for name in ("md", "html", "json", "csv")}
    folder = a_folder(tmp_path / "run", **names)
    bucket = connect("my-runs")
    bucket.client.meta.events.register("before-call.s3.PutObject", _first(AT_ONCE, skip=1))  # the run alone, first
    push(folder, PLACE, bucket)
    pull(PLACE, tmp_path / "back")
    assert content(tmp_path / "back") == content(folder)
