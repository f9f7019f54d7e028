"""From applied objects to the end of the run: wait for the pods, show the master's progress, learn how it ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from loadtests.errors import SurgecastError
from surgecast.kubernetes_run.kubectl import Kubectl
from surgecast.kubernetes_run.pods import Pod, read_pods, refuse_trouble, summed, waited_in_vain
from surgecast.manifests.objects import RUN
from surgecast.manifests.topology import EXPECTED_WITHIN

LOOKS: Final = 2.0
"""Seconds between two looks at the pods."""
FAILURES: Final = 5
"""Calls in a row that may fail before the cluster counts as gone."""

Tell = Callable[[str], None]


class Following:
    """One run in a cluster; ``every`` is in seconds, ``tell`` gets a line of progress each time it changes."""

    def __init__(self, kubectl: Kubectl, run: str, tell: Tell, *, every: float = LOOKS) -> None:
        self._kubectl, self._run, self._tell, self._every = kubectl, run, tell, every
        self._said = ""

    def pods(self) -> tuple[Pod, ...]:
        """Its pods now."""
        for failure in range(FAILURES):
            try:
                return read_pods(self._kubectl.object("get", "pods", "--selector", f"{RUN}={self._run}"))
            except SurgecastError:
                if failure == FAILURES - 1:
                    raise
                time.sleep(self._every)
        raise AssertionError

    def is_gone(self) -> bool:
        """Whether its Jobs are not there any more."""
        answer = self._kubectl("get", "job", f"{self._run}-master", "-o", "name")
        return answer.code != 0 and "NotFound" in answer.err

    def until_running(self, expected: int, within: float = EXPECTED_WITHIN) -> None:
        """Wait until as many pods run as are expected, or the master has ended."""
        deadline = time.monotonic() + within
        while True:
            pods = self.pods()
            self._progress(summed(pods))
            refuse_trouble(pods)
            if sum(pod.phase != "Pending" for pod in pods) >= expected or self._ended(pods) is not None:
                return
            if time.monotonic() > deadline:
                raise waited_in_vain(pods, within)
            time.sleep(self._every)

    def until_ended(self, log: Path) -> int:
        """Show what the master says, keep it in ``log``; its exit code."""
        since: tuple[str, ...] = ()
        while True:
            self._show(log, *since)
            code = self._ended(self.pods())
            if code is not None:
                return code
            since = ("--since", "5s")
            time.sleep(self._every)

    def _show(self, log: Path, *since: str) -> None:
        """Copy the master's log until kubectl stops: at its end, or where the connection broke."""
        words = ("logs", "--follow", *since, f"job/{self._run}-master")
        with log.open("ab") as kept, self._kubectl.stream(*words, out=-1, err=None) as child:
            assert child.stdout is not None
            for line in child.stdout:
                kept.write(line)
                kept.flush()
                sys.stderr.write(line.decode("utf-8", "replace"))

    def _ended(self, pods: tuple[Pod, ...]) -> int | None:
        """The master's exit code; None while it runs. 1 stands for that of a master whose pod was evicted."""
        masters = [pod for pod in pods if pod.role == "master"]
        if not masters and self._said:
            return self._job_failed()
        codes = [
            1 if pod.exit_code is None else pod.exit_code for pod in masters if pod.phase in ("Succeeded", "Failed")
        ]
        return codes[-1] if codes and len(codes) == len(masters) else None

    def _job_failed(self) -> int | None:
        status = self._kubectl.object("get", "job", f"{self._run}-master").get("status", {})
        kinds = {one["type"] for one in status.get("conditions", ()) if one.get("status") == "True"}
        return 1 if "Failed" in kinds else 0 if "Complete" in kinds else None

    def _progress(self, text: str) -> None:
        if text != self._said:
            self._tell(text)
        self._said = text
