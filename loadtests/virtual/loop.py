"""Drives visits in simulated time: the clock jumps from one thing that happens to the next. No I/O.

    ask ─► half a round trip ─► slot ─► latency ─► link ─► last mile, half a round trip ─► resume
    (handshakes first)          └── 503 ──┴──────────┘

Lanes, signals, timers and the end of a visit are those of the engine (`loadtests.lanes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from loadtests.lanes import Lane, Lanes
from loadtests.lastmile import Delivery
from loadtests.recorder import Recorder
from loadtests.results import Window
from loadtests.session import Failed, Get, Got, Session, Tally, Viewer
from loadtests.staging.declared import BACKLOG_SECONDS
from loadtests.virtual.agenda import Agenda
from loadtests.virtual.content import HEAD, REFUSAL, Answer, Content
from loadtests.virtual.edge import Cache
from loadtests.virtual.exchange import Exchange, Guest
from loadtests.virtual.mile import carry
from loadtests.virtual.origin import Node, Origin

if TYPE_CHECKING:
    from loadtests.virtual.sampling import Sums

JOIN, ARRIVE, ENTER, TURN, DELIVER, EXPIRE = range(-6, 0)
"""Steps of the agenda."""
HOME: Final = Answer(200, 16 * 1024)
"""A home page's document (assumed: 16 KiB); what hangs on it is not asked for."""
_REFUSED: Final = Answer(503, REFUSAL[1])

Watch = Callable[[Viewer, Tally], Session]


class Way(NamedTuple):
    """How a viewer's requests travel."""

    handshakes: int = 1
    """Round trips before the first request of a connection: TCP, and one more for TLS 1.3 (RFC 8446)."""
    shared: bool = False
    """Whether one connection takes all requests (HTTP/2)."""
    deliver: Callable[[Viewer], Delivery | None] = lambda _: None
    """A viewer's last mile; None where it is not shaped."""


UNSHAPED: Final = Way()


