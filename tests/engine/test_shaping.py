"""Viewers behind a last mile get what it delivers, when it delivers it, and no faster."""

from __future__ import annotations

import ssl
import struct
import termios
from collections.abc import Callable
from fcntl import ioctl

import pytest

from loadtests.engine.pace import PACKET, QUANTUM, SMALLEST, SPAN
from loadtests.engine.poller import Poller
from loadtests.recorder import CohortTally
from loadtests.session import Failed, Get, Got, Session, Spawn, Viewer, WaitUntil
from tests.engine.asking import OK, asking, sums, windows
from tests.engine.certificates import Authority
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import Peer, Talk, wait_for
from tests.engine.last_miles import TURN, Line, Shaped, Watched, giving, seconds
from tests.engine.scripts import head, idle_after_first

HEAD = len(head("Content-Length: 1000000"))
EXACT = 0.0025
"""Seconds: a turn to be heard by the server, one to be woken, and what frames a body."""


def near(expected: float, turns: int = 2) -> object:
    return pytest.approx(expected, abs=turns * TURN + 1e-6)


# -- how long it takes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "rate", "rtt"),
    [(1_000, 8e6, 0.05), (1_000, 1e6, 0.3), (20_000, 8e6, 0.0), (1_000_000, 8e6, 0.05), (3_000_000, 96e6, 0.02)],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_response_takes_a_round_trip_and_its_size_over_the_rate(
    size: int, rate: float, rtt: float, chunked: bool, make_loop: MakeLoop, serve: Serve
) -> None:
    """The first one takes another round trip, to connect."""
    shaped = Shaped(make_loop, serve(giving(size, chunked=chunked)))
    first, second = seconds(shaped.ask(Line((rate,), rtt), shaped.get(), shaped.get()))
    through = (size + HEAD) * 8 / rate
    assert first == pytest.approx(2 * rtt + through, rel=0.005, abs=2 * EXACT)
    assert second == pytest.approx(rtt + through, rel=0.005, abs=EXACT)


def test_the_first_byte_comes_with_the_first_packet(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(500_000)))
    shaped.ask(Line((2e6,), 0.08), shaped.get())
    assert sums(shaped.loop, "segment").ttfb.largest == pytest.approx(0.16 + PACKET * 8 / 2e6, rel=0.01, abs=EXACT)


@pytest.mark.parametrize(("version", "trips"), [(ssl.TLSVersion.TLSv1_3, 3), (ssl.TLSVersion.TLSv1_2, 4)])
def test_tls_takes_its_round_trips_and_its_certificates_their_time(
    version: ssl.TLSVersion, trips: int, authority: Authority, make_loop: MakeLoop, serve: Serve
) -> None:
    context = authority.server("127.0.0.1")
    context.maximum_version = version
    shaped = Shaped(make_loop, serve(giving(200_000), context=context), ca_file=str(authority.file))
    first, second = seconds(shaped.ask(Line((8e6,), 0.1), shaped.get(), shaped.get()))
    assert first == pytest.approx(trips * 0.1 + 0.2, abs=0.012)
    assert second == pytest.approx(0.1 + 0.2, abs=0.005)


def test_bytes_are_counted_in_the_second_in_which_they_are_delivered(make_loop: MakeLoop, serve: Serve) -> None:
    """A rate that changes, and an outage."""
    line = Line((8e6, 2e6, 0.0, 0.0, 4e6, 16e6))
    shaped = Shaped(make_loop, serve(giving(3_750_000 - HEAD)))
    (took,) = seconds(shaped.ask(line, shaped.get()))
    assert took == pytest.approx(6.0, abs=0.01)
    told = {one.at: one.requests["segment"].bytes for one in windows(shaped.loop) if one.requests}
    for second, rate in enumerate((8e6, 2e6, 0.0, 0.0, 4e6, 16e6)):
        assert told.get(second, 0) == pytest.approx(rate / 8, abs=QUANTUM * 16e6 / 8)
    assert sum(told.values()) == 3_750_000 - HEAD


def test_what_is_asked_in_an_outage_leaves_when_it_is_over(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(1000)))
    (took,) = seconds(shaped.ask(Line((0.0, 0.0, 8e6), 0.1), shaped.get()))
    assert took == near(2.0 + 2 * 0.1 + 0.001, 4)


