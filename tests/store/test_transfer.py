"""A long transfer says how far it is; a short one says nothing."""

from __future__ import annotations

from io import StringIO

from surgecast.store.transfer import Transfer


def test_a_line_comes_every_two_seconds_and_none_before() -> None:
    clock = iter([0.0, 1.0, 2.5, 3.0, 4.4, 4.6])
    told = StringIO()
    transfer = Transfer("s3://my-runs/x", "sent", 120_000_000, stream=told, now=lambda: next(clock))
    for _ in range(5):
        transfer.add(10_000_000)
    assert told.getvalue().splitlines() == [
        "s3://my-runs/x: 20.0 MB of 120.0 MB sent",
        "s3://my-runs/x: 50.0 MB of 120.0 MB sent",
    ]
