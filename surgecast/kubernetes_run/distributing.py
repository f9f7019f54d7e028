"""A load run in parts: in a cluster, here, or only as files."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import click

from loadtests.errors import InputError
from loadtests.wiring.options import chosen_scenario, free_folder
from surgecast.kubernetes_run.asked import Asked
from surgecast.kubernetes_run.locally import run_locally
from surgecast.kubernetes_run.running import load_on_kubernetes, plan_told, settings_of, write_manifests
from surgecast.locust_run import LoadOptions, new_run_folder
from surgecast.manifests.load import render_load
from surgecast.manifests.settings import check
from surgecast.manifests.topology import pools_of


def distribute(source: str, options: LoadOptions, asked: Asked) -> Path | None:
    """Run it where it is asked for; the run's folder, None where only files were written."""
    _refuse(options, asked)
    scenario = chosen_scenario(
        Namespace(
            scenario=source,
            target=options.target,
            target_nodes=options.target_nodes,
            resolve=list(options.resolve),
            ca_file=options.ca_file,
            i_own_this_target=options.own,
            num_users=None,
        )
    )
    settings = settings_of(scenario, asked, run_time=options.run_time)
    if asked.render is not None:
        write_manifests(asked.render, render_load(scenario, settings))
        click.echo(plan_told(scenario, settings, "of whichever context you name"), err=True)
        click.echo(
            f"Written; nothing was sent. Apply it with: kubectl --context NAME apply -k {asked.render}", err=True
        )
        click.echo(asked.render)
        return None
    out = options.out or new_run_folder(scenario)
    if not asked.attach:
        free_folder(str(out))
    if asked.on_kubernetes:
        return load_on_kubernetes(scenario, settings, asked, out)
    check(scenario, settings)
    pools = pools_of(scenario, settings.workers, settings.density)
    more = ["--run-time", options.run_time] if options.run_time else []
    return run_locally(scenario, pools, out, [*more, *(["--run-fault-commands"] if options.run_fault_commands else [])])


def _refuse(options: LoadOptions, asked: Asked) -> None:
    """InputError for options that go with one process, or with one of the two places only."""
    if asked.on_kubernetes and asked.locally:
        raise InputError("--on-kubernetes and --locally: expected one of them", hint="leave one out")
    if not asked.on_kubernetes and not asked.locally:
        raise InputError(f"{asked.given[0]} goes with --on-kubernetes or --locally", hint="add one of them")
    given = {
        "--processes": options.processes,
        "--web": options.web,
        "--abort": options.abort,
        "--source-address": options.source_addresses,
        "--receive-buffer": options.receive_buffer,
        "--run-fault-commands": options.run_fault_commands and asked.on_kubernetes,
    }
    place = "--on-kubernetes" if asked.on_kubernetes else "--locally"
    if wrong := [name for name, value in given.items() if value]:
        raise InputError(f"{wrong[0]} does not go with {place}", hint="docs/kubernetes.md says what does")
    if not asked.on_kubernetes and (wrong := [one for one in asked.given if one != "--workers"]):
        raise InputError(f"{wrong[0]} goes with --on-kubernetes only", hint="add --on-kubernetes")
