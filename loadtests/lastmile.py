"""The last mile of one viewer, and what it delivers second by second. Pure: no I/O, no clock.

The engine paces reads by it, virtual time reckons with it, and both see the same seconds, for all of it follows from
the seed. Nothing is stored of the seconds to come: each is worked out from the seed and its number.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from datetime import UTC, timedelta
from itertools import accumulate
from statistics import NormalDist
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from loadtests.cities import atlas
from loadtests.region import Access, load_region
from loadtests.scenario import Audience, Cohort, Scenario
from loadtests.session import Viewer


class LastMile(NamedTuple):
    """The access network of one viewer, as drawn for it before the run. Bits per second, seconds, shares."""

    rate: float
    """Typical throughput of this viewer during the event: between users it varies, and with the hour."""
    rtt: float
    """Round trip to the chosen point of presence: access and path."""
    jitter: float = 0.0
    """Standard deviation of the round trip from request to request."""
    variation: float = 0.0
    """Coefficient of variation of the throughput within the visit, from second to second."""
    memory: float = 0.0
    """Lag-1 autocorrelation of its logarithm at one second."""
    outages: float = 0.0
    """Share of seconds in which nothing comes."""
    outage: float = 3.0
    """Mean length of such an outage."""
    seed: int = 0
    trace: tuple[int, ...] = ()
    """Kilobits per second of a recorded last mile: replayed instead of all but the round trip."""


class Delivery(Protocol):
    """What a last mile delivers; `loadtests.lastmile` draws it, an imported trace replays it."""

    def rate(self, second: int) -> float:
        """Bits per second during second ``second`` of the visit; zero in an outage."""

    def round_trip(self, request: int) -> float:
        """Seconds of the round trip of the visit's request number ``request``."""


_ACCESS: Final = 1 << 40
_RATE: Final = 2 << 40
_SECONDS: Final = 3 << 40
_OUTAGES: Final = 4 << 40
_TRIPS: Final = 5 << 40
_OFFSET: Final = 6 << 40
_normal: Final = NormalDist().inv_cdf
_WORD: Final = 2**64 - 1


def _chance(seed: int, number: int) -> float:
    """Strictly between 0 and 1: draw number ``number`` of a seed, in any order (splitmix64, Steele et al. 2014)."""
    mixed = seed + number * 0x9E3779B97F4A7C15 & _WORD
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _WORD
    return (((mixed ^ mixed >> 31) >> 11) + 0.5) * 2.0**-53


class _Kind(NamedTuple):
    """What viewers with one kind of last mile share."""

    median: float
    spread: float
    access: Access
    usual: LastMile
    """With everything but the rate and the seed."""


class _Crowd(NamedTuple):
    """How one cohort's last miles are drawn."""

    kinds: tuple[_Kind, ...]
    sums: tuple[float, ...]
    """Of their shares."""
    zone: ZoneInfo
    trace: tuple[int, ...]
    trace_mean: float


class LastMiles:
    """Draws the last mile of every viewer of a scenario, the same in every process."""

    def __init__(self, scenario: Scenario) -> None:
        self._starts_at = None if scenario.starts_at is None else scenario.starts_at.astimezone(UTC)
        self._crowds = {
            (code, name): _crowd(code, audience, cohort)
            for code, audience in scenario.regions.items()
            if audience.shaping != "off"
            for name, cohort in audience.cohorts.items()
        }

    @property
    def shaped(self) -> bool:
        """Whether any region is shaped at all."""
        return bool(self._crowds)

    def of(self, viewer: Viewer) -> LastMile | None:
        """The last mile of one viewer; None where its region is not shaped."""
        crowd = self._crowds.get((viewer.region, viewer.cohort))
        if crowd is None:
            return None
        seed = viewer.seed
        chosen = 0 if len(crowd.kinds) == 1 else bisect_right(crowd.sums, _chance(seed, _ACCESS) * crowd.sums[-1])
        kind = crowd.kinds[min(chosen, len(crowd.kinds) - 1)]
        if crowd.trace:
            usual = kind.usual
            return LastMile(crowd.trace_mean, usual.rtt, usual.jitter, seed=seed, trace=crowd.trace)
        rate = kind.median * math.exp(kind.spread * _normal(_chance(seed, _RATE)))
        if self._starts_at is not None:
            local = (self._starts_at + timedelta(seconds=viewer.join_at)).astimezone(crowd.zone)
            rate *= kind.access.factor(local.hour + local.minute / 60 + local.second / 3600)
        return LastMile(rate, *kind.usual[1:7], seed)


def _crowd(code: str, audience: Audience, cohort: Cohort) -> _Crowd:
    region = load_region(code)
    shares = region.mix() if cohort.access == "mixed" else {cohort.access: 1.0}
    path = _path(code, audience)
    trace = cohort.trace
    return _Crowd(
        kinds=tuple(_kind(region.access[name], path) for name in shares),
        sums=tuple(accumulate(shares.values())),
        zone=ZoneInfo(region.timezone),
        trace=() if trace is None else trace.kbps,
        trace_mean=0.0 if trace is None else trace.mean,
    )


