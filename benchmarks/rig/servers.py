"""nginx as every client's target: some processes on one core, each with a few ports, all serving the same files.

A process has 20,000 descriptors at most on many machines, and nginx closes idle connections once less than 1/16 of
its connections are free. So viewers spread over processes, none above 85 % of its connections, and over ports, so
that the 28,000 local ports per destination suffice. `Servers.origins` refuses more viewers than that carries.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.rig.machine import CLIENT_CORE, SERVER_CORE, Moment, memory, on_core, tree, used_by, used_of
from tests.engine.certificates import Authority

CONNECTIONS: Final = 19_000
ROOM: Final = 0.85
"""Share of its connections that a process may have in use."""
PROCESSES: Final = 5
FIRST_PORT: Final = 9200
ENDLESS: Final = "endless.ts"
"""A body that nobody reads to its end."""
KINDS: Final = ("http", "https", "h2", "http-close", "resume", "full")
"""Ways to be asked: plain; TLS; HTTP/2 over TLS; plain, a connection per request; TLS, a connection per request,
resumed; the same with full handshakes only."""

_CONFIG: Final = """master_process off; daemon off; pid nginx-{number}.pid; error_log stderr crit;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; multi_accept on; }}
http {{
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=100 inactive=1h; open_file_cache_valid 1h;
  keepalive_timeout 1h; keepalive_requests 1000000000;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  ssl_certificate {certificate}; ssl_certificate_key {certificate}; ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_tickets on; ssl_session_timeout 1h; root html;
  log_format handshakes '$ssl_session_reused';
  server {{ listen 127.0.0.1:{http} backlog=16384; location = /status {{ stub_status; }} }}
  server {{ listen 127.0.0.1:{https} ssl backlog=16384; }}
  server {{ listen 127.0.0.1:{h2} ssl http2 backlog=16384; }}
  server {{ listen 127.0.0.1:{http_close} backlog=16384; keepalive_timeout 0; }}
  server {{ listen 127.0.0.1:{resume} ssl backlog=16384; keepalive_timeout 0; access_log resume.log handshakes; }}
  server {{ listen 127.0.0.1:{full} ssl backlog=16384; keepalive_timeout 0; access_log full.log handshakes;
           ssl_session_tickets off; ssl_session_cache off; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Servers:
    """The running servers."""

    folder: Path
    ca_file: str
    processes: tuple[psutil.Process, ...]
    doors: tuple[http.client.HTTPConnection, ...]
    """How we ask each process for its counters, over one connection that stays."""

    def origins(self, kind: str, viewers: int) -> tuple[str, ...]:
        """Where ``viewers`` go, one connection each; ValueError when that is too many."""
        if viewers > most_viewers():
            raise ValueError(f"{len(self.processes)} nginx processes carry {most_viewers():,} viewers, not {viewers:,}")
        scheme = "http" if kind.startswith("http") and kind != "https" else "https"
        return tuple(f"{scheme}://127.0.0.1:{port(number, kind)}" for number in range(len(self.processes)))

    def moment(self, client: int, *, private: bool = False) -> Moment:
        """Every counter now; ``client`` is the client's process, ``private`` looks into its memory too."""
        status = [_status(door) for door in self.doors]
        return Moment(
            time.time(),
            used_by(tree(client)),
            used_by(self.processes),
            used_of(CLIENT_CORE),
            used_of(SERVER_CORE),
            sum(requests for _, requests in status),
            sum(accepted for accepted, _ in status),
            memory(client, private=private),
        )

    def handshakes(self, kind: str) -> tuple[int, int]:
        """How many requests of a server came over (full, resumed) handshakes; forgets them."""
        log = self.folder / f"{kind}.log"
        if not log.exists():
            return 0, 0
        text = log.read_bytes()
        os.truncate(log, 0)
        return text.count(b"."), text.count(b"r")


def port(number: int, kind: str) -> int:
    """Where one process listens."""
    return FIRST_PORT + 10 * number + KINDS.index(kind)


def most_viewers() -> int:
    """How many viewers all processes carry."""
    return int(PROCESSES * CONNECTIONS * ROOM)


def _status(door: http.client.HTTPConnection) -> tuple[int, int]:
    """(connections accepted, requests answered) of one process."""
    door.request("GET", "/status")
    found = re.search(r"\s(\d+) (\d+) (\d+)\s", door.getresponse().read().decode("ascii"))
    assert found
    return int(found[1]), int(found[3])


def _files(folder: Path) -> None:
    html = folder / "html"
    html.mkdir()
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXT-X-MEDIA-SEQUENCE:1"]
    lines += [line for k in range(20) for line in ("#EXTINF:4.000,", f"segment-{k:08d}-of-the-live-stream.ts")]
    (html / "p.m3u8").write_text("\n".join(lines) + "\n", encoding="ascii")
    for kilobytes in (20, 250):
        (html / f"s{kilobytes}.ts").write_bytes(os.urandom(kilobytes * 1000))
    with (html / ENDLESS).open("wb") as endless:
        endless.truncate(2**30)  # zeros that take no room


def _certificate(folder: Path) -> tuple[Path, Path]:
    """(the authority's file, the server's file)."""
    authority = Authority(folder, "authority")
    authority.server("127.0.0.1")
    (server,) = folder.glob("server-*.pem")
    return authority.file, server


@contextmanager
def serving() -> Iterator[Servers]:
    """Nginx on the server's core, in a folder of its own."""
    with ExitStack() as stack:
        _see_that_ports_are_free()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="surgecast-bench-")))
        folder.chmod(0o755)  # nginx started by root serves as nobody
        _files(folder)
        ca_file, certificate = _certificate(folder)
        certificate.chmod(0o644)
        processes = []
        for number in range(PROCESSES):
            place = folder / f"nginx-{number}.conf"
            ports = {kind.replace("-", "_"): port(number, kind) for kind in KINDS}
            words = {"number": number, "files": CONNECTIONS + 1000, "connections": CONNECTIONS}
            place.write_text(_CONFIG.format(**words, certificate=certificate, **ports), encoding="ascii")
            command = on_core(SERVER_CORE, "nginx", "-p", folder, "-c", place, "-e", "stderr")
            process = stack.enter_context(subprocess.Popen(command))
            stack.callback(process.terminate)
            processes.append(psutil.Process(process.pid))
            _await(port(number, "full"), process)
        os.sched_setaffinity(0, {SERVER_CORE})  # we only wait and count; the client has its core to itself
        doors = [http.client.HTTPConnection("127.0.0.1", port(n, "http"), timeout=20) for n in range(PROCESSES)]
        yield Servers(folder, str(ca_file), tuple(processes), tuple(doors))


def _listens(where: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", where)) == 0


def _see_that_ports_are_free() -> None:
    taken = [where for number in range(PROCESSES) for kind in KINDS if _listens(where := port(number, kind))]
    if taken:
        sys.exit(f"ports {taken} are taken: does another benchmark run?")


def _await(where: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if _listens(where):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"nginx does not listen on port {where}: is it taken?")
