"""What the machine has, read from files as the kernel writes them; and how samples tell who used the cores."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from loadtests.errors import CannotMeasure
from loadtests.rating.machine import this_machine, usable_cores, usable_memory
from loadtests.rating.measuring import has_second, read_seconds, why_disturbed
from loadtests.rating.sample import Between, Sample, Sampler, between, waited
from loadtests.rating.staircase import Staircase
from loadtests.results import Generator, Players, Window, text_of

QUIET = Between(others=0.0, steal=0.0, sink=0.3, waiting=0.01, memory=0)
HEALTHY = Generator(at=1, worker="w", cpu=0.3)


def test_this_machine_has_something_of_everything() -> None:
    machine = this_machine()
    assert machine.cores > 0
    assert 0 < machine.descriptors_soft <= machine.descriptors_hard
    assert machine.ports > 0
    assert machine.memory > 0


def test_a_container_may_have_less_than_its_machine(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text(f"{64 * 2**20}\n")
    (tmp_path / "memory.current").write_text(f"{16 * 2**20}\n")
    assert usable_cores(tmp_path) == 0.5
    assert usable_memory(tmp_path) == 48 * 2**20


def test_a_container_without_limits_has_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert usable_cores(tmp_path) >= 1
    assert usable_memory(tmp_path) > 48 * 2**20
    assert usable_cores(tmp_path / "none") >= 1


def test_waiting_is_the_second_word_of_schedstat(tmp_path: Path) -> None:
    (tmp_path / "schedstat").write_text("100 2500000000 7\n")
    assert waited(tmp_path / "schedstat") == 2.5
    assert waited(tmp_path / "none") == 0.0


def test_two_samples_tell_what_others_used() -> None:
    one = Sample(at=10.0, busy=100.0, steal=1.0, ours=5.0, sink=1.0, waiting=0.5, memory=1)
    two = Sample(at=12.0, busy=103.0, steal=1.2, ours=7.0, sink=2.0, waiting=0.6, memory=9)
    found = between(one, two)
    assert found is not None
    assert found == pytest.approx((0.5, 0.1, 0.5, 0.05, 9))
    assert between(one, one) is None


def test_a_second_that_was_not_sampled_is_not_told() -> None:
    sampler = Sampler(os.getpid(), ())
    assert sampler.second(time.time()) is None
    sampler.take()
    sampler.take()
    assert sampler.second(time.time() - 100) is None
    assert sampler.samples[-1].memory > 0


def test_a_process_that_has_ended_counts_as_nothing() -> None:
    sampler = Sampler(2**22 + 1, (2**22 + 2,))
    sampler.take()
    assert sampler.samples[0].memory == 0


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        ({}, {}, ""),
        ({"waiting": 0.2}, {}, "waiting"),
        ({"steal": 0.2}, {}, "steal"),
        ({}, {"dropped": 1}, "errors"),
        ({}, {"faults": 1}, "errors"),
    ],
)
def test_a_second_says_what_disturbed_it(change: dict[str, float], line: dict[str, int], reason: str) -> None:
    assert why_disturbed(QUIET._replace(**change), HEALTHY.model_copy(update=line), 0) == reason  # type: ignore[arg-type]


def test_failed_requests_disturb_a_second() -> None:
    assert why_disturbed(QUIET, HEALTHY, 1) == "errors"


def test_a_run_is_read_second_by_second_and_a_cut_line_is_left_out(tmp_path: Path) -> None:
    stairs = Staircase(levels=(2,), idle=2.0)
    window = Window(at=1, region="id", cohort="all", players=Players(viewers=1, joins=1))
    lines = [json.dumps({"started_at": "1970-01-01T00:16:40+00:00"})]
    lines += [text_of(window), *(text_of(HEALTHY.model_copy(update={"at": at})) for at in range(8))]
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join(lines) + '\n{"line":"win')
    assert has_second(file, 7)
    assert not has_second(file, 8)
    sampler = Sampler(os.getpid(), ())
    zero = Sample(at=0.0, busy=0.0, steal=0.0, ours=0.0, sink=0.0, waiting=0.0, memory=1)
    sampler.samples = [zero._replace(at=1000.0 + at, busy=float(at)) for at in range(8)]
    found = read_seconds(file, stairs, sampler)
    assert [second.at for second in found] == [1, 2, 3, 4, 5]
    assert [second.step for second in found] == [-1, -1, -1, 0, 0]
    assert found[0].joins == 1
    assert found[0].others == pytest.approx(1.0)
    sampler.samples = []
    with pytest.raises(CannotMeasure, match="no whole second"):
        read_seconds(file, stairs, sampler)


def test_a_run_that_has_its_footer_has_all_there_will_be(tmp_path: Path) -> None:
    assert not has_second(tmp_path / "none", 1)
    (tmp_path / "run").write_text('{"line":"note"}\n{"line":"footer","complete":true}\n')
    assert has_second(tmp_path / "run", 1)
