"""``python -m benchmarks [--json FOLDER]``: every benchmark, one after the other, a table each, about half an hour."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

NAMES = (
    "density",
    "cost",
    "memory",
    "joins",
    "secure",
    "processes",
    "lastmile",
    "shaping",
    "gate",
    "simulate",
    "advise",
)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--json", type=Path, metavar="FOLDER", help="where each benchmark writes its figures")
folder: Path | None = parser.parse_args().json
if folder:
    folder.mkdir(parents=True, exist_ok=True)
for name in NAMES:
    print(f"== {name} ==", flush=True)
    options = ["--json", str(folder / f"{name}.json")] if folder else []
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=False)
