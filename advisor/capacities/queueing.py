"""Exact queueing formulas, and the approximations that are known to be good, with their sources.

``offered`` is the offered load in servers (Erlangs): arrivals per second times seconds of service. ``servers`` are
alike and share one queue; times are in seconds. What is asked for an unstable queue (a load of at least all servers) is
infinite where it is a time and 1 where it is a probability; nothing is NaN. ``ValueError`` for what is no queue at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeVar

from advisor.blocks import Floats

Load = TypeVar("Load", float, Floats)

_STEPS: Final = 200
"""Bisections: enough to halve any interval down to the last bit of a double."""


def erlang_b(servers: int, offered: float) -> float:
    """Share of arrivals that find all servers busy and leave (M/G/c/c).

    Erlang (1917), by the stable recursion B(k) = a B(k-1) / (k + a B(k-1)) from B(0) = 1: Jagerman, "Some properties
    of the Erlang loss function", Bell System Technical Journal 53 (1974).
    """
    _check(servers, offered)
    return lost(servers, offered)


def lost(servers: int, offered: Load) -> Load:
    """`erlang_b` of one load or of many at once, unchecked."""
    blocked = offered * 0.0 + 1.0
    for busy in range(1, servers + 1):
        blocked = offered * blocked / (busy + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """Share of arrivals that must wait (M/M/c): Erlang (1917), as B / (1 - rho (1 - B)); 1 when unstable.

    The form by B is exact and never overflows: Cooper, "Introduction to Queueing Theory", 1981, section 3.5.
    """
    _check(servers, offered)
    rho = offered / servers
    if rho >= 1.0:
        return 1.0
    blocked = erlang_b(servers, offered)
    return blocked / (1.0 - rho * (1.0 - blocked))


@dataclass(frozen=True, slots=True)
class Queue:
    """M/M/c: Poisson arrivals, exponential service, first come first served."""

    arrivals: float
    """Per second."""
    service: float
    """Mean seconds of service."""
    servers: int = 1

    def __post_init__(self) -> None:
        _check(self.servers, self.arrivals * self.service)
        if self.service <= 0:
            raise ValueError(f"expected seconds of service above zero, found {self.service}")

    @property
    def offered(self) -> float:
        """Erlangs."""
        return self.arrivals * self.service

    @property
    def busy(self) -> float:
        """Share of the servers that is busy, if it is stable: the utilisation law, rho = lambda S / c."""
        return self.offered / self.servers

    @property
    def waits(self) -> float:
        """Probability of having to wait."""
        return erlang_c(self.servers, self.offered)

    @property
    def wait(self) -> float:
        """Mean seconds in the queue: C / (c mu - lambda) (Kleinrock, "Queueing Systems" I, 1975, section 3.5)."""
        return self.waits / self._spare if self._spare > 0 else math.inf

    @property
    def response(self) -> float:
        """Mean seconds from arrival to departure."""
        return self.wait + self.service

    @property
    def waiting(self) -> float:
        """Mean number in the queue, by Little's law."""
        return self.arrivals * self.wait

    def late(self, seconds: float) -> float:
        """P(wait > seconds) = C exp(-(c mu - lambda) seconds) (Cooper 1981, section 3.5)."""
        if seconds < 0:
            return 1.0
        return self.waits * math.exp(-self._spare * seconds) if self._spare > 0 else 1.0

    def wait_at(self, share: float) -> float:
        """Seconds that a share of the arrivals does not wait longer than: the percentile, 0 <= share < 1."""
        if not 0 <= share < 1:
            raise ValueError(f"expected a share of at least 0 and below 1, found {share}")
        if self._spare <= 0:
            return math.inf
        late = (1.0 - share) / self.waits if self.waits else math.inf
        return max(0.0, -math.log(late) / self._spare) if late < 1.0 else 0.0

    @property
    def _spare(self) -> float:
        """Departures per second that all servers could do beyond the arrivals."""
        return self.servers / self.service - self.arrivals


def allen_cunneen(queue: Queue, arrival_cv2: float, service_cv2: float) -> float:
    """Mean wait of G/G/c: (ca^2 + cs^2) / 2 times that of M/M/c; squared coefficients of variation.

    Allen, "Probability, Statistics, and Queueing Theory", 1990, section 5.3, after Cunneen. Exact for M/M/c and, with
    ca^2 = 1, for M/G/1 (Pollaczek-Khinchine); elsewhere an approximation, good in heavy traffic.
    """
    _check_variation(arrival_cv2, service_cv2)
    return queue.wait * (arrival_cv2 + service_cv2) / 2.0