def test_an_outage_without_an_end_ends_with_the_viewers_patience(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(1_000_000)))
    (reply,) = shaped.ask(Line((8e6, 0.0)), shaped.get(timeout=70.0))
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("timeout", "not whole after 70 s")
    assert sums(shaped.loop, "segment").bytes == pytest.approx(1e6 / 1, rel=0.01)


# -- who shares it --------------------------------------------------------------------------------------------------


def test_two_connections_of_a_viewer_share_its_rate(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(500_000)))
    replies: list[Got | Failed] = []

    def main() -> Session:
        yield Spawn(asking([shaped.get()], replies))
        yield from asking([shaped.get()], replies)
        yield WaitUntil(3.0)

    shaped.loop.admit(shaped.visit(Line((8e6,))), main())
    shaped.settle()
    assert seconds(replies) == [pytest.approx(1.0, abs=0.1), pytest.approx(1.0, abs=0.01)]
    assert shaped.server.accepted == 2


def test_a_playlist_is_not_kept_waiting_by_a_segment(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(2_000_000)))
    replies: list[Got | Failed] = []

    def main() -> Session:
        yield Spawn(asking([shaped.get()], []))
        yield WaitUntil(0.5)
        yield from asking([shaped.get("/1000", read=True)], replies)
        yield WaitUntil(3.0)

    shaped.loop.admit(shaped.visit(Line((8e6,), 0.03)), main())
    shaped.settle()
    assert seconds(replies) == [pytest.approx(2 * 0.03, abs=0.02)]


def test_viewers_do_not_share_and_one_without_a_last_mile_is_as_fast_as_ever(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(1_000_000)))
    slow = shaped.admit(Line((8e6,)), shaped.get(), number=1)
    fast = shaped.admit(Line((32e6,)), shaped.get(), number=2)
    free = shaped.admit(None, shaped.get(), number=3)
    shaped.settle()
    assert seconds(slow + fast + free) == [
        pytest.approx(1.0, abs=0.005),
        pytest.approx(0.25, abs=0.005),
        pytest.approx(0.0, abs=0.05),
    ]


def test_the_loop_asks_for_each_viewers_last_mile(make_loop: MakeLoop, serve: Serve) -> None:
    server = serve(giving(100_000))
    took: dict[int, float] = {}

    def watch(who: Viewer, tally: CohortTally) -> Session:
        reply = yield Get(server.url(), "segment")
        assert isinstance(reply, Got)
        took[who.number] = reply.at - reply.started

    def last_mile(who: Viewer) -> Line | None:
        return None if who.number == 0 else Line((0.0, 8e6 / who.number))

    coming = [Viewer(n, "id", "mobile", "lowest", "", 0.5, 9.0, 0.0) for n in range(3)]
    shaped = Shaped(lambda **options: make_loop(coming, watch, **options), server, last_mile=last_mile)
    shaped.settle()
    assert took == {0: pytest.approx(0, abs=0.05), 1: near(1.1, 5), 2: near(1.2, 5)}  # second 0 began at 0.5


# -- what the server sees -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e6, 16e6])
def test_the_server_is_never_far_ahead_of_the_viewer(rate: float, make_loop: MakeLoop, serve: Serve) -> None:
    """What has left the server and not come out of the last mile fits into the receive buffer."""
    arrived: list[int] = []

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        left = head("Content-Length: 20000000") + bytes(20_000_000)
        sent = 0
        while left:
            try:
                count = peer.sock.send(left[: 1 << 20])
            except BlockingIOError:
                count = 0
            sent, left = sent + count, left[count:]
            unacknowledged = struct.unpack("i", ioctl(peer.sock, termios.TIOCOUTQ, bytes(4)))[0]
            arrived.append(sent - unacknowledged)
            yield

    shaped = Shaped(make_loop, serve(script))
    tally = shaped.loop.recorder.tally("id", "mobile")
    shaped.admit(Line((rate,)), shaped.get())
    ahead = []
    for _ in range(2000):
        shaped.run(TURN)
        if arrived:
            delivered = sum(one.requests["segment"].bytes for one in shaped.loop._windows if one.requests)
            ahead.append(arrived[-1] - delivered - tally.sums("segment").bytes)
    buffer = max(SMALLEST, rate / 8 * SPAN)
    assert rate / 8 * QUANTUM < max(ahead) < 2 * buffer + 4 * PACKET
    shaped.loop.cancel()


