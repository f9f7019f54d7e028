"""The options of `surgecast load` that say where a distributed run takes place, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from surgecast.manifests.settings import IMAGE, NAMESPACE
from surgecast.manifests.topology import DENSITY
from surgecast.store.places import MANIFESTS_HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for."""

    on_kubernetes: bool = False
    locally: bool = False
    context: str = ""
    namespace: str = NAMESPACE
    image: str = IMAGE
    workers: Mapping[str, int]
    node_selector: Mapping[str, Mapping[str, str]]
    viewers_per_worker: int = DENSITY.viewers
    storage: str = "5Gi"
    storage_class: str = ""
    scenario_secret: str = ""
    render: Path | None = None
    attach: str = ""
    clean_up: bool = False

    @property
    def distributed(self) -> bool:
        """Whether anything was asked for that a run in one process knows nothing of."""
        return bool(self.on_kubernetes or self.locally or self.given)

    @property
    def given(self) -> list[str]:
        """Options without a meaning where neither a cluster nor the parts were asked for."""
        values = {
            "--workers": self.workers,
            "--context": self.context,
            "--node-selector": self.node_selector,
            "--scenario-secret": self.scenario_secret,
            "--render": self.render,
            "--attach": self.attach,
            "--clean-up": self.clean_up,
        }
        return [name for name, value in values.items() if value]


class Workers(click.ParamType[Mapping[str, int]]):
    """``id=4,in=2``."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Mapping[str, int]:
        """Parse it; click's usage error where it is no such list."""
        if not isinstance(value, str):
            return dict(value or {})
        found: dict[str, int] = {}
        for part in value.split(",") if value else ():
            code, _, count = part.strip().partition("=")
            if not code or not count.isdecimal():
                self.fail(f"expected REGION=WORKERS,... such as id=4,in=2, found {value!r}", param, ctx)
            found[code] = int(count)
        return found


class Selector(click.ParamType[tuple[str, str, str]]):
    """``id=topology.kubernetes.io/region=ap-southeast-3``."""

    name = "selector"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str, str]:
        """Parse it; click's usage error where it is no such thing."""
        if not isinstance(value, str):
            return tuple(value)
        parts = value.split("=")
        if len(parts) != 3 or not all(parts[:2]):
            self.fail(
                f"expected REGION=KEY=VALUE such as id=topology.kubernetes.io/region=ap-southeast-3, found {value!r}",
                param,
                ctx,
            )
        return parts[0], parts[1], parts[2]


OPTIONS: Final = (
    click.option("--on-kubernetes", is_flag=True, help="Run master and workers in a cluster, by kubectl."),
    click.option("--locally", is_flag=True, help="Run the same master and workers as processes here."),
    click.option("--workers", type=Workers(), default="", metavar="REGION=N,...", help="Workers; default: by density."),
    click.option(
        "--viewers-per-worker",
        default=DENSITY.viewers,
        show_default=True,
        type=click.IntRange(1),
        help="What one carries, by surgecast doctor.",
    ),
    click.option("--context", default="", help="The kubeconfig's context to use: it has to be named."),
    click.option("--namespace", default=NAMESPACE, show_default=True, help="Namespace of the run."),
    click.option("--image", default=IMAGE, show_default=True, help="Image of master and workers."),
    click.option(
        "--node-selector",
        type=Selector(),
        multiple=True,
        metavar="REGION=KEY=VALUE",
        help="Nodes that a region's workers may run on.",
    ),
    click.option("--storage", default="5Gi", show_default=True, help="Size of the volume for runs."),
    click.option("--storage-class", default="", help="Its class; default: the cluster's."),
    click.option(
        "--scenario-secret", default="", metavar="NAME", help="Secret there with scenario.yaml: none is rendered."
    ),
    click.option("--render", type=MANIFESTS_HERE, help="Write the manifests here, no more."),
    click.option("--attach", default="", metavar="RUN", help="Follow and fetch a run that is there already."),
    click.option("--clean-up", is_flag=True, help="Delete the run's Jobs once it is fetched."),
)


def distributed_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command gets them as ``asked``."""
    names = tuple(Asked.__dataclass_fields__)

    @wraps(command)
    def bundled(**given: Any) -> None:
        own = {name: given.pop(name) for name in names}
        selectors: dict[str, dict[str, str]] = {}
        for code, key, value in own["node_selector"]:
            selectors.setdefault(code, {})[key] = value
        command(**given, asked=Asked(**{**own, "node_selector": selectors}))

    for option in reversed(OPTIONS):
        bundled = option(bundled)
    return bundled
