"""Joins per second and core: viewers who connect, watch as in the reference work for 4 s on average, and leave.

At each step so many viewers join and as many leave each second, over plaintext or TLS 1.3. A rate is held when the
client used under 90 % of its core, acted less than 20 ms late at p99, made 98 % of the joins planned (arrivals are
Poisson, so their noise is allowed for), and had no error.

Handshakes: a closed loop of 64 viewers for whom nginx closes the connection after each request, over plaintext, over
TLS with full handshakes, and over TLS with sessions resumed; nginx's log tells which they were. A handshake's cost is
the CPU per request beyond that of the plain one.

``python -m benchmarks.joins [--json OUT] [--rounds 2] [--seconds 4]``
"""

from __future__ import annotations

import math
from typing import Any, Final

from benchmarks.rig.bench import US, Bench, benching
from benchmarks.rig.measured import CPU_HELD, LAG_HELD, Measured
from benchmarks.rig.report import HEAD, Spread, noise, options, spread, write

STAY: Final = 4.0
"""Mean seconds of a visit: long enough for a playlist, a segment, two reloads; short enough for many joins."""
RATES: Final = {"http": (1000, 1500, 2000, 2500, 3000, 3500, 4000), "https": (250, 500, 1000, 1500, 2000)}
"""Joins a second tried; at the highest, so many viewers are there as a process has descriptors for."""
SIGMAS: Final = 3.0
CONNECTIONS: Final = 64
WAYS: Final = ("http-close", "full", "resume")


def is_held(measured: Measured, planned: float) -> bool:
    """Whether all who were to join joined in time."""
    noise_allowed = SIGMAS * math.sqrt(planned * measured.seconds) / measured.seconds
    enough = measured.joins >= 0.98 * planned - noise_allowed
    return enough and measured.cpu < CPU_HELD and measured.lag_p99 < LAG_HELD and not measured.errors


def climb(bench: Bench, kind: str) -> list[tuple[int, Measured]]:
    """(joins a second planned, what came of it) of each step."""
    levels = tuple(round(rate * STAY) for rate in RATES[kind])
    work = bench.work(US, levels, kind=kind, stay=STAY, rate=levels[0] / STAY)
    climbed = bench.run(work, verdict="")
    steps = [(round(one.level / STAY), one) for one in climbed]
    for rate, one in steps:
        verdict = "held" if is_held(one, rate) else "not held"
        each = f"{one.cpu / one.joins * 1e6:.0f} us of CPU each with its visit" if one.joins else "no CPU to tell"
        print(f"  {kind} {rate:,} joins/s planned: {one.joins:,.0f} made, {each}, {verdict}")
    return steps


def handshakes(bench: Bench, way: str) -> Measured:
    """One closed loop with a connection for each request."""
    origin = bench.servers.origins(way, CONNECTIONS)[:1]
    bench.servers.handshakes(way)
    work = bench.work(US, (CONNECTIONS,), kind=way, origins=origin, protocol="busy", segment="- 1")
    measured = bench.once(work, verdict=way)
    full, resumed = bench.servers.handshakes(way)
    if way == "resume" and resumed < 0.9 * (full + resumed):
        raise RuntimeError(f"only {resumed:,} of {full + resumed:,} handshakes were resumed: no figure")
    if way == "full" and resumed:
        raise RuntimeError(f"{resumed:,} handshakes were resumed that should have been full: no figure")
    return measured


def tell(held: dict[str, Spread | None], cost: dict[str, Spread | None]) -> dict[str, Any]:
    """Print the summary; its figures."""
    print("\njoins a second held on one core:")
    for kind, rates in held.items():
        print(f"  {kind}: {rates.text() if rates else 'none'}")
    figures: dict[str, Any] = {"joins_per_second_held": held, "microseconds_per_connection": cost}
    plain = cost["http-close"]
    for way in ("full", "resume"):
        spent = cost[way]
        if spent and plain:
            each = spent.median - plain.median
            figures[f"microseconds_per_handshake_{way}"] = each
            print(f"  TLS handshake, {way}: {each:,.0f} us of CPU more than a plaintext connection;", end=" ")
            print(f"{1e6 / spent.median:,.0f} connections per core-second (plaintext {1e6 / plain.median:,.0f})")
    return figures


def main() -> None:
    """Climb, print, write."""
    chosen = options(__doc__, rounds=2, seconds=4).parse_args()
    joins: dict[str, list[float]] = {kind: [] for kind in RATES}
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    with benching("joins", chosen.seconds) as bench:
        for number in range(chosen.rounds):
            print(f"round {number + 1}\n{HEAD}")
            for kind, found in joins.items():
                steps = climb(bench, kind)
                found.append(max((one.joins for rate, one in steps if is_held(one, rate)), default=0.0))
            for way in WAYS:
                costs[way].append(handshakes(bench, way).microseconds)
    held = {kind: spread(found) for kind, found in joins.items()}
    figures = tell(held, {way: spread(found) for way, found in costs.items()})
    print(noise(bench.all))
    write(chosen.json, "joins", figures, bench.all)


if __name__ == "__main__":
    main()
