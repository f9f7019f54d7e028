"""The lookout against real servers on this machine: good ones, and those that would lead it elsewhere or never end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loadtests.observers.nginx_status import NginxStatus
from loadtests.readings import Reading
from loadtests.results import Line, Target
from loadtests.scenario import BUNDLED, Scenario, read_scenario
from loadtests.wiring import lookout
from loadtests.wiring.lookout import BACK, SILENT, Lookout
from tests.real.processes import fresh_port

STATUS = "Active connections: 3 \nserver accepts handled requests\n 5 5 {} \nReading: 0 Writing: 1 Waiting: 2 \n"


class Odd(ThreadingHTTPServer):
    """Counts what it is asked; ``answer`` makes the status, the body and where to go."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", fresh_port()), _Handler)
        self.asked = Counter[str]()
        self.broken = False
        self.elsewhere = ""
        self.waits = 0.0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def answer(self, path: str) -> tuple[int, str, str]:
        time.sleep(self.waits)
        if self.broken:
            return 503, "no", ""
        match path:
            case "/status":
                return 200, STATUS.format(100 * self.asked[path]), ""
            case "/away":
                return 302, "", self.elsewhere
            case "/page":
                return 200, "<html>hello</html>", ""
            case "/huge":
                return 200, "x" * (lookout.LARGEST + 1), ""
            case _:
                return 404, "", ""

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what we are here for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Odd)
        self.server.asked[self.path] += 1
        status, text, location = self.server.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(text)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def odd() -> Iterator[Odd]:
    with Odd() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Odd]:
    with odd() as running:
        yield running


class Watching:
    """A lookout that is driven here, and what it kept and noted."""

    def __init__(self, **pages: str) -> None:
        asked: list[dict[str, object]] = [{"observer": "nginx_status", "nodes": pages, "every": "0.5s"}]
        self.lines: list[Line] = []
        self.notes: list[tuple[str, str]] = []
        self.lookout = Lookout(scenario(asked), self.lines.append, self.note, time.time())

    def note(self, at: float, kind: str, text: str, **data: object) -> None:
        assert at >= 0
        assert data["observer"] in ("nginx_status", "")
        self.notes.append((kind, text))

    def until(self, seconds: float) -> None:
        while self.lookout.loop.clock() < seconds:
            self.lookout.turn()
            time.sleep(0.005)


def scenario(asked: list[dict[str, object]]) -> Scenario:
    data = read_scenario(BUNDLED).model_dump(mode="json")
    data["target"]["observe"] = asked
    return Scenario.model_validate(data)


def test_looks_are_kept_with_their_rates(server: Odd) -> None:
    watching = Watching(a=server.url("/status"))
    watching.until(1.8)
    watching.lookout.finish()
    told = [line for line in watching.lines if isinstance(line, Target)]
    assert [round(line.at / 0.5) for line in told] == [0, 1, 2, 3]
    assert [line.connections for line in told] == [3.0] * 4
    assert told[0].requests is None
    assert [line.requests for line in told[1:]] == pytest.approx([200.0] * 3, rel=0.2)
    assert watching.notes == []
    assert server.asked == {"/status": 4}


def test_a_server_that_falls_silent_leaves_a_gap_and_two_notes(server: Odd) -> None:
    watching = Watching(a=server.url("/status"))
    watching.until(0.8)
    server.broken = True
    watching.until(1.8)
    server.broken = False
    watching.until(2.8)
    watching.lookout.finish()
    assert [kind for kind, _ in watching.notes] == [SILENT, BACK]
    assert watching.notes[0][1] == "nginx_status a: answered 503"
    told = [line for line in watching.lines if isinstance(line, Target)]
    after = next(line for line in told if line.at > 1.8)
    assert not [line for line in told if 0.9 < line.at < 1.8]
    assert after.requests is None, "a rate over the gap would be made up"


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/away", "answered 302"), ("/page", "no stub_status page"), ("/huge", "too_large"), ("/gone", "answered 404")],
)
def test_what_is_no_answer_is_noted_once_and_gives_no_line(server: Odd, path: str, problem: str) -> None:
    with odd() as other:
        server.elsewhere = other.url("/status")
        watching = Watching(a=server.url(path))
        watching.until(1.3)
        watching.lookout.finish()
        assert [kind for kind, _ in watching.notes] == [SILENT]
        assert problem in watching.notes[0][1]
        assert watching.lines == []
        assert not other.asked, "a redirect is not followed"


def test_a_server_that_accepts_and_says_nothing_holds_up_no_other(server: Odd) -> None:
    with odd() as mute:
        mute.waits = 3.0
        watching = Watching(a=server.url("/status"), b=mute.url("/status"))
        watching.until(1.8)
        watching.lookout.finish()
        assert len(watching.lines) == 4
        assert mute.asked["/status"] == 1, "never two at once"


@pytest.mark.parametrize("error", [OverflowError("too large"), ZeroDivisionError("by nothing"), ValueError("odd")])
def test_an_odd_answer_is_a_gap_and_the_next_one_counts(
    server: Odd, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    read = NginxStatus.read_page

    def odd_at_first(self: NginxStatus, text: str) -> Reading:
        if server.asked["/status"] == 1:
            raise error
        return read(self, text)

    monkeypatch.setattr(NginxStatus, "read_page", odd_at_first)
    watching = Watching(a=server.url("/status"))
    watching.until(1.3)
    watching.lookout.finish()
    assert [kind for kind, _ in watching.notes] == [SILENT, BACK]
    assert len(watching.lines) == 2


def test_an_error_of_ours_that_ends_an_observer_is_noted(server: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_self: NginxStatus, _text: str) -> Reading:
        raise KeyError("a plugin's mistake")

    monkeypatch.setattr(NginxStatus, "read_page", wrong)
    watching = Watching(a=server.url("/status"))
    watching.until(1.3)
    watching.lookout.finish()
    ((kind, text),) = watching.notes
    assert kind == SILENT
    assert "a plugin's mistake" in text


def test_nobody_to_ask_is_nothing_to_do() -> None:
    watching = Lookout(scenario([]), lambda _: None, lambda *_, **__: None, time.time())
    assert watching.start() == []
    watching.finish()
