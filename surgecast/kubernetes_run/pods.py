"""What the pods of a run are doing, read from what kubectl lists. Pure: every trouble can be tried in a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from loadtests.errors import InputError, SurgecastError
from surgecast.manifests.objects import ROLE

BROKEN_IMAGE: Final = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
"""Waiting for these is in vain; ErrImagePull alone may be a network that stumbled once."""
BROKEN_POD: Final = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


class Pod(NamedTuple):
    """One pod, as far as a run cares."""

    name: str
    role: str
    phase: str
    """Kubernetes' own word."""
    waiting: str
    """Why its container does not run yet; empty when it does."""
    message: str
    unschedulable: str
    """What the scheduler says; empty when it has found a node."""
    exit_code: int | None
    image: str

    @property
    def state(self) -> str:
        """In two words."""
        if self.unschedulable:
            return "unschedulable"
        return self.waiting or self.phase.lower()


def read_pods(listed: dict[str, Any]) -> tuple[Pod, ...]:
    """The pods of a list in JSON."""
    return tuple(_pod(one) for one in listed.get("items", ()))


def _pod(one: dict[str, Any]) -> Pod:
    status, metadata = one.get("status", {}), one["metadata"]
    states = [container.get("state", {}) for container in status.get("containerStatuses", ())]
    waiting: dict[str, Any] = next((state["waiting"] for state in states if "waiting" in state), {})
    ended: dict[str, Any] = next((state["terminated"] for state in states if "terminated" in state), {})
    unschedulable = next(
        (
            condition.get("message", "no node fits")
            for condition in status.get("conditions", ())
            if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable"
        ),
        "",
    )
    images = [container["image"] for container in one.get("spec", {}).get("containers", ())]
    return Pod(
        metadata["name"],
        metadata.get("labels", {}).get(ROLE, ""),
        status.get("phase", "Pending"),
        waiting.get("reason", ""),
        waiting.get("message", ""),
        unschedulable,
        ended.get("exitCode"),
        images[0] if images else "",
    )


def refuse_trouble(pods: Iterable[Pod]) -> None:
    """InputError for a pod that will never run."""
    for pod in pods:
        if pod.waiting in BROKEN_IMAGE:
            raise InputError(
                f"{pod.name}: image {pod.image} cannot be pulled ({pod.waiting}): {pod.message or 'no reason given'}",
                hint="build and push it (docs/kubernetes.md), and name it with --image",
            )
        if pod.waiting in BROKEN_POD:
            raise InputError(
                f"{pod.name}: its container cannot be made ({pod.waiting}): {pod.message or 'no reason given'}",
                hint="is the Secret of --scenario-secret in the namespace, with scenario.yaml in it?",
            )


def waited_in_vain(pods: Iterable[Pod], seconds: float) -> SurgecastError:
    """What to say of pods that did not come to run in time."""
    late = [pod for pod in pods if pod.phase == "Pending"]
    for pod in late:
        if pod.unschedulable:
            return InputError(
                f"{pod.name}: no node takes it after {seconds:g} s: {pod.unschedulable}",
                hint="add nodes, ask for fewer --workers, or change --node-selector",
            )
    told = ", ".join(f"{pod.name} ({pod.state})" for pod in late) or "no pod was made"
    return SurgecastError(f"not all pods run after {seconds:g} s: {told}", hint="kubectl describe pod says more")


def summed(pods: Iterable[Pod]) -> str:
    """How many are in which state, for a line of progress."""
    return ", ".join(_counts(pods)) or "no pods yet"


def _counts(pods: Iterable[Pod]) -> Iterator[str]:
    for (role, state), count in sorted(Counter((pod.role, pod.state) for pod in pods).items()):
        yield f"{count} {role} {state}"