def test_a_socket_that_may_not_be_read_is_not_polled(
    poller: Callable[[], Poller], make_loop: MakeLoop, serve: Serve
) -> None:
    made: list[Watched] = []

    def watched() -> Poller:
        made.append(Watched(poller()))
        return made[-1]

    shaped = Shaped(make_loop, serve(giving(1_000_000)), poller=watched)
    shaped.ask(Line((4e6,)), shaped.get())
    assert shaped.turns.now > 2
    assert made[0].said < 20


# -- how it ends ----------------------------------------------------------------------------------------------------


def test_a_round_trip_longer_than_the_viewers_patience(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(1000)))
    (reply,) = shaped.ask(Line((8e6,), 0.8), shaped.get(first=1.0))
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("timeout", "no first byte after 1 s")


def test_a_body_too_slow_for_the_viewers_patience(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(1_000_000)))
    (reply,) = shaped.ask(Line((2e6,)), shaped.get(timeout=2.0))
    assert isinstance(reply, Failed)
    assert reply.reason == "timeout"
    assert sums(shaped.loop, "segment").bytes == pytest.approx(500_000, rel=0.05)


def test_a_connection_is_used_again_and_one_closed_meanwhile_is_replaced(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(50_000)))
    assert len(shaped.ask(Line((8e6,), 0.02), *[shaped.get()] * 10)) == 10
    assert shaped.server.accepted == 1
    closing = Shaped(make_loop, serve(idle_after_first))
    replies = closing.ask(Line((8e6,), 0.02), closing.get(), closing.get())
    assert [type(reply) for reply in replies] == [Got, Got]
    assert closing.server.accepted == 2


def test_a_request_that_finds_its_connection_closed_by_a_reset_goes_once_more(
    make_loop: MakeLoop, serve: Serve
) -> None:
    """The reset meets the request while it is under way."""

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say(OK)
        if shaped.server.accepted == 1:
            yield from peer.pause(10)
            peer.reset()
            return
        yield from giving(5)(peer)

    shaped = Shaped(make_loop, serve(script))
    replies = shaped.ask(Line((8e6,), 0.05), shaped.get(), shaped.get("/5"))
    assert [type(reply) for reply in replies] == [Got, Got]
    assert shaped.server.accepted == 2


def test_a_server_that_closes_in_the_middle_of_a_body(make_loop: MakeLoop, serve: Serve) -> None:
    """What it sent comes at its pace, and only then the end."""

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say_at_once(head("Content-Length: 1000000"), bytes(10_000))

    shaped = Shaped(make_loop, serve(script))
    (reply,) = shaped.ask(Line((1e5,)), shaped.get())
    assert isinstance(reply, Failed)
    assert (reply.reason, reply.detail) == ("reset", "closed with 990000 body bytes missing")
    assert reply.at - reply.started == pytest.approx((10_000 + HEAD) * 8 / 1e5, abs=0.01)
    assert sums(shaped.loop, "segment").bytes == 10_000


def test_a_reset_in_an_outage_is_noticed_after_it(
    poller: Callable[[], Poller], make_loop: MakeLoop, serve: Serve
) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say_at_once(head("Content-Length: 1000000"), bytes(150_000))
        yield from peer.pause(1500)
        peer.reset()

    made: list[Watched] = []

    def watched() -> Poller:
        made.append(Watched(poller()))
        return made[-1]

    shaped = Shaped(make_loop, serve(script), poller=watched)
    (reply,) = shaped.ask(Line((8e5, 0.0, 0.0, 8e5)), shaped.get())
    assert isinstance(reply, Failed)
    assert reply.reason == "reset"
    assert 3.0 <= reply.at < 3.15
    assert made[0].said < 20


def test_a_server_slower_than_the_last_mile_is_no_faster_for_it(make_loop: MakeLoop, serve: Serve) -> None:
    """A byte every five milliseconds, then the rest at once: the idle link has not saved up for it."""

    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say_at_once(head("Content-Length: 100200"))
        for _ in range(200):
            yield from peer.say_at_once(b"x")
            yield from peer.pause(5)
        yield from peer.say_at_once(bytes(100_000))
        yield from peer.hear()

    shaped = Shaped(make_loop, serve(script))
    (took,) = seconds(shaped.ask(Line((8e6,), 0.05), shaped.get()))
    assert took == pytest.approx(0.1 + 1.0 + 0.1, abs=0.025)


