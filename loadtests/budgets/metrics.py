"""What a budget can be about: every metric by name, with its unit and the statistics that it has."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from loadtests.session import RequestKind
from loadtests.units import BITS_PER_SECOND, SECONDS, SHARE

Kind: TypeAlias = Literal["spread", "share", "mean", "rate", "level"]
"""``spread``: a distribution of samples. ``share``: a part of a whole. ``mean``: an average weighted by time.
``rate``: counts per second. ``level``: one reading per second."""

PER_SECOND: Final[Mapping[str, float]] = {"/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600}
COUNT: Final[Mapping[str, float]] = {"": 1.0}


class Metric(NamedTuple):
    """A quantity that a run records."""

    name: str
    kind: Kind
    units: Mapping[str, float]
    says: str
    """One line for people."""

    @property
    def subject(self) -> Literal["generator", "target", "player"]:
        """Whose quantity it is; only the viewers' have a region and a cohort."""
        head = self.name.partition(".")[0]
        return head if head in ("generator", "target") else "player"  # type: ignore[return-value]

    @property
    def example(self) -> str:
        """A quantity in its unit."""
        return {"s": "800ms", "%": "1%", "bps": "1.5Mbps", "/s": "2/s", "": "100"}[self.unit]

    @property
    def unit(self) -> str:
        """The unit that values are kept in; a share is kept between 0 and 1 and shown in ``%``."""
        return next((unit for unit in ("s", "bps", "/s", "%", "") if unit in self.units), "")


def _players() -> Iterator[Metric]:
    yield Metric("startup", "spread", SECONDS, "from pressing play to the first frame")
    yield Metric("live_latency", "spread", SECONDS, "from the live moment to the playhead")
    yield Metric("stall_ratio", "share", SHARE, "stalled share of the time played or stalled")
    yield Metric("join_failure", "share", SHARE, "viewers whose player gave up, of those who joined")
    yield Metric("exits_before_start", "share", SHARE, "viewers who left before the first frame, of those who joined")
    yield Metric("bitrate", "mean", BITS_PER_SECOND, "bit rate of the media played")
    yield Metric("viewers", "level", COUNT, "viewers present")
    for name, says in {
        "joins": "viewers who pressed play",
        "stalls": "times a buffer ran dry",
        "switches": "changes of rendition",
        "skipped_segments": "segments that left the live window unfetched",
        "reconnects": "connections opened because an earlier one had ended",
    }.items():
        yield Metric(name, "rate", PER_SECOND, says)


def _requests() -> Iterator[Metric]:
    for kind in ("request", *get_args(RequestKind)):
        whose = "requests" if kind == "request" else f"{kind} requests"
        yield Metric(f"{kind}.ttfb", "spread", SECONDS, f"{whose}: from asking to the first byte")
        yield Metric(f"{kind}.total", "spread", SECONDS, f"{whose}: from asking to the last byte")
        yield Metric(f"{kind}.error_rate", "share", SHARE, f"{whose} that failed, of those that ended")
        yield Metric(f"{kind}.cache_hit", "share", SHARE, f"{whose} served by a cache, of those whose headers say")
        yield Metric(f"{kind}.rate", "rate", PER_SECOND, f"{whose} that ended")
    yield Metric("egress", "rate", BITS_PER_SECOND, "body and header bits received")


def _generators() -> Iterator[Metric]:
    yield Metric("generator.lag", "spread", SECONDS, "how much later than due an action started")
    yield Metric("generator.cpu", "level", SHARE, "share of its core that the busiest worker used")
    yield Metric("generator.sockets", "level", COUNT, "sockets open in all workers")
    yield Metric("generator.late", "rate", PER_SECOND, "actions started too late")
    yield Metric("generator.dropped", "rate", PER_SECOND, "actions never started")


METRICS: Final[Mapping[str, Metric]] = {one.name: one for one in (*_players(), *_requests(), *_generators())}
SHORT: Final[Mapping[str, str]] = {"error_rate": "request.error_rate", "cache_hit": "request.cache_hit"}
"""Names that stand for longer ones."""


def metric_of(name: str) -> Metric:
    """The metric called ``name``; ValueError with the nearest known name when there is none."""
    if name.split(".")[0] == "target":
        raise ValueError(
            f"{name} is not recorded yet: a run holds nothing that the servers under test said of themselves"
        )
    found = METRICS.get(SHORT.get(name, name))
    if found is not None:
        return found
    near = difflib.get_close_matches(name, [*METRICS, *SHORT], n=1, cutoff=0.4)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"no metric called {name!r}{guess} (docs/budgets.md lists them)")
