"""Viewers per core: our engine inside Locust beside Locust's FastHttpUser, same work, same nginx, alternating rounds.

Work per viewer: a 1 KB playlist every 2 s and a 20 KB segment every 4 s over keep-alive HTTP/1.1 (0.75 requests/s).
A viewer count is *held* when the generator used under 90 % of its core, started requests less than 20 ms late at
p99, and made at least 98 % of the requests due. The client is pinned to one core, nginx to another.

``python -m benchmarks.density [--json OUT] [--rounds 3] [--seconds 8]``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.paced import PERIOD, SEGMENT
from loadtests.run import fold, run_file
from loadtests.sketch import merged

PORT = 9180
CPU_HELD, LAG_HELD, DONE_HELD = 0.90, 0.020, 0.98
LADDERS = {"surgecast": (4000, 8000, 12000, 15000, 17000), "FastHttpUser": (1000, 2000, 3000, 4000, 5000)}
"""Viewers tried. The highest of ours is what nginx carries with 20,000 descriptors: past 15/16 it closes idle ones."""
NGINX = """worker_processes 1; daemon off; pid nginx.pid; error_log stderr crit; worker_rlimit_nofile 20000;
events {{ worker_connections 19000; multi_accept on; }}
http {{ access_log off; keepalive_timeout 300s; keepalive_requests 10000000; sendfile on; tcp_nopush on;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  server {{ listen 127.0.0.1:{port} backlog=16384; root html; }} }}
"""


@dataclass(frozen=True, slots=True)
class Round:
    """One client at one viewer count."""

    client: str
    viewers: int
    cpu: float
    requests: float
    lag_p99: float
    errors: int

    @property
    def held(self) -> bool:
        """Whether the client did all of the work in time."""
        due = self.viewers * (1 / PERIOD + 1 / SEGMENT)
        return not self.errors and self.cpu < CPU_HELD and self.lag_p99 < LAG_HELD and self.requests >= due * DONE_HELD

    @property
    def microseconds(self) -> float:
        """CPU per request."""
        return self.cpu / self.requests * 1e6 if self.requests else float("nan")


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Serve the two files from the last core."""
    folder.chmod(0o755)  # nginx started by root serves as nobody
    html = folder / "html"
    html.mkdir()
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXT-X-MEDIA-SEQUENCE:1"]
    lines += [line for k in range(20) for line in ("#EXTINF:4.000,", f"segment-{k:08d}-of-the-live-stream.ts")]
    (html / "p.m3u8").write_text("\n".join(lines) + "\n", encoding="ascii")
    (html / "s.ts").write_bytes(os.urandom(20_000))
    (folder / "nginx.conf").write_text(NGINX.format(port=PORT), encoding="ascii")
    core = str(max(os.sched_getaffinity(0)))
    command = ["taskset", "-c", core, "nginx", "-p", str(folder), "-c", "nginx.conf"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        time.sleep(0.5)
        try:
            yield f"http://127.0.0.1:{PORT}"
        finally:
            server.terminate()


def run(client: str, viewers: int, url: str, folder: Path, seconds: float) -> Round:
    """One round of one client."""
    out = folder / f"{client}-{viewers}-{time.monotonic_ns()}"
    locustfile = {"surgecast": "density_ours.py", "FastHttpUser": "density_fast.py"}[client]
    environment = {
        **os.environ,
        "DENSITY_URL": url,
        "DENSITY_VIEWERS": str(viewers),
        "DENSITY_SECONDS": str(seconds),
        "DENSITY_OUT": str(out),
    }
    users = [] if client == "surgecast" else ["-u", str(viewers), "-r", str(viewers), "-t", "300s"]
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-m", "locust"]
    command += ["-f", str(Path(__file__).with_name(locustfile)), "--headless", "--only-summary", *users]
    subprocess.run(command, env=environment, check=False, capture_output=True, timeout=300)
    return READERS[client](viewers, out, seconds)


def read_ours(_: int, out: Path, seconds: float) -> Round:
    """The steady seconds of our own run file."""
    found = fold(str(out), _lines(out))
    peak = next(phase for phase in found.header.phases if phase.name == "peak")
    steady = range(int(peak.start), int(peak.start + seconds))
    windows = [window for window in found.windows if window.at in steady]
    health = [line for line in found.generators if line.at in steady]
    present = sum(window.players.viewers for window in windows) / len(steady)  # arrivals are Poisson: not exact
    return Round(
        "surgecast",
        round(present),
        statistics.fmean(line.cpu for line in health),
        sum(kind.count for window in windows for kind in window.requests.values()) / len(steady),
        merged(line.lag for line in health).quantile(0.99),
        sum(kind.failed for window in windows for kind in window.requests.values()),
    )


def _lines(out: Path) -> Iterator[str]:
    """The run's lines; its header names the benchmark's own protocol, which no reader knows, so it says hls here."""
    first, *rest = run_file(out).read_text(encoding="utf-8").splitlines(keepends=True)
    header = json.loads(first)
    header["scenario"]["stream"] = "hls"
    yield json.dumps(header) + "\n"
    yield from rest


def read_fast(viewers: int, out: Path, _: float) -> Round:
    """What the FastHttpUser locustfile measured of itself."""
    figures = json.loads(out.read_text(encoding="utf-8"))
    return Round("FastHttpUser", viewers, figures["cpu"], figures["requests"], figures["lag_p99"], figures["errors"])


READERS: dict[str, Callable[[int, Path, float], Round]] = {"surgecast": read_ours, "FastHttpUser": read_fast}


def climb(url: str, folder: Path, seconds: float) -> Iterator[Round]:
    """Both clients up their ladders in turn, each until it no longer holds."""
    falling: set[str] = set()
    for steps in zip(*LADDERS.values(), strict=True):
        for client, viewers in zip(LADDERS, steps, strict=True):
            if client not in falling:
                result = run(client, viewers, url, folder, seconds)
                print(row(result), flush=True)
                yield result
                if not result.held:
                    falling.add(client)


def row(result: Round) -> str:
    """A line of the table."""
    verdict = "held" if result.held else "not held"
    return (
        f"{result.client:<14}{result.viewers:>8,}{result.requests:>10,.0f}{result.cpu:>7.2f}"
        f"{result.microseconds:>8.0f}{result.lag_p99 * 1000:>9.1f}{result.errors:>8}  {verdict}"
    )


def top(rounds: list[Round], client: str) -> Round:
    """The round of one climb with the most viewers that a client held; its first round when it held none."""
    mine = [r for r in rounds if r.client == client]
    return max((r for r in mine if r.held), key=lambda r: r.viewers, default=mine[0])


def summarise(climbs: list[list[Round]]) -> dict[str, Any]:
    """Medians over the climbs: viewers held, CPU per request there, and the ratios."""
    tops = {client: [top(rounds, client) for rounds in climbs] for client in LADDERS}
    held = {client: statistics.median(r.viewers for r in rounds) for client, rounds in tops.items()}
    cost = {client: statistics.median(r.microseconds for r in rounds) for client, rounds in tops.items()}
    ratio, cheaper = held["surgecast"] / held["FastHttpUser"], cost["FastHttpUser"] / cost["surgecast"]
    text = (
        f"\nheld on one core: surgecast {held['surgecast']:,.0f}, FastHttpUser {held['FastHttpUser']:,.0f}: "
        f"{ratio:.1f} times"
        f"\nCPU per request there: surgecast {cost['surgecast']:.0f} us, FastHttpUser {cost['FastHttpUser']:.0f} us: "
        f"{cheaper:.1f} times cheaper"
    )
    return {"held": held, "microseconds_per_request": cost, "ratio_held": ratio, "ratio_cost": cheaper, "text": text}


def main() -> None:
    """Climb, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    if shutil.which("nginx") is None or len(os.sched_getaffinity(0)) < 2:
        sys.exit("density: needs nginx on PATH and two cores")
    print(f"{'client':<14}{'viewers':>8}{'req/s':>10}{'CPU':>7}{'us/req':>8}{'lag p99':>9}{'errors':>8}")
    with tempfile.TemporaryDirectory() as name, nginx(Path(name)) as url:
        climbs = [list(climb(url, Path(name), options.seconds)) for _ in range(options.rounds)]
    summary = summarise(climbs)
    print(summary["text"])
    if options.json:
        figures = {
            "benchmark": "density",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
            "python": platform.python_version(),
            **summary,
            "rounds": [asdict(r) for rounds in climbs for r in rounds],
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