def kingman(queue: Queue, arrival_cv2: float, service_cv2: float) -> float:
    """Mean wait of G/G/1, rho / (1 - rho) (ca^2 + cs^2) / 2 S: Kingman, Proc. Cambridge Phil. Soc. 57 (1961).

    Of one server; ``ValueError`` for more.
    """
    if queue.servers != 1:
        raise ValueError(f"Kingman's formula is for one server, found {queue.servers}")
    return sakasegawa(queue, arrival_cv2, service_cv2)


def sakasegawa(queue: Queue, arrival_cv2: float, service_cv2: float) -> float:
    """Mean wait of G/G/c without Erlang's sum: rho^(sqrt(2 (c + 1)) - 1) / (c (1 - rho)) (ca^2 + cs^2) / 2 S.

    Sakasegawa, Annals of the Institute of Statistical Mathematics 29 (1977). Equals Kingman's for one server.
    """
    _check_variation(arrival_cv2, service_cv2)
    rho, servers = queue.busy, queue.servers
    if rho >= 1.0:
        return math.inf
    crowd: float = rho ** (math.sqrt(2.0 * (servers + 1)) - 1.0) / (servers * (1.0 - rho))
    return crowd * (arrival_cv2 + service_cv2) / 2.0 * queue.service


def halfin_whitt(beta: float) -> float:
    """P(wait) of very many servers, offered + beta sqrt(offered) of them: 1 / (1 + beta Phi(beta) / phi(beta)).

    Halfin and Whitt, Operations Research 29 (1981), theorem 1. A limit: exact for no number of servers; see
    `servers_for` for the exact one. 1 for a beta of 0 or less, where the queue is unstable.
    """
    if beta <= 0:
        return 1.0
    normal = 0.5 * math.erfc(-beta / math.sqrt(2.0))
    density = math.exp(-beta * beta / 2.0) / math.sqrt(2.0 * math.pi)
    return density / (density + beta * normal)


def sharing_slowdown(busy: float) -> float:
    """How many times longer a transfer takes in M/G/1 processor sharing, whatever its size: 1 / (1 - rho).

    Kleinrock, "Queueing Systems" II, 1976, section 4.4. Infinite from a load of 1 on.
    """
    if not busy >= 0:
        raise ValueError(f"expected a load of zero or more, found {busy}")
    return 1.0 / (1.0 - busy) if busy < 1.0 else math.inf


def most_arrivals(servers: int, service: float, seconds: float, share: float) -> float:
    """Most arrivals per second with P(wait > seconds) <= share in M/M/c, by bisection (it rises with the arrivals)."""
    _check_promise(seconds, share)
    if share >= 1.0:
        return servers / service
    low, high = 0.0, servers / service
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if Queue(middle, service, servers).late(seconds) <= share:
            low = middle
        else:
            high = middle
    return low


def servers_for(offered: float, service: float, seconds: float, share: float) -> int:
    """Fewest servers with P(wait > seconds) <= share in M/M/c; exact, where the square-root rule is a limit.

    From the fewest that are stable upwards, with Erlang's recursion carried on, so 10,000 servers take milliseconds.
    """
    _check_promise(seconds, share)
    _check(1, offered)
    blocked, servers = 1.0, 0
    while True:
        servers += 1
        blocked = offered * blocked / (servers + offered * blocked)
        spare = servers - offered
        if spare <= 0:
            continue
        waits = blocked / (1.0 - offered / servers * (1.0 - blocked))
        if waits * math.exp(-spare * seconds / service) <= share:
            return servers


def _check(servers: int, offered: float) -> None:
    if servers < 1:
        raise ValueError(f"expected at least one server, found {servers}")
    if not 0 <= offered < math.inf:
        raise ValueError(f"expected a finite load of zero or more, found {offered}")


def _check_variation(arrival_cv2: float, service_cv2: float) -> None:
    if not (0 <= arrival_cv2 < math.inf and 0 <= service_cv2 < math.inf):
        raise ValueError(f"expected squared variations of zero or more, found {arrival_cv2} and {service_cv2}")


def _check_promise(seconds: float, share: float) -> None:
    if not seconds >= 0:
        raise ValueError(f"expected seconds of zero or more, found {seconds}")
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0 and up to 1, found {share}")
