"""Refreshes what the advisor's tests compare with: ``python -m tests.advisor.golden``."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import advisor.advice
import advisor.advising
from tests.advisor.runs import Town, run_of
from tests.advisor.test_advice import GOLDEN, short


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        advice = advisor.advising.advise([run_of(Town(seed=3), Path(folder))])
    GOLDEN.write_text(json.dumps(short(advice), indent=1) + "\n", encoding="utf-8")
    schema = Path(advisor.advice.__file__).with_name("advice.schema.json")
    schema.write_text(advisor.advice.schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
