"""How the processes of a run stop: on Ctrl-C, when asked, on bad input, and when the one that forked them is gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

import gevent
import psutil

LOOK: Final = 1.0
"""Seconds between two looks whether the parent still lives."""


def interrupts_go_to_main() -> None:
    """Raise KeyboardInterrupt in the main greenlet only; call it there, once per process.

    Python raises it in whatever code runs at that moment: with gevent that may be a viewer's step or Locust's own
    message handling, which is then left half done.
    """
    main, loop = gevent.getcurrent(), gevent.get_hub().loop
    gevent.signal_handler(signal.SIGINT, lambda: loop.run_callback(main.throw, KeyboardInterrupt))


ABORT_FILE: Final = "abort"
"""In the run's folder: whoever writes a reason into it ends the run, as a whole one, within two seconds."""


def asked_to_abort(folder: Path) -> str:
    """Why somebody wants the run ended early, once; empty when nobody does."""
    request = folder / ABORT_FILE
    try:
        reason = request.read_text(encoding="utf-8").strip() or "no reason given"
        request.unlink()
    except OSError:  # not there; or no descriptor is left to look with: the next look comes within a second
        return ""
    return reason


def end_children() -> None:
    """Stop the workers that ``--processes`` forked: Locust (2.47) leaves them waiting for a minute."""
    for child in psutil.Process().children():
        child.terminate()


def leave_with(parent: int) -> None:
    """Stop when ``parent`` is gone, for a forked worker would go on loading the target for a minute; never returns."""
    while os.getppid() == parent:
        gevent.sleep(LOOK)
    os.kill(os.getpid(), signal.SIGTERM)
