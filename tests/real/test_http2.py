"""A run over HTTP/2 against real nginx, told twice: by us, and by nginx's own access log."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from loadtests.errors import TargetError
from loadtests.preflight import look
from loadtests.run import Run, read_run
from loadtests.scenario import read_scenario
from tests.engine.certificates import Authority
from tests.needs import needs
from tests.real.nginx import Nginx, listens
from tests.real.processes import Started, fresh_port, locust, until
from tests.real.scenarios import plan, surge, write

pytestmark = pytest.mark.slow

REQUESTS: Final = 12
"""How many requests nginx takes on a connection before it goes away: often enough to be seen."""

CONFIG: Final = """
daemon off; master_process off; pid nginx.pid; error_log stderr warn; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; video/mp4 mp4 m4s; }}
  log_format exact escape=json '{{"at":$msec,"seconds":$request_time,"status":$status,"body":$body_bytes_sent,'
    '"sent":$bytes_sent,"uri":"$request_uri","connection":$connection,"protocol":"$server_protocol",'
    '"resumed":"$ssl_session_reused"}}';
  access_log access.log exact;
  keepalive_requests {requests}; ssl_certificate {pem}; ssl_certificate_key {pem}; ssl_session_cache builtin:1000;
  server {{ listen 127.0.0.1:{port} backlog=4096 ssl http2; root {www}; }}
  server {{ listen 127.0.0.1:{old} backlog=4096 ssl; root {www}; }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request as nginx saw it."""

    at: float
    seconds: float
    status: int
    body: int
    sent: int
    uri: str
    connection: int
    protocol: str
    resumed: str

    @property
    def kind(self) -> str:
        if self.uri.endswith("master.m3u8"):
            return "master"
        return "playlist" if self.uri.endswith(".m3u8") else "segment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secure:
    """nginx with TLS: ``port`` offers HTTP/2, ``old`` does not."""

    folder: Path
    port: int
    old: int
    ca_file: Path

    def scenario(self, folder: Path, url: str = "", **changes: object) -> Path:
        target = {"http": "2", "ca_file": str(self.ca_file)}
        url = url or f"https://127.0.0.1:{self.port}/live/master.m3u8"
        return write(folder, plan(url, target=target, **changes))

    def entries(self, since: float) -> list[Entry]:
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        entries = (Entry(**json.loads(line)) for line in lines)
        return [entry for entry in entries if entry.at - entry.seconds >= since]


@pytest.fixture(scope="module")
def secure(nginx: Nginx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """The live stream of the other tests, served over TLS."""
    folder = tmp_path_factory.mktemp("secure")
    authority = Authority(folder, "nginx")
    authority.server("127.0.0.1")
    (pem,) = folder.glob("server-*.pem")
    server = Secure(folder=folder, port=fresh_port(), old=fresh_port(), ca_file=authority.file)
    config = folder / "nginx.conf"
    text = CONFIG.format(port=server.port, old=server.old, www=nginx.www, pem=pem, requests=REQUESTS)
    config.write_text(text, encoding="utf-8")
    words = [needs("nginx"), "-p", str(folder), "-c", str(config), "-e", "stderr"]
    with (folder / "nginx.stderr").open("wb") as said, subprocess.Popen(words, stderr=said) as process:
        try:
            until(lambda: listens(server.port), "nginx with TLS")
            yield server
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def told(secure: Secure, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[Entry]]:
    """60 viewers for ten seconds at the plateau."""
    folder = tmp_path_factory.mktemp("http2")
    scenario = secure.scenario(folder, surge=surge(30, 60, (1, 1, 2, 10, 1)))
    words = ("--headless", "--only-summary", "--scenario", scenario, "--out", folder / "run")
    with Started(locust(*words), folder) as load:
        assert load.wait(60) == 0, load.stderr
    run = read_run(folder / "run")
    return run, secure.entries(run.header.started_at.timestamp())


def test_every_request_and_every_byte_is_counted_alike_by_both_sides(told: tuple[Run, list[Entry]]) -> None:
    """Although nginx goes away again and again, and what it has not looked at is sent to the next connection."""
    run, log = told
    footer = run.footer
    assert footer is not None
    assert footer.complete
    print(f"requests by us {footer.totals.requests}, by nginx {dict(Counter(entry.kind for entry in log))}")
    assert footer.totals.errors == 0
    assert footer.totals.requests == Counter(entry.kind for entry in log)
    assert footer.totals.bytes == sum(entry.body for entry in log)
    assert footer.totals.head_bytes == sum(entry.sent - entry.body for entry in log)
    assert {entry.status for entry in log} == {200}
    assert {entry.protocol for entry in log} == {"HTTP/2.0"}


def test_a_connection_carries_as_many_requests_as_nginx_takes(told: tuple[Run, list[Entry]]) -> None:
    run, log = told
    carried: dict[int, list[Entry]] = defaultdict(list)
    for entry in log:
        carried[entry.connection].append(entry)
    assert max(map(len, carried.values())) == REQUESTS
    reconnects = sum(window.players.reconnects for window in run.windows)
    assert run.footer is not None
    assert len(carried) == run.footer.totals.joins + reconnects
    later = [entries[0].resumed for entries in carried.values()]
    assert later.count("r") == reconnects > 0


def test_a_server_without_http2_is_refused_before_the_run(secure: Secure, tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{secure.old}/live/master.m3u8"
    with pytest.raises(TargetError, match=r"the server has chosen HTTP/1\.1 \(ALPN\)") as raised:
        look(read_scenario(secure.scenario(tmp_path, url)))
    assert "target.http" in str(raised.value.hint)


def test_http2_without_tls_is_refused_before_the_run(secure: Secure, nginx: Nginx, tmp_path: Path) -> None:
    began = time.time()
    with pytest.raises(TargetError, match="over TLS only"):
        look(read_scenario(secure.scenario(tmp_path, nginx.url("live/master.m3u8"))))
    assert nginx.entries(began, "live") == []
