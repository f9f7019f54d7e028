"""Memory per idle connected viewer: 19,000 of them in one Locust process, each with its seat, player and connection.

Our memory is what the process holds privately (``smaps_rollup``, Private_Clean + Private_Dirty), from one viewer to
many: Python, Locust and our own code count once, and a viewer is what it adds. The kernel's part is apart: TCP
buffers (``/proc/net/sockstat``) and its small objects (Slab of ``/proc/meminfo``), of which sockets are most. Both
ends of each connection are on this machine, so those two are per connection with both of its ends.

``python -m benchmarks.memory [--json OUT] [--rounds 1] [--seconds 4] [--kind http|https]``
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks.rig.bench import US, Bench, benching
from benchmarks.rig.measured import Measured
from benchmarks.rig.report import HEAD, Spread, noise, options, spread, write

LEVELS: Final = (1, 5_000, 10_000, 19_000)


def per_viewer(climbed: list[Measured]) -> dict[str, float]:
    """Bytes that each viewer added, from the first level to the last."""
    first, last = climbed[0], climbed[-1]
    added = last.viewers - first.viewers
    names = ("private_bytes", "socket_buffer_bytes", "slab_bytes")
    return {name: (getattr(last, name) - getattr(first, name)) / added for name in names}


def climb(bench: Bench, kind: str) -> tuple[dict[str, float], int]:
    """What a viewer adds, and how many viewers there were."""
    climbed = bench.run(bench.work(US, LEVELS, kind=kind, protocol="idle"), verdict="")
    whole = [one.level for one in climbed] == list(LEVELS) and climbed[-1].viewers > LEVELS[-1] * 0.98
    if not whole or any(one.errors for one in climbed):
        raise RuntimeError("not all viewers are connected: no figure")
    for one in climbed:
        print(f"  {one.viewers:,} viewers: {one.private_bytes / 1e6:,.1f} MB private")
    return per_viewer(climbed), climbed[-1].viewers


def main() -> None:
    """Climb, print, write."""
    parser = options(__doc__, rounds=1, seconds=4)
    parser.add_argument("--kind", choices=("http", "https"), default="http")
    chosen = parser.parse_args()
    with benching("memory", chosen.seconds) as bench:
        print(HEAD)
        rounds = [climb(bench, chosen.kind) for _ in range(chosen.rounds)]
    found: dict[str, Spread | None] = {name: spread(one[name] / 1000 for one, _ in rounds) for name in rounds[0][0]}
    shown = {name: one.text(".2f") for name, one in found.items() if one}
    print(
        f"\n{rounds[0][1]:,} idle viewers in one Locust process, {chosen.kind}, KB (1000 bytes) per viewer:"
        f"\n  our process, Locust's user included: {shown['private_bytes']}"
        f"\n  kernel, both ends: {shown['socket_buffer_bytes']} in TCP buffers, {shown['slab_bytes']} in small objects"
    )
    print(noise(bench.all))
    figures: dict[str, Any] = {"kind": chosen.kind, "viewers": rounds[0][1], "kilobytes_per_viewer": found}
    write(chosen.json, "memory", figures, bench.all)


if __name__ == "__main__":
    main()
