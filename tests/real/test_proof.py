"""The proof by experiment in small: one cluster of embedded nodes, from its rehearsal to N and N - 1 at full load."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.proof.drawn import Drawn, draw
from benchmarks.proof.experiment import Bench, rehearse, under_full_load

N = 3


def cluster() -> Drawn:
    """Nodes of 10 Mbit/s; the full load is two and a half of them, so that both sides show within seconds."""
    small = {"mix": {"lowest": 1.0}, "player": "hls_js", "rehearsed": 1, "fill": 100, "ratio": 2.5}
    return draw(0, 1).model_copy(update=small)


@pytest.mark.slow
def test_as_many_nodes_as_advised_hold_and_one_less_breaks(tmp_path: Path) -> None:
    bench = Bench(tmp_path, label="proof", quiet=9, hold=14)
    record = rehearse(cluster(), bench)
    assert record.answer is not None, record.rehearsal
    assert record.answer.binding == "bandwidth"
    assert record.answer.ratio is not None
    assert record.answer.ratio[1] == pytest.approx(record.declared, rel=0.15)
    assert record.answer.nodes == N
    with ThreadPoolExecutor(2) as pool:
        enough, too_few = (pool.submit(under_full_load, record, nodes, bench) for nodes in (N, N - 1))
    whole = record.model_copy(update={"enough": enough.result(), "too_few": too_few.result()})
    assert whole.state == "right", whole
