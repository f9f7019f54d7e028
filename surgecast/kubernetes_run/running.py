"""`surgecast load --on-kubernetes`: render, show, apply, follow, fetch."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from loadtests.errors import InputError, SurgecastError
from loadtests.run import RUN_FILE
from loadtests.scenario import Scenario
from surgecast.kubernetes_run.asked import Asked
from surgecast.kubernetes_run.fetching import fetch
from surgecast.kubernetes_run.following import LOOKS, Following
from surgecast.kubernetes_run.kubectl import Kubectl, confirmed, explained
from surgecast.locust_run import LOG, no_run
from surgecast.manifests.files import files_of
from surgecast.manifests.load import render_load
from surgecast.manifests.namespace import namespace_objects
from surgecast.manifests.objects import RUN, Object
from surgecast.manifests.settings import LONGEST_RUN, Settings
from surgecast.manifests.topology import DENSITY, Pool, pools_of

MANAGER: Final = "surgecast"
KINDS: Final = "job,service,configmap,secret,networkpolicy,poddisruptionbudget"
"""What a run has of its own; namespace, volume and the pod that reads it stay."""


def settings_of(scenario: Scenario, asked: Asked, *, run_time: str = "", now: datetime | None = None) -> Settings:
    """The settings that the options make; a new run is named for its scenario and the time."""
    stamp = f"{now or datetime.now(UTC):%m%d-%H%M%S}"
    name = scenario.name[: LONGEST_RUN - len(stamp) - 1].rstrip("-")
    return Settings(
        run=asked.attach or f"{name}-{stamp}",
        image=asked.image,
        namespace=asked.namespace,
        workers=asked.workers,
        density=DENSITY._replace(viewers=asked.viewers_per_worker),
        selectors=asked.node_selector,
        storage=asked.storage,
        storage_class=asked.storage_class,
        scenario_secret=asked.scenario_secret,
        run_time=run_time,
        authorities=_authorities(scenario),
    )


def _authorities(scenario: Scenario) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for name in {target.ca_file for target in scenario.targets.values()} | {scenario.target.ca_file}:
        try:
            texts |= {name: Path(name).read_text(encoding="utf-8")} if name else {}
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"target.ca_file: {name} cannot be read: {error}", hint="give a PEM file") from error
    return dict(sorted(texts.items()))


def plan_told(scenario: Scenario, settings: Settings, where: str) -> str:
    """What is about to be done, for a person to read before it is."""
    pools = pools_of(scenario, settings.workers, settings.density)
    lines = [f"Run {settings.run} in namespace {settings.namespace} {where}, image {settings.image}:"]
    lines += [_told(pool, settings) for pool in pools]
    lines.append(f"  master: 1 pod, which writes to the volume surgecast-runs ({settings.storage})")
    if any(code not in settings.workers for code in scenario.regions):
        lines.append(
            f"  {settings.density.viewers:,} viewers a worker: measure yours with surgecast doctor --generator"
        )
    return "\n".join(lines)


def _told(pool: Pool, settings: Settings) -> str:
    nodes = ", ".join(f"{key}={value}" for key, value in settings.selectors.get(pool.region, {}).items())
    memory = pool.memory(settings.density) // 2**20
    workers = f"{pool.workers} worker" if pool.workers == 1 else f"{pool.workers} workers"
    return f"  {pool.region}: {workers} of 1 core and {memory} MiB, {pool.viewers:,} viewers each" + (
        f", on nodes with {nodes}" if nodes else ""
    )


def write_manifests(folder: Path, objects: list[Object]) -> None:
    """The files; InputError where they cannot be written. A file with a Secret is for its owner only."""
    texts = files_of(objects, note="Written by surgecast load --render: kubectl apply -k this folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            mode = 0o600 if name == "secret.yaml" else 0o644
            with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
                file.write(text)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}", hint="give another folder") from error


def load_on_kubernetes(
    scenario: Scenario, settings: Settings, asked: Asked, out: Path, *, every: float = LOOKS
) -> Path:
    """Run it in the cluster of the context that was named; the folder with the run."""
    objects = render_load(scenario, settings)
    kubectl = confirmed(asked.context, Kubectl(namespace=settings.namespace))
    click.echo(plan_told(scenario, settings, f"by context {asked.context}"), err=True)
    if not asked.attach:
        with tempfile.TemporaryDirectory() as folder:
            apply(kubectl, Path(folder), objects)
    code = _follow(kubectl, settings.run, pods_of(objects), out, every)
    if not fetch(kubectl, settings.run, out) or not (out / RUN_FILE).is_file():
        raise no_run(code, out)
    if asked.clean_up:
        clean_up(kubectl, settings.run)
    else:
        click.echo(f"The Jobs stay; delete them with: {_deletion(kubectl, settings.run)}", err=True)
    return out


def pods_of(objects: list[Object]) -> int:
    """How many pods the Jobs among some objects make."""
    return sum(one["spec"].get("parallelism", 1) for one in objects if one["kind"] == "Job")


def _follow(kubectl: Kubectl, run: str, pods: int, out: Path, every: float) -> int:
    """Wait for the run's end, and show its progress; the master's exit code."""
    following = Following(kubectl, run, lambda text: click.echo(f"Pods: {text}", err=True), every=every)
    try:
        if following.is_gone():
            return 0  # an old one, whose Jobs were deleted: its file may be there still
        following.until_running(pods)
        out.mkdir(parents=True, exist_ok=True)
        return following.until_ended(out / LOG)
    except KeyboardInterrupt as stopped:
        raise SurgecastError(
            f"no longer following: {run} goes on in the cluster",
            hint=f"follow it again with --attach {run}; end it with: {_deletion(kubectl, run)}",
        ) from stopped
    except SurgecastError:
        click.echo(f"The objects of {run} stay; delete them with: {_deletion(kubectl, run)}", err=True)
        raise


def apply(kubectl: Kubectl, folder: Path, objects: list[Object]) -> None:
    """Have the server try all objects, then apply them. An absent namespace is made first, to try them in."""
    name = kubectl.namespace
    apart = Kubectl(kubectl.context, program=kubectl.program)  # objects say their namespace themselves
    if apart("get", "namespace", name, "-o", "name").code:
        write_manifests(folder / "first", namespace_objects(name)[:1])
        click.echo(f"Making namespace {name} ...", err=True)
        _applied(apart, folder / "first")
    write_manifests(folder / "run", objects)
    _applied(apart, folder / "run", "--dry-run=server")
    click.echo(_applied(apart, folder / "run").strip(), err=True)


def _applied(kubectl: Kubectl, folder: Path, *more: str) -> str:
    words = ("apply", "--server-side", "--field-manager", MANAGER, *more, "-k", str(folder))
    answer = kubectl(*words)
    if answer.code:
        raise explained(answer, words)
    return answer.out


def clean_up(kubectl: Kubectl, run: str) -> None:
    """Delete what the run has of its own; the volume stays."""
    kubectl.asked("delete", KINDS, "--selector", f"{RUN}={run}", "--wait=false")
    click.echo(f"Deleted the Jobs of {run}; its file stays on the volume", err=True)


def _deletion(kubectl: Kubectl, run: str) -> str:
    return kubectl.shown("delete", KINDS, "-l", f"{RUN}={run}")
