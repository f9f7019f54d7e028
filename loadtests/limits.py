"""What this machine allows a run, checked before any load: open files per process, local ports per destination.

A run that runs out of either measures its generator. So the peak of the plan is held against the limits first: what
cannot fit is refused with the numbers and the command that helps, what may not fit is said.
"""

from __future__ import annotations

import errno
import math
import resource
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from loadtests.arrivals import Headcount, arrivals
from loadtests.engine.channel import open_socket
from loadtests.engine.names import Addresses, Lookup, Names, literal, system_lookup
from loadtests.engine.request import Origin
from loadtests.errors import InputError
from loadtests.scenario import Scenario

USUAL: Final = 1
"""Connections of one viewer to one origin, measured with an HLS player against an origin that keeps up."""
MOST: Final = 2
"""The same while a playlist and a segment are both under way, as they are when the target gets slow."""
RESERVE: Final = 100
"""Open files beside the viewers' connections: Locust, its log and web UI, the run file (counted: 20 to 40)."""
PORTABLE: Final = 10_240
"""OPEN_MAX of macOS, which refuses a higher soft limit where the hard one is unlimited."""
PORT_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
RESERVED_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
ALL_PORTS: Final = 65_535 - 1_024 + 1
"""What the widest range gives: "1024 65535"."""


class Machine(NamedTuple):
    """What a run may use of the machine it is driven from; each machine of a run has its own."""

    sources: tuple[str, ...] = ()
    """Addresses to connect from, in turn; the system chooses where there are none."""
    receive_buffer: int = 0
    """Bytes that the kernel may keep for a connection (SO_RCVBUF); 0 to leave it to the system."""


HERE: Final = Machine()


class Limits(NamedTuple):
    """What the system allows."""

    files: float
    """Open files per process; inf where there is no limit."""
    ports: int | None
    """Local ports for connections from one address to one address and port; None where that is not known."""


class Need(NamedTuple):
    """What a run asks of all its machines together at its peak; of none, where that was not worked out."""

    viewers: int = 0
    origins: tuple[Origin, ...] = ()
    """Where they connect to, as the look at the target has found."""
    parts: tuple[float, ...] = ()
    """The share of the viewers that connects to each origin; all of them to each where there is none."""


NOTHING: Final = Need()


class Load(NamedTuple):
    """What a run asks of one machine at its peak."""

    viewers: int
    """Present at the same time, on this machine."""
    processes: int
    """That share them."""
    origins: tuple[tuple[Origin, Addresses], ...]
    """Where they connect to, with the addresses behind it."""
    parts: tuple[float, ...] = ()
    """The share of the viewers that connects to each origin; all of them to each where there is none."""


def raise_file_limit() -> float:
    """Raise the soft limit of open files to the hard one; the limit now in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (hard, PORTABLE):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (ValueError, OSError):
            continue
        return math.inf if limit == resource.RLIM_INFINITY else limit
    return soft


def limits_here() -> Limits:
    """The limits of the machine and process that ask, once `raise_file_limit` has been called."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return Limits(math.inf if hard == resource.RLIM_INFINITY else hard, _ports())


def _ports() -> int | None:
    try:
        low, high = map(int, PORT_RANGE.read_text(encoding="ascii").split())
        reserved = RESERVED_PORTS.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    kept = sum(1 for port in _listed(reserved) if low <= port <= high)
    return max(high - low + 1 - kept, 1)


def _listed(text: str) -> Iterable[int]:
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def check_sources(sources: Iterable[str]) -> None:
    """InputError for an address that is none, or that this machine does not have."""
    for source in sources:
        try:
            family = literal(source, 0)[0]
        except ValueError as error:
            raise InputError(f"--source-address: {error}", hint="give a numeric address of this machine") from error
        try:
            open_socket(family, source).close()
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL):
                raise
            raise InputError(
                f"--source-address: this machine has no address {source}",
                hint="`ip address` lists them, `ip address add ADDRESS/32 dev lo` adds one; the target must route back",
            ) from error


