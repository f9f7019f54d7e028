"""Ends a load run early when a budget is surely broken: the child is asked through a file in the run's folder.

The load process knows nothing of budgets. This one follows the run as it is written, and judges.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from advisor.gate.watch import Watch
from loadtests.budgets import Placed
from loadtests.errors import InputError

ABORT_FILE = "abort"
"""As in `loadtests.wiring.stopping`, which would bring gevent in here; a test keeps the two equal."""


def breach_watch(folder: Path, budgets: Sequence[Placed]) -> Callable[[], None]:
    """What to call every second while the load runs; InputError when no budget may end it."""
    if not any(one.budget.abort is not None for one in budgets):
        raise InputError(
            "--abort: no budget is marked 'abort', so nothing could end the run",
            hint="write 'abort' or 'abort after 10s' behind a budget (docs/budgets.md)",
        )
    watch = Watch(folder, budgets)
    asked: list[str] = []

    def look() -> None:
        if not asked and (why := watch.look()):
            asked.append(why)
            sys.stderr.write(f"surgecast: ending the run: {why}\n")
            request = folder / f"{ABORT_FILE}.new"
            request.write_text(why, encoding="utf-8")
            request.rename(folder / ABORT_FILE)

    return look
