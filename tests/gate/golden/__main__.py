"""Renews the committed schema: ``python -m tests.gate.golden``."""

from __future__ import annotations

import json
from pathlib import Path

import advisor.gate
from advisor.gate.verdict import schema

FILE = Path(advisor.gate.__file__).with_name("verdict.schema.json")

if __name__ == "__main__":
    FILE.write_text(json.dumps(schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