def test_a_slow_loris_beneath_the_pace_times_out_as_ever(make_loop: MakeLoop, serve: Serve) -> None:
    def script(peer: Peer) -> Talk:
        yield from peer.hear()
        yield from peer.say_at_once(head("Content-Length: 1000"))
        while True:
            yield from peer.say_at_once(b"x")
            yield from peer.pause(50)

    shaped = Shaped(make_loop, serve(script))
    (reply,) = shaped.ask(Line((1e5,), 0.05), shaped.get(timeout=5.0))
    assert isinstance(reply, Failed)
    assert reply.reason == "timeout"
    assert sums(shaped.loop, "segment").bytes == pytest.approx(5 / 0.05, rel=0.1)


def test_a_viewer_that_leaves_is_read_to_its_end_at_its_pace(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(500_000)))

    def main() -> Session:
        yield Spawn(asking([shaped.get()], []))
        yield WaitUntil(0.1)

    shaped.loop.admit(shaped.visit(Line((4e6,))), main())
    shaped.until(lambda: not shaped.loop.visits)
    assert not shaped.loop.is_idle
    shaped.settle()
    assert shaped.turns.now == pytest.approx(1.0, abs=0.01)
    assert sums(shaped.loop, "segment").total.count == 1


@pytest.mark.parametrize("after", [0.01, 0.07, 0.5])
def test_a_run_that_ends_cuts_it_off(after: float, make_loop: MakeLoop, serve: Serve) -> None:
    """While it connects, while its request is under way, while it is paced."""
    shaped = Shaped(make_loop, serve(giving(500_000)))
    shaped.admit(Line((4e6,), 0.05), shaped.get())
    shaped.run(after)
    shaped.loop.cancel()
    recorded = sums(shaped.loop, "segment")
    assert (recorded.count, recorded.cancelled) == (1, 1)
    assert recorded.bytes == pytest.approx(max(0.0, after - 0.1) * 5e5, abs=5e5 * QUANTUM + 1500)
    wait_for(lambda: not shaped.server.connections, shaped.server.step)


# -- the generator's own part ---------------------------------------------------------------------------------------


def test_wake_ups_that_come_late_count_as_the_generators_lateness(make_loop: MakeLoop, serve: Serve) -> None:
    shaped = Shaped(make_loop, serve(giving(5_000_000)))
    shaped.admit(Line((8e6,)), shaped.get())
    shaped.run(0.5)
    assert shaped.loop.health.lag.largest < 2 * TURN
    shaped.turns.now += 3
    shaped.run(TURN)
    assert shaped.loop.health.lag.largest == pytest.approx(3, abs=QUANTUM)
    assert shaped.loop.health.late == 1
    shaped.loop.cancel()


def test_a_late_turn_does_not_cost_the_viewer_what_its_link_has_carried(make_loop: MakeLoop, serve: Serve) -> None:
    """Late by less than the kernel's buffer holds, the viewer is told the same."""
    shaped = Shaped(make_loop, serve(giving(1_000_000)))
    replies = shaped.admit(Line((8e6,)), shaped.get())
    while not shaped.loop.is_idle:
        shaped.turns.now += 0.03
        shaped.run(TURN)
    assert seconds(replies) == [pytest.approx(1.0 + 2 * 0.031, abs=0.005)]  # heard a turn late, answered a turn late


def test_an_error_in_one_last_mile_is_not_the_others(make_loop: MakeLoop, serve: Serve) -> None:
    class Broken(Line):
        def rate(self, second: int) -> float:
            if second == 1:
                raise RuntimeError("no such second")
            return super().rate(second)

    shaped = Shaped(make_loop, serve(giving(1_000_000)))
    shaped.admit(Broken((4e6,)), shaped.get(timeout=5.0), number=1)
    good = shaped.admit(Line((4e6,)), shaped.get(), number=2)
    shaped.settle()
    assert seconds(good) == [pytest.approx(2.0, abs=0.01)]
    assert shaped.loop.health.faults >= 1
