"""``python -m benchmarks [--json FOLDER]``: every benchmark, one after the other, a table each, about forty minutes."""

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
    "observing",
    "gate",
    "simulate",
    "anchors",
    "planner",
    "whatif",
    "advise",
    "hpa",
    "proof",
)
SHORT = {"proof": ["--clusters", "4", "--jobs", "2"]}
"""Of those that take longer than ten minutes as a whole."""

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--json", type=Path, metavar="FOLDER", help="where each benchmark writes its figures")
folder: Path | None = parser.parse_args().json
if folder:
    folder.mkdir(parents=True, exist_ok=True)
for name in NAMES:
    print(f"== {name} ==", flush=True)
    options = SHORT.get(name, []) + (["--json", str(folder / f"{name}.json")] if folder else [])
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=False)
