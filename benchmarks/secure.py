"""TLS and HTTP/2: CPU per request at the same paced load, plaintext beside TLS, ours beside Locust's FastHttpUser.

Certificates are checked by both (a throwaway authority). Each client has a load that it holds in plaintext with room
to spare, and the same over TLS 1.3 with the same 20 KB segments; then closed loops of ours and wrk over TLS with
250 KB segments, where decryption is the cost. HTTP/2 is measured when our scenarios know it (``target.http: "2"``).

``python -m benchmarks.secure [--json OUT] [--rounds 2] [--seconds 8] [--ours 6000] [--fast 800] [--http 200]``
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks.rig import k6, ours, wrk
from benchmarks.rig.bench import CLIMBS, FAST, HTTP, US, Bench, Climb, benching
from benchmarks.rig.measured import DONE_HELD, Measured
from benchmarks.rig.report import HEAD, Spread, noise, options, ratio, spread, write
from benchmarks.rig.work import PER_VIEWER

RATE: Final = 250.0
"""Viewers a second that join: full handshakes are dear."""
CONNECTIONS: Final = 128
BULK: Final = "s250.ts 0"
WAYS: Final = {"plaintext": ("http", ""), "TLS": ("https", "")}
HTTP2: Final = {"HTTP/2": ("h2", "2")}
"""Which servers, and what our scenario says of HTTP."""


def paced(bench: Bench, client: str, viewers: int, way: str) -> Measured | None:
    """One client at its load, one way."""
    kind, http = {**WAYS, **HTTP2}[way]
    climb: Climb = k6.climb if client == "k6" else CLIMBS[client]
    work = bench.work(client, (viewers,), kind=kind, http=http, rate=RATE)
    measured = bench.once(work, climb, verdict=way)
    return measured if did_the_work(measured) else None


def did_the_work(measured: Measured) -> bool:
    """Whether what was due was done, and no more: what is more is left from the ramp."""
    due = measured.viewers * PER_VIEWER
    return not measured.errors and DONE_HELD * due <= measured.requests <= due / DONE_HELD


def bulk(bench: Bench, client: str) -> Measured:
    """One closed loop over TLS."""
    origin = bench.servers.origins("https", CONNECTIONS)[:1]
    work = bench.work(client, (CONNECTIONS,), kind="https", origins=origin, protocol="busy", segment=BULK)
    return bench.once(work, ours.climb if client == US else wrk.climb, verdict="TLS, 250 KB")


def tell(costs: dict[tuple[str, str], Spread | None]) -> dict[str, Any]:
    """Print what TLS and HTTP/2 cost; the ratios."""
    print("\nCPU per request, us:")
    for (client, way), spent in costs.items():
        print(f"  {client}, {way}: {spent.text() if spent else 'not measured'}")
    ratios: dict[str, float | None] = {}
    for client, way in costs:
        if way != "plaintext":
            ratios[f"{client}: {way} to plaintext"] = ratio(costs[client, way], costs[client, "plaintext"])
            ratios[f"{client} to {US}: {way}"] = ratio(costs[client, way], costs.get((US, way)))
    known = {what: by for what, by in ratios.items() if by and what != f"{US} to {US}: TLS"}
    print("ratios:", *(f"  {what}: {by:.2f}" for what, by in known.items()), sep="\n")
    return known


def main() -> None:
    """Measure, print, write."""
    parser = options(__doc__, rounds=2, seconds=8)
    parser.add_argument("--ours", type=int, default=6000, help="viewers of ours")
    parser.add_argument("--fast", type=int, default=800, help="viewers of FastHttpUser and of k6")
    parser.add_argument("--http", type=int, default=200, help="viewers of HttpUser")
    chosen = parser.parse_args()
    loads = {US: chosen.ours, FAST: chosen.fast, HTTP: chosen.http}
    if why := k6.why_absent():
        print(f"k6: skipped, {why}")
    else:
        loads["k6"] = chosen.fast
    pairs = [(client, way) for client in loads for way in WAYS]
    if ours.speaks_http2():
        pairs += [(US, way) for way in HTTP2]
    else:
        print("HTTP/2: skipped, our scenarios have no target.http")
    bulkers = [US] if wrk.why_absent() else [US, "wrk"]
    found: dict[tuple[str, str], list[Measured]] = {pair: [] for pair in pairs}
    full: dict[str, list[Measured]] = {client: [] for client in bulkers}
    with benching("secure", chosen.seconds) as bench:
        for number in range(chosen.rounds):
            print(f"round {number + 1}\n{HEAD}")
            for client, way in pairs[:: 1 if number % 2 == 0 else -1]:
                if (one := paced(bench, client, loads[client], way)) is not None:
                    found[client, way].append(one)
            for client in bulkers:
                full[client].append(bulk(bench, client))
    costs = {pair: spread(one.microseconds for one in rounds) for pair, rounds in found.items()}
    ratios = tell(costs)
    bits = {client: spread(one.gigabits_per_core for one in rounds) for client, rounds in full.items()}
    print("Gbit per core-second, TLS, 250 KB:", *(f"  {n}: {b.text('.1f')}" for n, b in bits.items() if b), sep="\n")
    print(noise(bench.all))
    cost_figures = {f"{client}, {way}": spent for (client, way), spent in costs.items()}
    figures = {"microseconds_per_request": cost_figures, "ratios": ratios, "gigabits_per_core_tls": bits}
    write(chosen.json, "secure", figures, bench.all)


if __name__ == "__main__":
    main()
