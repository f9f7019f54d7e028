"""Viewers per core: us, Locust's FastHttpUser and HttpUser, wrk and k6 where present; same nginx, alternating rounds.

*Paced*: every viewer reloads a 1 KB playlist every 2 s and fetches a 20 KB segment every 4 s over keep-alive HTTP/1.1
(0.75 requests/s). A number of viewers is *held* when the client's processes together used under 90 % of a core,
started requests less than 20 ms late at p99, made at least 98 % of those due, and had no error. Each client climbs
once in wide steps, then in each round in steps of 4 to 5 % near what it held. Ours is one Locust process per 18,000
viewers, FastHttpUser is one process, or one per 900 viewers if that holds more: all of them on one core.

*Closed loop*: 128 connections that never wait, against wrk on one thread: two playlists and a 20 KB segment in turn,
and 250 KB segments alone. Figures are per core-second that the client used.

nginx has the last core. Where its core was over 95 % busy, a figure is a lower bound, and said to be.

``python -m benchmarks.density [--json OUT] [--rounds 2] [--seconds 4] [--only paced|closed]``
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from benchmarks.rig import k6, ours, search, users, wrk
from benchmarks.rig.bench import FAST, HTTP, RATES, US, Bench, benching
from benchmarks.rig.measured import Measured
from benchmarks.rig.report import HEAD, Spread, noise, options, ratio, spread, write
from benchmarks.rig.servers import Servers, most_viewers
from benchmarks.rig.work import Work

CONNECTIONS: Final = 512
MIXES: Final = {"mix": "s20.ts 2", "250 KB": "s250.ts 0"}
"""Closed loops: which segment, how many playlists before each."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client in the paced rounds."""

    name: str
    climb: Callable[[Work, Servers], list[Measured]]
    start: int
    """Viewers it surely holds on any machine of these days; the search goes lower if not."""
    rate: float
    """Viewers a second that join in the first ramp: a sixth of what it takes, or less."""
    most: int
    processes: Callable[[int], int] = lambda _: 1


