"""``python -m benchmarks``: every benchmark, a table each."""

from __future__ import annotations

import runpy

for name in ("density", "gate"):
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")
