"""Does density grow with ``--processes``: one process on one core, then two processes on two cores, twice the viewers.

What is compared is requests per core-second of the client, all of its processes (Locust's master too): with two of
them on two cores it must be nearly what one makes on one. Where there are three cores or more nginx keeps the last
for itself; where there are two it shares one of them, so the load is small enough to leave room for it, and a step
counts only when the client did all of the work in time.

``python -m benchmarks.processes [--json OUT] [--rounds 3] [--seconds 8] [--viewers 6000]``
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks.rig.bench import US, benching
from benchmarks.rig.machine import CLIENT_CORE, CORES
from benchmarks.rig.measured import DONE_HELD, Measured
from benchmarks.rig.report import HEAD, noise, options, ratio, spread, write
from benchmarks.rig.work import PER_VIEWER

WAYS: Final = {"one": (1, str(CLIENT_CORE)), "two": (2, f"{CLIENT_CORE},{CORES[1]}")}
"""How many processes, on which cores."""


def did_all(measured: Measured) -> bool:
    """Whether all of the work was done."""
    return not measured.errors and measured.requests >= measured.viewers * PER_VIEWER * DONE_HELD


def main() -> None:
    """Measure, print, write."""
    parser = options(__doc__, rounds=3, seconds=8)
    parser.add_argument("--viewers", type=int, default=6000, help="per process")
    chosen = parser.parse_args()
    found: dict[str, list[Measured]] = {way: [] for way in WAYS}
    with benching("processes", chosen.seconds) as bench:
        for number in range(chosen.rounds):
            print(f"round {number + 1}\n{HEAD}")
            for way in list(WAYS)[:: 1 if number % 2 == 0 else -1]:
                processes, core = WAYS[way]
                work = bench.work(US, (chosen.viewers * processes,), processes=processes, core=core)
                one = bench.once(work, verdict=f"{processes} on {processes}")
                found[way] += [one] if did_all(one) else []
    rates = {way: spread(one.per_core for one in rounds) for way, rounds in found.items()}
    efficiency = ratio(rates["two"], rates["one"])
    scaling = 2 * efficiency if efficiency else None
    print("\nrequests per core-second of the client:")
    for way, rate in rates.items():
        print(f"  {way}: {rate.text() if rate else 'never did all of the work: no figure'}")
    if scaling:
        print(f"  two cores carry {scaling:.2f} times what one carries, at this load")
    if len(CORES) == 2:
        print("  nginx shared one of the two cores: the limit of two full cores was not tried")
    print(noise(bench.all))
    figures: dict[str, Any] = {"viewers_per_process": chosen.viewers, "requests_per_core": rates, "scaling": scaling}
    write(chosen.json, "processes", figures, bench.all)


if __name__ == "__main__":
    main()