CLIENTS: Final = (
    Client(US, ours.climb, 14_000, RATES[US], most_viewers(), ours.processes_for),
    Client(FAST, users.climb, 1800, RATES[FAST], 20_000),
    Client(f"{FAST}, forked", users.climb, 1800, RATES[FAST], 20_000, lambda viewers: -(-viewers // users.FEW)),
    Client(HTTP, users.climb, 400, RATES[HTTP], 20_000),
    Client("k6", k6.climb, 1500, RATES[FAST], 20_000),
)


def climb(bench: Bench, client: Client, levels: tuple[int, ...], rate: float = 0.0) -> list[Measured]:
    """One climb of one client at the paced work; ``rate`` is joins a second in the first ramp."""
    work = bench.work(client.name, levels, rate=rate or client.rate, processes=client.processes(levels[-1]))
    return bench.run(work, client.climb)


def loop(bench: Bench, name: str, segment: str) -> Measured:
    """One closed loop of ours or of wrk, at one server process."""
    origin = bench.servers.origins("http", CONNECTIONS)[:1]
    work = bench.work(name, (CONNECTIONS,), origins=origin, protocol="busy", segment=segment)
    return bench.once(work, ours.climb if name == US else wrk.climb, verdict="")


def find_levels(bench: Bench) -> dict[Client, int]:
    """What each client held in a coarse climb; of both kinds of FastHttpUser only the better one."""
    levels: dict[Client, int] = {}
    for client in CLIENTS:
        if client.name == "k6" and (why := k6.why_absent()):
            print(f"k6: skipped, {why}")
            continue
        held = search.best(search.coarse(partial(climb, bench, client), client.start, client.most))
        levels[client] = held.viewers if held else 0
    fast = [client for client in levels if client.name.startswith(FAST)]
    worse = min(fast, key=lambda client: levels[client])
    return {client: level for client, level in levels.items() if level and client is not worse}


def paced(bench: Bench, rounds: int) -> tuple[dict[str, Any], str]:
    """The paced rounds: figures and a text."""
    print(f"paced, 20 KB segments; how far does each climb?\n{HEAD}")
    levels = find_levels(bench)
    everyday = next((level for client, level in levels.items() if client.name.startswith(FAST)), 0)
    tops: dict[str, list[Measured]] = {client.name: [] for client in levels}
    at_common: list[Measured] = []
    for number in range(rounds):
        print(f"round {number + 1}, {everyday:,} viewers for CPU at a common load, then 4 to 5 % a step\n{HEAD}")
        for client in list(levels)[:: 1 if number % 2 == 0 else -1]:
            first = everyday if client.name == US and levels[client] > everyday * 1.5 else 0
            climbed = search.fine(partial(climb, bench, client), levels[client], client.most, first)
            at_common += climbed[:1] if first else []
            if (top := search.best(climbed)) is not None:
                tops[client.name].append(top)
    return told_paced(tops, at_common)


def level(text: str) -> tuple[Client, int]:
    """``CLIENT=VIEWERS``."""
    name, _, viewers = text.rpartition("=")
    return next(client for client in CLIENTS if client.name == name), int(viewers)


def at_levels(bench: Bench, rounds: int, levels: list[tuple[Client, int]], rate: float) -> tuple[dict[str, Any], str]:
    """Each client at a number of viewers of its own, alternating, a process started anew each time."""
    print(f"paced, 20 KB segments, each at a level of its own\n{HEAD}")
    tops: dict[str, list[Measured]] = {client.name: [] for client, _ in levels}
    for number in range(rounds):
        for client, viewers in levels[:: 1 if number % 2 == 0 else -1]:
            tops[client.name] += [one for one in climb(bench, client, (viewers,), rate) if one.held]
    return told_paced(tops, [])


def told_paced(tops: dict[str, list[Measured]], at_common: list[Measured]) -> tuple[dict[str, Any], str]:
    """Medians, ranges and ratios of what was held."""
    held = {name: spread(one.viewers for one in mine) for name, mine in tops.items()}
    cost = {name: spread(one.microseconds for one in mine) for name, mine in tops.items()}
    common = spread(one.microseconds for one in at_common)
    ratios = {name: ratio(held.get(US), held[name]) for name in held if name != US}
    cheaper = {name: ratio(cost[name], common or cost.get(US)) for name in cost if name != US}
    lines = ["", "held on one core, CPU per request there:"]
    for name, viewers in held.items():
        if viewers is None or (spent := cost[name]) is None:
            lines.append(f"  {name}: nothing held")
            continue
        bound = ", nginx's core was full: a lower bound" if any(one.is_bound for one in tops[name]) else ""
        times = f"; surgecast {ratios[name]:.1f} times as many" if ratios.get(name) else ""
        lines.append(f"  {name}: {viewers.text()} viewers, {spent.text()} us{times}{bound}")
    if common:
        lines.append(f"  surgecast at {at_common[0].viewers:,} viewers: {common.text()} us")
        lines += [f"    {name} costs {by:.1f} times that" for name, by in cheaper.items() if by and FAST in name]
    figures = {
        "held": held,
        "microseconds_per_request": cost,
        "microseconds_per_request_at_common_load": common,
        "ratio_held": ratios,
        "ratio_cost_at_common_load": cheaper,
    }
    return figures, "\n".join(lines)


def closed(bench: Bench, rounds: int) -> tuple[dict[str, Any], str]:
    """The closed loops: figures and a text."""
    clients = [US]
    if why := wrk.why_absent():
        print(f"wrk: skipped, {why}")
    else:
        clients.append("wrk")
    found: dict[tuple[str, str], list[Measured]] = {(mix, name): [] for mix in MIXES for name in clients}
    for mix, segment in MIXES.items():
        print(f"closed loop, {mix}, {CONNECTIONS} connections\n{HEAD}")
        for number in range(rounds):
            for name in clients[:: 1 if number % 2 == 0 else -1]:
                found[mix, name].append(loop(bench, name, segment))
    lines, figures = ["", "closed loop, per core-second of the client:"], {}
    for mix in MIXES:
        rates: dict[str, Spread | None] = {n: spread(m.per_core for m in found[mix, n]) for n in clients}
        bits = {n: spread(m.gigabits_per_core for m in found[mix, n]) for n in clients}
        by = ratio(rates[US], rates.get("wrk"))
        figures[mix] = {"requests_per_core": rates, "gigabits_per_core": bits, "ratio_to_wrk": by}
        for name in clients:
            a, b = rates[name], bits[name]
            bound = ", nginx's core was full" if any(m.is_bound for m in found[mix, name]) else ""
            lines.append(
                f"  {mix}, {name}: {a.text() if a else '-'} requests, {b.text('.1f') if b else '-'} Gbit{bound}"
            )
        lines += [f"  {mix}: surgecast reaches {by:.0%} of wrk"] if by else []
    return figures, "\n".join(lines)


def main() -> None:
    """Climb, print, write."""
    parser = options(__doc__, rounds=2, seconds=4)
    parser.add_argument("--only", choices=("paced", "closed"))
    parser.add_argument(
        "--at", action="append", type=level, metavar="CLIENT=VIEWERS", help="instead of climbs, this level; repeatable"
    )
    parser.add_argument(
        "--joins", type=float, default=0.0, metavar="RATE", help="with --at: joins a second in the ramp"
    )
    chosen = parser.parse_args()
    levels = {"paced": partial(at_levels, levels=chosen.at, rate=chosen.joins)}
    parts = levels if chosen.at else {"paced": paced, "closed": closed}
    figures: dict[str, Any] = {}
    texts = []
    with benching("density", chosen.seconds) as bench:
        for name, part in parts.items():
            if chosen.only in (None, name):
                figures[name], text = part(bench, chosen.rounds)
                texts.append(text)
    print("\n".join(texts), noise(bench.all), sep="\n")
    write(chosen.json, "density", figures, bench.all)


if __name__ == "__main__":
    main()