def _path(code: str, audience: Audience) -> float:
    """Seconds to be added to the round trip of the access network; below zero where generators have more of it."""
    if audience.shaping == "difference" and audience.generators == "in_region" and audience.generator_rtt is None:
        return 0.0  # the path to the point of presence is walked for real
    return atlas().path_rtt(load_region(code), audience.pop) - (audience.generator_rtt or 0.0)


def _kind(access: Access, path: float) -> _Kind:
    """Its facts, all there: `Scenario` has looked."""
    found = (access.rtt_median, access.spread, access.variation, access.memory, access.jitter, access.outages)
    rtt, spread, variation, memory, jitter, outages = (0.0 if fact is None else float(fact.value) for fact in found)
    outage = 1.0 if access.outage is None else access.outage.value
    usual = LastMile(0.0, max(rtt + path, 0.0), jitter, variation, log_memory(variation, memory), outages, outage)
    return _Kind(access.throughput_median.value, spread, access, usual)


def log_memory(variation: float, memory: float) -> float:
    """Lag-1 autocorrelation of ln x where x is lognormal with this variation and has this one: ln(1+ρv²) ÷ ln(1+v²)."""
    square = variation * variation
    return math.log1p(memory * square) / math.log1p(square) if square else memory


def deliver(last_mile: LastMile) -> Delivery:
    """What it delivers: replayed where it was recorded, else drawn. Seconds must be asked for in order."""
    return Replayed(last_mile) if last_mile.trace else Drawn(last_mile)


def _trip(mile: LastMile, request: int) -> float:
    """The least round trip and an exponential delay, whose mean and standard deviation are the jitter."""
    if not mile.jitter:
        return mile.rtt
    return mile.rtt - mile.jitter * math.log(_chance(mile.seed, _TRIPS + request))


class Drawn:
    """Throughput = rate · x(t), or nothing in an outage.

    ln x is a first-order autoregressive process, so scaled that x has mean 1 and the asked-for variation; it goes on
    under an outage. Outages come and go as a two-state Markov chain of whole seconds, with the share and the mean
    length asked for. Over a long visit the mean is therefore rate · (1 − outages).
    """

    __slots__ = ("_calm", "_down", "_flips", "_innovation", "_mile", "_peak", "_second", "_sigma", "_until", "_z")

    def __init__(self, last_mile: LastMile) -> None:
        self._mile = last_mile
        variance = math.log1p(last_mile.variation**2)
        self._sigma = math.sqrt(variance)
        self._peak = last_mile.rate * math.exp(-variance / 2)
        self._innovation = math.sqrt(1 - last_mile.memory**2)
        self._second = 0
        self._z = _normal(_chance(last_mile.seed, _SECONDS))
        share = last_mile.outages
        self._calm = last_mile.outage * (1 - share) / share if share else math.inf
        self._down = _chance(last_mile.seed, _OUTAGES) < share
        self._flips = 0
        self._until = self._stretch()

    def rate(self, second: int) -> float:
        """Bits per second; seconds may be left out, but not gone back to (ValueError)."""
        if second < self._second:
            raise ValueError(f"second {second} was asked for after second {self._second}")
        if self._sigma:
            self._walk(second)
        self._second = second
        while second >= self._until:
            self._down = not self._down
            self._flips += 1
            self._until += self._stretch()
        return 0.0 if self._down else self._peak * math.exp(self._sigma * self._z)

    def round_trip(self, request: int) -> float:
        """Seconds; requests may be asked for in any order."""
        return _trip(self._mile, request)

    def _walk(self, second: int) -> None:
        z, memory, innovation, seed = self._z, self._mile.memory, self._innovation, self._mile.seed
        for now in range(_SECONDS + self._second + 1, _SECONDS + second + 1):
            z = memory * z + innovation * _normal(_chance(seed, now))
        self._z = z

    def _stretch(self) -> float:
        """Whole seconds until the next change: geometric, of the mean that this state has."""
        mean = self._mile.outage if self._down else self._calm
        if mean == math.inf:
            return math.inf
        if mean <= 1:
            return 1
        draw = _chance(self._mile.seed, _OUTAGES + self._flips + 1)
        return 1 + math.floor(math.log(draw) / math.log1p(-1 / mean))


class Replayed:
    """A recorded last mile, begun at a second that the seed decides, over and over."""

    __slots__ = ("_mile", "_offset")

    def __init__(self, last_mile: LastMile) -> None:
        self._mile = last_mile
        self._offset = int(_chance(last_mile.seed, _OFFSET) * len(last_mile.trace))

    def rate(self, second: int) -> float:
        """Bits per second."""
        trace = self._mile.trace
        return trace[(self._offset + second) % len(trace)] * 1e3

    def round_trip(self, request: int) -> float:
        """Seconds; requests may be asked for in any order."""
        return _trip(self._mile, request)
