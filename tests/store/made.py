"""Run folders to send, small and large."""

from __future__ import annotations

import random
from pathlib import Path

from loadtests.results import Note
from loadtests.run import RUN_FILE, RunWriter
from tests.contract.lines import a_run

MB = 2**20


def a_folder(place: Path, **reports: str) -> Path:
    """A small run, with reports: ``report_md="text"`` is ``report.md``."""
    with RunWriter(place) as writer:
        writer.write(a_run(3))
    for name, text in reports.items():
        (place / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return place


def a_large_folder(place: Path, megabytes: int, seed: int = 1) -> Path:
    """A run that goes in parts: its notes are long."""
    header, *_ = a_run(3)
    dice = random.Random(seed)
    with RunWriter(place) as writer:
        writer.write([header])
        for _ in range(megabytes):
            writer.write([Note(at=1.0, kind="noise", text=dice.randbytes(MB // 2).hex())])
    return place


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder that is not hidden."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


__all__ = ["MB", "RUN_FILE", "a_folder", "a_large_folder", "content"]