def peak_of(scenario: Scenario) -> int:
    """The most viewers that the plan has present in any second."""
    present = Headcount(arrivals(scenario))
    return max(present.at(float(second)) for second in range(math.ceil(scenario.surge.duration) + 1))


def load_of(need: Need, *, processes: int, of: int, resolve: Iterable[str] = ()) -> Load:
    """The load of a machine that has ``processes`` ``of`` all that share the need; ``resolve`` are overrides."""
    names = Names(resolve)
    found = tuple((origin, _addresses(names, origin)) for origin in dict.fromkeys(need.origins))
    viewers = math.ceil(need.viewers / of) * processes if of > processes else need.viewers
    return Load(viewers, processes, found, need.parts)


def _addresses(names: Names, origin: Origin, lookup: Lookup = system_lookup) -> Addresses:
    known = names.known(origin.host, origin.port)
    if known is not None:
        return known
    try:
        return lookup(origin.host, origin.port)
    except (OSError, ValueError):
        return ()  # the look at the target has said so, or the requests will


def check(load: Load, machine: Machine, limits: Limits) -> list[str]:
    """Warnings, one a line, where the peak may not fit; InputError where it cannot."""
    if not load.viewers:
        return []
    warnings = _check_files(load, limits)
    if limits.ports is None:
        return [*warnings, "the range of local ports is not known on this system, so it was not checked"]
    parts = load.parts or (1.0,) * len(load.origins)
    for (origin, addresses), part in zip(load.origins, parts, strict=True):
        there = load._replace(viewers=math.ceil(load.viewers * part))
        warnings += _check_ports(there, origin, addresses, machine, limits.ports)
    return warnings


def _check_files(load: Load, limits: Limits) -> list[str]:
    share = math.ceil(load.viewers / load.processes)
    each_opens = sum(load.parts) if load.parts else len(load.origins)
    usual, most = (math.ceil(share * each * each_opens) + RESERVE for each in (USUAL, MOST))
    counted = f"{share:,} viewers per process, {_hosts(math.ceil(each_opens))}, {RESERVE} beside them"
    found = f"the peak needs {{needed:,}} open files ({counted}), a process here may have {limits.files:,}"
    more = max(math.ceil(load.viewers * MOST * each_opens / max(limits.files - RESERVE, 1)), 2)
    if usual > limits.files:
        raise InputError(
            found.format(needed=usual), hint=f"`ulimit -n {most}` as root before it, or --processes {more} (or more)"
        )
    if most > limits.files:
        return [f"{found.format(needed=usual)}: when the target gets slow, up to {most:,}; see `ulimit -n {most}`"]
    return []


def _hosts(count: int) -> str:
    return "a connection each" if count == 1 else f"a connection to each of {count} hosts"


def _check_ports(load: Load, origin: Origin, addresses: Addresses, machine: Machine, ports: int) -> list[str]:
    pairs = sum(max(sum(_is_for(family, source) for source in machine.sources), 1) for family, _ in addresses) or 1
    room = pairs * ports
    usual, most = load.viewers * USUAL, load.viewers * MOST
    found = (
        f"the peak needs {usual:,} local ports to {origin.host}:{origin.port}, this machine has {room:,} "
        f"({ports:,} for each of {pairs} pairs of its and the target's addresses)"
    )
    if usual > room:
        raise InputError(found, hint=_more_ports(usual, pairs, ports, len(machine.sources)))
    if most > room:
        more = _more_ports(most, pairs, ports, len(machine.sources))
        return [f"{found}: when the target gets slow, up to {most:,}; {more}"]
    return []


def _is_for(family: int, source: str) -> bool:
    return (":" in source) == (family == socket.AF_INET6)


def _more_ports(needed: int, pairs: int, ports: int, sources: int) -> str:
    """What gives so many ports."""
    wider = '`sysctl -w net.ipv4.ip_local_port_range="1024 65535"`'
    each = max(pairs // max(sources, 1), 1) * ports
    spread = f"--source-address for each of {math.ceil(needed / each)} addresses of this machine"
    helps = ports < ALL_PORTS and needed <= pairs * ALL_PORTS
    return f"{wider}, or {spread}" if helps else f"{spread}, or more machines"
