"""What cannot fit into this machine is refused before any load, with numbers and a remedy; what may not fit is said."""

from __future__ import annotations

import math
import resource
import socket
from argparse import Namespace

import pytest

from loadtests.engine.names import Addresses
from loadtests.engine.request import Origin
from loadtests.errors import InputError
from loadtests.limits import (
    RESERVE,
    Limits,
    Load,
    Machine,
    Need,
    check,
    check_sources,
    limits_here,
    load_of,
    peak_of,
    raise_file_limit,
)
from loadtests.scenario import BUNDLED, read_scenario
from loadtests.wiring.options import machine_of

ORIGIN = Origin("http", "live.test", 80)
V4: Addresses = ((socket.AF_INET, ("192.0.2.1", 80)),)
TWO: Addresses = (*V4, (socket.AF_INET, ("192.0.2.2", 80)))
BOTH: Addresses = (*V4, (socket.AF_INET6, ("2001:db8::1", 80)))
PLENTY = Limits(math.inf, 10**9)


def load(viewers: int, processes: int = 1, addresses: Addresses = V4, origins: int = 1) -> Load:
    return Load(viewers, processes, tuple((ORIGIN._replace(port=80 + n), addresses) for n in range(origins)))


def refusal(wanted: Load, limits: Limits, machine: Machine = Machine()) -> InputError:  # noqa: B008 - it is frozen
    with pytest.raises(InputError) as caught:
        check(wanted, machine, limits)
    return caught.value


def test_what_fits_easily_is_not_spoken_of() -> None:
    assert check(load(100_000), Machine(), PLENTY) == []


def test_open_files_are_counted_per_process_and_host() -> None:
    limits = PLENTY._replace(files=1000 + RESERVE)
    assert check(load(500), Machine(), limits) == []
    assert check(load(2000, processes=4), Machine(), limits) == []
    for wanted in (load(1001), load(4004, processes=4), load(501, origins=2)):
        refused = refusal(wanted, limits)
        assert refused.exit_code == 2
        assert "a process here may have 1,100" in str(refused)
        assert "ulimit -n" in refused.hint
        assert "--processes" in refused.hint


def test_what_may_not_fit_when_the_target_gets_slow_is_said() -> None:
    (warning,) = check(load(900), Machine(), PLENTY._replace(files=1000 + RESERVE))
    assert "needs 1,000 open files (900 viewers per process" in warning
    assert "up to 1,900; see `ulimit -n 1900`" in warning


@pytest.mark.parametrize(
    ("addresses", "sources", "room"),
    [
        (V4, (), 1000),
        (TWO, (), 2000),
        (V4, ("10.0.0.1", "10.0.0.2", "10.0.0.3"), 3000),
        (TWO, ("10.0.0.1", "10.0.0.2"), 4000),
        (BOTH, ("10.0.0.1", "10.0.0.2"), 3000),
        (BOTH, ("::1", "10.0.0.1", "10.0.0.2"), 3000),
        ((), ("10.0.0.1",), 1000),
    ],
)
def test_local_ports_are_counted_for_each_pair_of_addresses(
    addresses: Addresses, sources: tuple[str, ...], room: int
) -> None:
    """Of one family: where none of ours is of an address's family, the system chooses one."""
    limits, machine = PLENTY._replace(ports=1000), Machine(sources)
    assert check(load(room // 2, addresses=addresses), machine, limits) == []
    (warning,) = check(load(room, addresses=addresses), machine, limits)
    assert f"up to {2 * room:,}" in warning
    refused = refusal(load(room + 1, addresses=addresses), limits, machine)
    assert f"needs {room + 1:,} local ports to live.test:80, this machine has {room:,}" in str(refused)
    assert "sysctl -w net.ipv4.ip_local_port_range" in refused.hint
    assert "--source-address" in refused.hint


def test_a_wider_range_is_no_advice_where_it_would_not_be_enough() -> None:
    assert "sysctl" not in refusal(load(100_000), PLENTY._replace(ports=1000)).hint


def test_where_the_ports_are_not_known_that_is_said() -> None:
    (note,) = check(load(10**6), Machine(), PLENTY._replace(ports=None))
    assert "not known on this system" in note


def test_the_limits_of_this_machine() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert raise_file_limit() == limits_here().files or before[1] == resource.RLIM_INFINITY
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    ports = limits_here().ports
    assert ports is None or 1 <= ports <= 65_535


def test_the_peak_is_the_plans() -> None:
    """A seeded process wavers around the shape's peak."""
    scenario = read_scenario(BUNDLED)
    top = max(scenario.surge.viewers(float(second)) for second in range(math.ceil(scenario.surge.duration)))
    assert 0.8 * top <= peak_of(scenario) <= 1.2 * top


def test_addresses_are_looked_up_as_the_engine_does() -> None:
    here = Origin("http", "127.0.0.1", 81)
    need = Need(100, (ORIGIN, here, here))
    found = load_of(need, processes=2, of=2, resolve=["live.test:80:192.0.2.1,192.0.2.2"])
    assert found.origins == ((ORIGIN, TWO), (here, ((socket.AF_INET, ("127.0.0.1", 81)),)))


@pytest.mark.parametrize(("processes", "of", "share"), [(1, 1, 100), (3, 3, 100), (1, 3, 34), (2, 6, 34)])
def test_a_machine_bears_its_processes_share(processes: int, of: int, share: int) -> None:
    assert load_of(Need(100), processes=processes, of=of).viewers == share


@pytest.mark.parametrize(
    ("source", "problem"),
    [("192.0.2.1", "this machine has no address 192.0.2.1"), ("localhost", "'localhost' is not a numeric address")],
)
def test_an_address_that_this_machine_does_not_have_is_refused(source: str, problem: str) -> None:
    check_sources(["127.0.0.1"])
    with pytest.raises(InputError, match=problem) as caught:
        check_sources(["127.0.0.1", source])
    assert caught.value.hint


def test_options_are_what_a_run_may_use() -> None:
    given = Namespace(source_address=["127.0.0.1", "127.0.0.1"], receive_buffer="64KiB")
    assert machine_of(given) == Machine(("127.0.0.1",), 65_536)
    assert machine_of(Namespace()) == machine_of(None) == Machine()


@pytest.mark.parametrize("text", ["64", "64 KB", "1B", "1000MB", "much"])
def test_a_size_that_is_none_or_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--receive-buffer: expected"):
        machine_of(Namespace(receive_buffer=text))
