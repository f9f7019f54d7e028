"""A folder in memory for the files of one cluster, named for the process that made it, so that it can be swept."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
_OURS: Final = re.compile(r"surgecast-proof-(\d+)-\w+")


@contextmanager
def memory() -> Iterator[Path]:
    """The folder, while the context lasts; whoever nginx runs as may read it."""
    folder = Path(tempfile.mkdtemp(prefix=f"surgecast-proof-{os.getpid()}-", dir=ROOT))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Take away what benchmarks that were killed have left."""
    for folder in ROOT.glob("surgecast-proof-*"):
        if (match := _OURS.fullmatch(folder.name)) and not Path(f"/proc/{match[1]}").exists():
            shutil.rmtree(folder, ignore_errors=True)
