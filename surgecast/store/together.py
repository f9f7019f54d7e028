"""A few transfers at a time: a line that is shared, or far away, is filled by several connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE: Final = 4
"""Connections of one transfer: each holds a part of 8 MiB, and a kill loses no more than these (assumed)."""


def each(work: Callable[[Item], Result], items: Sequence[Item], at_once: int = AT_ONCE) -> list[Result]:
    """Results in the order of the items. After an error nothing new is begun, and the first one is raised at the end.

    Ctrl-C waits for nobody: a thread that hangs on a dead line goes with the process.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    results: dict[int, Result] = {}
    left, ended, lock = iter(enumerate(items)), SimpleQueue[BaseException | None](), threading.Lock()
    is_over = threading.Event()

    def run() -> None:
        try:
            while not is_over.is_set():
                with lock:
                    found = next(left, None)
                if found is None:
                    break
                index, item = found
                results[index] = work(item)
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
            is_over.set()
            ended.put(error)
        else:
            ended.put(None)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(at_once, len(items)))]
    for thread in threads:
        thread.start()
    try:
        errors = [error for error in (ended.get() for _ in threads) if error is not None]
    except KeyboardInterrupt:
        is_over.set()
        raise
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(items))]
