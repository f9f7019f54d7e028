"""Copies a run out of the cluster. The file is append-only: a copy goes on where it was cut, and is then compared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from loadtests.errors import InputError, SurgecastError
from loadtests.run import RUN_FILE
from surgecast.kubernetes_run.kubectl import Kubectl, explained
from surgecast.manifests.runs import KEEPER, RUNS

TRIES: Final = 5
"""Connections in a row that may bring nothing."""
READY_WITHIN: Final = "300s"
"""For the pod that reads the volume: it may have to follow the volume to another node (assumed)."""


def fetch(kubectl: Kubectl, run: str, folder: Path) -> bool:
    """Copy what is on the volume into ``folder``; False where there is no such run. SurgecastError where it differs."""
    kubectl.asked("rollout", "status", f"deployment/{KEEPER}", "--timeout", READY_WITHIN)
    there = f"{RUNS}/{run}/{RUN_FILE}"
    size = _size(kubectl, there)
    if size is None:
        return False
    file = folder / RUN_FILE
    folder.mkdir(parents=True, exist_ok=True)
    _copy(kubectl, there, file, size)
    wanted = _inside(kubectl, "sha256sum", there).split()[0]
    with file.open("rb") as copied:
        found = hashlib.file_digest(copied, "sha256").hexdigest()
    if found != wanted:
        raise SurgecastError(
            f"{file}: the copy differs from {there} in the cluster",
            hint=f"delete {file} and fetch the run again with --attach {run}",
        )
    return True


def _size(kubectl: Kubectl, there: str) -> int | None:
    words = _exec("wc", "-c", there)
    answer = kubectl(*words)
    if answer.code and "No such file" in answer.err:
        return None
    if answer.code:
        raise explained(answer, words)
    return int(answer.out.split()[0])


def _copy(kubectl: Kubectl, there: str, file: Path, size: int) -> None:
    vain = 0
    with file.open("ab") as copy:
        while (have := file.stat().st_size) < size:
            with kubectl.stream(*_exec("tail", "-c", f"+{have + 1}", there), out=copy) as child:
                child.wait()
            vain = 0 if file.stat().st_size > have else vain + 1
            if vain == TRIES:
                raise SurgecastError(
                    f"{file}: {have} of {size} bytes were copied, and no more come",
                    hint="call it again: it goes on there",
                )
    if file.stat().st_size > size:
        raise InputError(
            f"{file}: longer than the run in the cluster ({size} bytes): it is another run", hint="give another --out"
        )


def _inside(kubectl: Kubectl, *words: str) -> str:
    return kubectl.asked(*_exec(*words))


def _exec(*words: str) -> tuple[str, ...]:
    return ("exec", f"deployment/{KEEPER}", "--", *words)
