"""Network namespaces, each with its own address on one bridge, an egress limit and a CPU quota; for root on Linux.

    generator ── bridge 10.199.S.254 ──┬─ veth ─ 10.199.S.1  tbf  (namespace 1, control group 1)
                                       └─ veth ─ 10.199.S.2  tbf  (namespace 2, control group 2)

Whoever ends us, `Net.close` takes all of it away; what a killed benchmark left behind, the next one sweeps: every name
carries the id of the process that made it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loadtests.errors import SurgecastError

TOOLS: Final = ("ip", "tc", "nginx")
CPU: Final = Path("/sys/fs/cgroup/cpu")
"""Control groups, version 1."""
PERIOD: Final = 100_000
"""Microseconds in which a quota is counted."""
SLOTS: Final = range(1, 100)
BURST_SECONDS: Final = 0.01
LEAST_BURST: Final = 16_000
"""Bytes: larger than a packet; what the kernel hands over in one piece beyond it is cut up."""
QUEUE: Final = "300ms"
"""Longest wait in front of the limit; what comes then is dropped, and TCP slows down."""
REAPED: Final = 3.0
"""Seconds that a killed process may take until its control group can be taken away."""
_OURS: Final = re.compile(r"surge-proof-(\d+)-\d+(?:-\d+)?")


def missing() -> str:
    """Why there can be no such nodes here, empty when there can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"needs {', '.join(absent)} on PATH"
    if not (CPU / "cpu.cfs_quota_us").exists():
        return f"needs control groups, version 1, at {CPU}"
    try:
        say("ip", "netns", "add", name := f"surge-proof-{os.getpid()}-0")
        say("ip", "netns", "del", name)
    except SurgecastError as error:
        return f"network namespaces cannot be made: {error.message}"
    return ""


def say(*words: object) -> str:
    """Run a tool; SurgecastError with what it said when it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise SurgecastError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


@dataclass(slots=True)
class Net:
    """The bridge and the namespaces on it."""

    slot: int
    made: list[str] = field(default_factory=list)
    """Namespaces."""

    @classmethod
    def open(cls) -> Net:
        """A bridge in the first free slot."""
        for slot in SLOTS:
            with suppress(SurgecastError):
                say("ip", "link", "add", _bridge(slot), "type", "bridge")
                net = cls(slot)
                try:
                    say("ip", "link", "set", _bridge(slot), "alias", f"surge-proof-{os.getpid()}-{slot}")
                    say("ip", "address", "add", f"10.199.{slot}.254/24", "dev", _bridge(slot))
                    say("ip", "link", "set", _bridge(slot), "up")
                except BaseException:
                    net.close()
                    raise
                return net
        raise SurgecastError("no free slot for a bridge", hint="ip link show type bridge")

    def node(self, egress: float | None, quota: float) -> Place:
        """A namespace with an address; ``egress`` in bit/s, ``quota`` in cores, 0 for no limit."""
        number = len(self.made) + 1
        name = f"surge-proof-{os.getpid()}-{self.slot}-{number}"
        say("ip", "netns", "add", name)
        self.made.append(name)
        address, outside = f"10.199.{self.slot}.{number}", f"sgp{self.slot}n{number}"
        with suppress(SurgecastError):
            say("ip", "link", "del", outside)  # a namespace that was taken away keeps its link for a moment
        say("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name)
        say("ip", "link", "set", outside, "master", _bridge(self.slot), "up")
        say("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
        say("ip", "-n", name, "link", "set", "lo", "up")
        say("ip", "-n", name, "link", "set", "eth0", "up")
        if egress is not None:
            burst = max(LEAST_BURST, round(egress / 8 * BURST_SECONDS))
            limit = ("tbf", "rate", f"{egress:.0f}bit", "burst", burst, "latency", QUEUE)
            say("tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", *limit)
        group = CPU / name
        group.mkdir()
        (group / "cpu.cfs_period_us").write_text(str(PERIOD), encoding="ascii")
        (group / "cpu.cfs_quota_us").write_text(str(round(quota * PERIOD) if quota else -1), encoding="ascii")
        return Place(name, address, group, outside)

    def close(self) -> None:
        """Take everything away; its processes have ended."""
        for name in self.made:
            _remove(name)
        with suppress(SurgecastError):
            say("ip", "link", "del", _bridge(self.slot))


@dataclass(frozen=True, slots=True)
class Place:
    """Where one node runs."""

    namespace: str
    address: str
    group: Path
    link: str
    """Its end outside of the namespace."""

    def sent(self, what: str) -> int:
        """``bytes`` or ``packets`` that have left it."""
        return int(Path(f"/sys/class/net/{self.link}/statistics/rx_{what}").read_text(encoding="ascii"))

    def command(self, words: Sequence[object]) -> list[str]:
        """``words`` inside the namespace and the control group."""
        enter = f'echo $$ > {self.group}/cgroup.procs && exec ip netns exec {self.namespace} "$@"'
        return ["sh", "-c", enter, "sh", *map(str, words)]


def sweep() -> None:
    """Take away what benchmarks that were killed have left."""
    for name in re.findall(r"^\S+", say("ip", "netns", "list"), re.MULTILINE):
        if (match := _OURS.fullmatch(name)) and not Path(f"/proc/{match[1]}").exists():
            for process in say("ip", "netns", "pids", name).split():
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            _remove(name)
    for group in CPU.glob("surge-proof-*"):
        if (match := _OURS.fullmatch(group.name)) and not Path(f"/proc/{match[1]}").exists():
            _remove(group.name)
    for alias in Path("/sys/class/net").glob("sgpb*/ifalias"):
        match = _OURS.fullmatch(alias.read_text(encoding="ascii").strip())
        if match and not Path(f"/proc/{match[1]}").exists():
            with suppress(SurgecastError):
                say("ip", "link", "del", alias.parent.name)


def _bridge(slot: int) -> str:
    return f"sgpb{slot}"


def _remove(name: str) -> None:
    with suppress(SurgecastError):
        say("ip", "netns", "del", name)
    group, deadline = CPU / name, time.monotonic() + REAPED
    while group.exists() and time.monotonic() < deadline:  # busy until the last process is reaped
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)
