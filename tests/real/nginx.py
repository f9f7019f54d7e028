"""A real nginx as origin, and its access log as the second witness of a run."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.session import RequestKind
from tests.needs import needs
from tests.real.processes import fresh_port, until

SLOW_RATE: Final = "200k"
"""Bytes a second for each segment of the highest rendition, so that its latency is long enough to compare."""

CONFIG: Final = """
daemon off; master_process off; pid nginx.pid; error_log stderr warn; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; video/mp4 mp4 m4s; }}
  log_format exact escape=json '{{"at":$msec,"seconds":$request_time,"status":$status,"body":$body_bytes_sent,'
    '"sent":$bytes_sent,"uri":"$request_uri","connection":$connection,"version":"$sent_http_etag"}}';
  access_log access.log exact;
  sendfile on; sendfile_max_chunk 16k; tcp_nodelay on; keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root www;
    location = /stub_status {{ stub_status; access_log off; }}
    location = /live/master.m3u8 {{ return 302 /viewer/$connection/live/master.m3u8; }}
    location ~ ^/viewer/[0-9]+/(?<file>live/high/.+\\.ts)$ {{ alias {www}/$file; limit_rate {rate}; }}
    location ~ ^/viewer/[0-9]+/(?<file>.+)$ {{ alias {www}/$file; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request as nginx saw it; ``at`` is when it ended, seconds since 1970, to the millisecond."""

    at: float
    seconds: float
    status: int
    body: int
    sent: int
    uri: str
    connection: int
    version: str

    @property
    def started(self) -> float:
        return self.at - self.seconds

    @property
    def kind(self) -> RequestKind:
        if self.uri.endswith("master.m3u8"):
            return "master"
        if self.uri.endswith(".m3u8"):
            return "playlist"
        return "init" if self.uri.endswith(".mp4") else "segment"

    @property
    def viewer(self) -> str:
        """The token in the path that nginx gave this viewer with its first redirect, empty where there is none."""
        match = re.match(r"/viewer/(\d+)/", self.uri)
        return match[1] if match else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """A running nginx. ``/live/`` gives each viewer a path of its own by a redirect; ``/cmaf/`` is served as it is."""

    folder: Path
    port: int

    @property
    def www(self) -> Path:
        return self.folder / "www"

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def entries(self, since: float, folder: str) -> list[Entry]:
        """The requests for a stream's folder that ended after ``since``, in the order they began."""
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        entries = (Entry(**json.loads(line)) for line in lines)
        wanted = (entry for entry in entries if entry.at >= since and f"/{folder}/" in entry.uri)
        return sorted(wanted, key=lambda entry: entry.started)


@contextmanager
def serving(folder: Path) -> Iterator[Nginx]:
    """nginx over ``folder/www`` on a port of its own."""
    server = Nginx(folder=folder, port=fresh_port())
    server.www.mkdir(parents=True)
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(port=server.port, www=server.www, rate=SLOW_RATE), encoding="utf-8")
    words = [needs("nginx"), "-p", str(folder), "-c", str(config), "-e", "stderr"]
    with (folder / "nginx.stderr").open("wb") as said, subprocess.Popen(words, stderr=said) as process:
        try:
            until(lambda: listens(server.port), "nginx")
            yield server
        finally:
            process.terminate()
            process.wait(10)


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
