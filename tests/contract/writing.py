"""Writes seconds of a run until it is killed: ``python writing.py FOLDER``; a dot on stdout for every second."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from loadtests.run import RunWriter
from tests.contract.lines import a_header, a_window


def main(folder: Path) -> None:
    writer = RunWriter(folder)
    writer.write([a_header()])
    for at in count():
        writer.write([a_window(at, cohort=cohort) for cohort in ("fixed", "mobile")])
        print(".", end="", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