class Loop(Lanes[Guest]):
    """One simulation. ``arrivals`` are viewers in order of ``join_at``; `run_until` lives up to a moment."""

    def __init__(
        self,
        arrivals: Iterable[Viewer],
        watch: Watch,
        origin: Origin,
        content: Content,
        sums: Sums,
        way: Way = UNSHAPED,
    ) -> None:
        self._agenda = Agenda()
        super().__init__(self._agenda)
        self.now = 0.0
        self.recorder = Recorder()
        self.asked = self.answered = self.failed = 0
        """Requests, and what became of them: a response, or a time-out."""
        self._coming, self._watch = iter(arrivals), watch
        self._origin, self._content, self._sums, self._way = origin, content, sums, way
        self._windows: list[Window] = []
        self._steps: tuple[Callable[[object], None], ...] = (
            self._join,  # type: ignore[assignment]
            self._arrive,
            self._enter,
            self._turn,
            self._deliver,
            self._expire,
        )
        self._expect()

    def clock(self) -> float:
        """Seconds since the start of the run."""
        return self.now

    def fault(self, error: Exception) -> None:
        """An error in a session ends the simulation: it would tell of a world that is not ours."""
        raise error

    # -- time -----------------------------------------------------------------------------------------------------

    def run_until(self, end: float) -> None:
        """Let everything happen that happens by ``end``."""
        heap, steps, ready, agenda = self._agenda.heap, self._steps, self._ready, self._agenda
        ends = float(self.recorder.second + 1)
        while heap and heap[0][0] <= end:
            at, _, ticket, whom = heappop(heap)
            if at >= ends:
                self._close_seconds(at)
                ends = float(self.recorder.second + 1)
            self.now = at
            if ticket < 0:
                steps[ticket](whom)
            elif whom.ticket == ticket:
                whom.timed = False
                self.unpark(whom, at)
            else:
                agenda.stale -= 1
                continue
            if ready:
                self.resume_ready()
        self.now = max(self.now, end)
        if end >= ends:
            self._close_seconds(end)

    def windows(self) -> list[Window]:
        """The windows of the seconds that have ended since the last call."""
        closed, self._windows = self._windows, []
        return closed

    def _close_seconds(self, at: float) -> None:
        self._windows += self.recorder.close_until(at)
        for node in self._origin.nodes:
            if node.link is not None and node.link.heap:
                self._look_for_time_outs(node.link.open(), at + 1.0)

    # -- viewers --------------------------------------------------------------------------------------------------

    def _expect(self) -> None:
        viewer = next(self._coming, None)
        if viewer is not None:
            self._agenda.enter(JOIN, viewer.join_at, viewer)

    def _join(self, viewer: Viewer) -> None:
        self._expect()
        tally = self.recorder.tally(viewer.region, viewer.cohort)
        node = self._origin.node_of(viewer.region, viewer.number)
        guest = Guest(viewer, tally, node, self._way.deliver(viewer))
        guest.cache = self._origin.cache_of(viewer.region)
        self.admit(guest, self._watch(viewer, cast("Tally", guest.lived)))

    def left(self, visit: Guest) -> None:
        """Add up what the visit was; requests under way go on."""
        self._sums.add(visit, self.now)

    # -- a request ------------------------------------------------------------------------------------------------

    def fetch(self, lane: Lane[Guest], get: Get) -> None:
        """Send a request on its way."""
        now, guest = self.now, lane.visit
        exchange = Exchange(lane, get, now)
        self.asked += 1
        guest.requests += 1
        delivery = guest.delivery
        trip = delivery.round_trip(guest.requests - 1) if delivery is not None else 0.0
        exchange.half = trip / 2
        delay = exchange.half
        if guest.idle:
            guest.idle -= 1
        elif not guest.opened or not self._way.shared:
            guest.opened += 1
            delay += self._way.handshakes * trip
        if delay:
            self._agenda.enter(ARRIVE, now + delay, exchange)
        else:
            self._arrive(exchange)

    def _arrive(self, exchange: Exchange) -> None:
        """At the edge, where there is one, then at the node: wait for a slot and for the latency, or be refused."""
        node, now = exchange.lane.visit.node, self.now
        if exchange.lane.visit.cache is not None and self._is_answered(exchange, exchange.lane.visit.cache):
            return
        start = now if node.slots is None else node.slots.take(now, exchange.part)
        if start is None:
            self._refuse(exchange)
        elif (at := start + node.latency) > now:
            self._agenda.enter(ENTER, at, exchange)
        else:
            self._enter(exchange)

    def _is_answered(self, exchange: Exchange, cache: Cache) -> bool:
        """Whether the edge has the answer, or will have it: then the node hears nothing of this request."""
        exchange.head, exchange.first_at = HEAD, self.now
        kept = cache.look(exchange, self.now)
        if kept is None:
            exchange.part = cache.ask(exchange)
            if exchange.part > 0:
                return False
            if exchange.part < 0:
                return True
            kept = self._content.answer(exchange.get.url, self.now)
        exchange.answer = kept
        self._on_its_way(exchange)
        return True

    def _enter(self, exchange: Exchange) -> None:
        """Take a place in the line, or be refused."""
        node, now = exchange.lane.visit.node, self.now
        link = node.link
        if link is not None and link.backlog(now) > BACKLOG_SECONDS:
            self._refuse(exchange)
            return
        node.taken += 1
        get = exchange.get
        answer = exchange.answer = HOME if get.kind == "home" else self._content.answer(get.url, now)
        exchange.head = HEAD
        if link is None:
            exchange.first_at = now
            self._sent(exchange)
        elif exchange.over:
            return
        else:
            exchange.first_at = link.join(exchange, answer.size + HEAD, now, exchange.part)
            self._set_alarm(node)

    def _refuse(self, exchange: Exchange) -> None:
        node = exchange.lane.visit.node
        node.refused += 1
        exchange.answer, exchange.head, exchange.first_at = _REFUSED, REFUSAL[0], self.now
        if node.link is not None:
            node.link.charge(sum(REFUSAL) * exchange.part, self.now)
        self._sent(exchange)

    def _set_alarm(self, node: Node) -> None:
        link, now = node.link, self.now
        assert link is not None
        due, alarm = link.due(now), link.alarm
        if due < alarm or alarm <= now:
            link.alarm = due
            self._agenda.enter(TURN, due, node)

    def _turn(self, node: Node) -> None:
        """Some response may be whole."""
        link = node.link
        assert link is not None
        if link.alarm != self.now or not link.heap:
            return  # another alarm was set for an earlier moment
        for exchange in link.finished(self.now):
            self._sent(exchange)
        if link.heap:
            self._set_alarm(node)

    def _sent(self, exchange: Exchange) -> None:
        """The last byte has left the node; an edge hands it to all that waited for it."""
        guest = exchange.lane.visit
        if guest.cache is not None:
            playlist = self._content.is_playlist(exchange.get.url)
            for waiting in guest.cache.came(exchange, playlist=playlist, now=self.now):
                waiting.answer, waiting.head, waiting.first_at = exchange.answer, exchange.head, self.now
                self._on_its_way(waiting)
        self._on_its_way(exchange)

    def _on_its_way(self, exchange: Exchange) -> None:
        """The last mile, and half a round trip."""
        if exchange.over:
            return
        guest, now = exchange.lane.visit, self.now
        at = now + exchange.half
        if guest.delivery is not None:
            at = exchange.half + carry(guest, exchange.answer.size + exchange.head, exchange.first_at, now)
        get, waited = exchange.get, at - exchange.started
        if waited > get.first_byte_timeout or waited > get.timeout:
            self._look_for_time_outs([exchange], at)
        if at > now:
            self._agenda.enter(DELIVER, at, exchange)
        else:
            self._deliver(exchange)

    def _deliver(self, exchange: Exchange) -> None:
        """The last byte is there."""
        if exchange.over:
            return
        exchange.over = True
        lane, get, answer, now, started = exchange.lane, exchange.get, exchange.answer, self.now, exchange.started
        guest = lane.visit
        first = exchange.first_at + exchange.half
        if first > now:
            first = now
        self.answered += 1
        guest.idle += 1
        guest.bytes += answer.size + exchange.head
        guest.tally.responded(
            get.kind,
            answer.status,
            size=answer.size,
            head=exchange.head,
            ttfb=first - started,
            total=now - started,
            told=0,
        )
        if not guest.over:
            body = answer.body if get.read else b""
            self._ready.append((lane, Got._make((now, started, get.url, answer.status, answer.size, body, "", first))))

    # -- time-outs ------------------------------------------------------------------------------------------------

    def _look_for_time_outs(self, open_: list[Exchange], until: float) -> None:
        """Enter those whose time is up before ``until``."""
        for exchange in open_:
            get = exchange.get
            patience = get.timeout
            if exchange.first_at + exchange.half - exchange.started > get.first_byte_timeout:
                patience = min(patience, get.first_byte_timeout)
            due = exchange.started + patience
            if due < until and not exchange.over:
                self._agenda.enter(EXPIRE, max(due, self.now), exchange)

    def _expire(self, exchange: Exchange) -> None:
        """The viewer's time is up: its connection is closed, and the node sends it nothing more."""
        if exchange.over:
            return
        exchange.over = True
        lane, get = exchange.lane, exchange.get
        guest = lane.visit
        self.failed += 1
        guest.tally.request_failed(get.kind, "timeout", head=0)
        if guest.node.link is not None:
            guest.node.link.drop({exchange}, self.now)
        if guest.cache is not None:
            for waiting in guest.cache.lost(exchange):
                self._arrive(waiting)
        if not guest.over:
            failed = Failed(self.now, exchange.started, get.url, "timeout", "its time was up")
            self._ready.append((lane, failed))

    # -- ending ---------------------------------------------------------------------------------------------------

    def finish(self, patience: float) -> int:
        """Everybody leaves; requests under way get ``patience`` seconds more, then they are cut off: how many."""
        self._coming = iter(())
        self.dismiss()
        self.run_until(self.now + patience)
        open_ = [entry[3] for entry in sorted(self._agenda.heap) if entry[2] in (ARRIVE, ENTER, DELIVER)]
        open_ += [exchange for node in self._origin.nodes if node.link for exchange in node.link.open()]
        cut = [exchange for exchange in open_ if not exchange.over]
        for exchange in cut:
            exchange.over = True
            exchange.lane.visit.tally.request_cancelled(exchange.get.kind, head=0)
        self._agenda.heap.clear()
        self._windows += self.recorder.close_until(self.now if self.now == int(self.now) else int(self.now) + 1.0)
        return len(cut)
