"""Whom one process may ask, and how it gets there: the targets of all regions that it carries, in one `Reach`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loadtests.engine.loop import Reach
from loadtests.engine.names import Addresses, read_overrides
from loadtests.errors import InputError
from loadtests.limits import HERE, Machine
from loadtests.scenario import Scenario
from loadtests.target import Target


def reach_of(target: Target, machine: Machine = HERE) -> Reach:
    """How a process reaches one target."""
    http2 = target.http == "2"
    return Reach(target.resolve, target.ca_file, target.claimed_hosts, http2, **machine._asdict())


def reach_of_all(scenario: Scenario, regions: Iterable[str], machine: Machine = HERE, stride: int = 1) -> Reach:
    """How a process reaches the targets of some regions; InputError where it could not tell two of them apart."""
    targets = {region: scenario.targets[region] for region in regions}
    hosts = frozenset[str]().union(*(target.claimed_hosts for target in targets.values()))
    files = tuple(dict.fromkeys(target.ca_file for target in targets.values()))
    first, *others = files or (scenario.target.ca_file,)
    return reach_of(scenario.target, machine)._replace(
        resolve=_overrides(targets), ca_file=first, more_ca_files=tuple(others), hosts=hosts, stride=stride
    )


def _overrides(targets: Mapping[str, Target]) -> tuple[str, ...]:
    known: dict[tuple[str, int], tuple[str, Addresses]] = {}
    for region, target in targets.items():
        for (host, port), addresses in read_overrides(target.resolve).items():
            first, there = known.setdefault((host, port), (region, addresses))
            if there != addresses:
                raise InputError(
                    f"regions.{region}.target.resolve: {host}:{port} has other addresses than for {first}, "
                    "and one worker would carry both",
                    hint="give each region workers of its own (--region-label), or a host name of its own",
                )
    for region, target in targets.items():
        own = read_overrides(target.resolve)
        for (host, port), (first, _) in known.items():
            if host in target.claimed_hosts and (host, port) not in own:
                raise InputError(
                    f"regions.{first}.target.resolve: {host}:{port} is overridden there and not for {region}, "
                    "and one worker would carry both",
                    hint="give each region workers of its own (--region-label), or override it for all of them",
                )
    return tuple(dict.fromkeys(text for target in targets.values() for text in _effective(target)))


def _effective(target: Target) -> Iterable[str]:
    """Of two overrides of one host the later one counts."""
    return {tuple(text.lower().split(":", 2)[:2]): text for text in target.resolve}.values()
