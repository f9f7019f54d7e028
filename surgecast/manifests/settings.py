"""What a load run on Kubernetes is told beside its scenario."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from loadtests.errors import InputError
from loadtests.scenario import Scenario
from surgecast.manifests.topology import DENSITY, Density

IMAGE: Final = "surgecast:0.1.0"
"""As `k8s/Containerfile` is built by docs/kubernetes.md; a cluster needs one that its nodes can pull."""
NAMESPACE: Final = "surgecast"

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_QUANTITY: Final = re.compile(r"[1-9][0-9]*(Mi|Gi|Ti)")
_SELECTOR_KEY: Final = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?")
_SELECTOR_VALUE: Final = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?")
LONGEST_RUN: Final = 40
"""Characters of a run's name: with `-workers-id-0` and five of the Job's own it has to fit in 63 (RFC 1123)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How and where to run; `check` holds it against the scenario."""

    run: str
    """Names the run's folder on the volume and all of its objects; another one for each run."""
    image: str = IMAGE
    namespace: str = NAMESPACE
    workers: Mapping[str, int] = field(default_factory=dict)
    """Workers by region; the others get as many as their viewers need."""
    density: Density = DENSITY
    selectors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Labels of the nodes that each region's workers may run on."""
    storage: str = "5Gi"
    """Size of the volume that runs are written to; what a run takes goes by its seconds, regions and cohorts."""
    storage_class: str = ""
    """Empty for the cluster's default."""
    scenario_secret: str = ""
    """A Secret that is there already and holds the scenario under ``scenario.yaml``: then none is rendered."""
    run_time: str = ""
    """End the run early, as Locust's option."""
    authorities: Mapping[str, str] = field(default_factory=dict)
    """PEM text of each ``ca_file`` that the scenario names, by that name."""


def check(scenario: Scenario, settings: Settings) -> None:
    """InputError for a setting that Kubernetes would refuse, or that fits no region of the scenario."""
    _name("run", settings.run, LONGEST_RUN)
    _name("namespace", settings.namespace, 63)
    if settings.scenario_secret:
        _name("scenario secret", settings.scenario_secret, 63)
    if not settings.image or not settings.image.isprintable() or " " in settings.image:
        raise InputError(f"image: expected the name of an image, found {settings.image!r}", hint="docs/kubernetes.md")
    if not _QUANTITY.fullmatch(settings.storage):
        raise InputError(
            f"storage: expected a size such as 5Gi, found {settings.storage!r}", hint="Mi, Gi and Ti are known"
        )
    _regions(scenario, "workers", settings.workers)
    _regions(scenario, "node selectors", settings.selectors)
    for code, count in settings.workers.items():
        if count < 1:
            raise InputError(f"workers: {code} needs at least one, found {count}", hint="leave it out: density decides")
    for code, selector in settings.selectors.items():
        for key, value in selector.items():
            _selector(code, key, value)


def _regions(scenario: Scenario, what: str, codes: Iterable[str]) -> None:
    for code in codes:
        if code not in scenario.regions:
            raise InputError(
                f"{what}: {code!r} is not one of the regions rehearsed", hint=f"regions: {', '.join(scenario.regions)}"
            )


def _selector(code: str, key: str, value: str) -> None:
    if not _SELECTOR_KEY.fullmatch(key) or not _SELECTOR_VALUE.fullmatch(value):
        raise InputError(
            f"node selectors: {code}: expected KEY=VALUE of a node label, found {key}={value}",
            hint="such as id=topology.kubernetes.io/region=ap-southeast-3",
        )


def _name(what: str, found: str, longest: int) -> None:
    if not _LABEL.fullmatch(found) or len(found) > longest:
        raise InputError(
            f"{what}: expected lower-case letters, digits and hyphens, {longest} at most, found {found!r}",
            hint="Kubernetes takes no other names (RFC 1123)",
        )
