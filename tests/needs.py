"""Tools that a test cannot do without: on a laptop their absence skips the test, in CI it fails it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def needs(tool: str) -> str:
    """Return the path of a program on PATH, or end the test."""
    return shutil.which(tool) or missing(f"{tool} is not installed")


def needs_file(path: Path, remedy: str) -> Path:
    """Return ``path`` if it exists, or end the test; ``remedy`` says how to get it."""
    return path if path.exists() else missing(f"{path.name} is missing: {remedy}")


def missing(reason: str) -> NoReturn:
    """Skip the test with a reason; where CI is set, fail: a tool missing there would hide what it tests."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI is set", pytrace=False)
    pytest.skip(reason)
