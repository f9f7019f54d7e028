"""Real caches in front of an origin, each with its own account of what it did: nginx and Varnish."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.cached import CacheState
from loadtests.session import RequestKind
from tests.needs import needs
from tests.real.nginx import listens
from tests.real.processes import fresh_port, until

NGINX: Final = """
daemon off; master_process off; pid nginx.pid; error_log stderr warn; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  proxy_cache_path kept keys_zone=edge:10m inactive=10m;
  log_format cached escape=json '{{"at":$msec,"uri":"$request_uri","cache":"$upstream_cache_status"}}';
  access_log access.log cached;
  keepalive_requests 100000;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache edge; proxy_cache_lock on; proxy_cache_use_stale updating;
      add_header X-Cache-Status $upstream_cache_status always;
    }}
  }}
}}
"""
"""``proxy_cache_lock`` holds back requests for what is new; for what has expired ``use_stale updating`` does."""

STATES: Final[dict[str, CacheState]] = {
    "HIT": "hit",
    "MISS": "miss",
    "EXPIRED": "miss",
    "UPDATING": "stale",
    "STALE": "stale",
    "REVALIDATED": "revalidated",
    "BYPASS": "bypass",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One request as nginx saw it; ``at`` is when it ended, seconds since 1970."""

    at: float
    uri: str
    cache: str

    @property
    def kind(self) -> RequestKind:
        if self.uri.endswith("master.m3u8"):
            return "master"
        return "playlist" if self.uri.endswith(".m3u8") else "segment"

    @property
    def state(self) -> CacheState:
        return STATES[self.cache]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A running cache."""

    folder: Path
    port: int

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def logged(self) -> list[Logged]:
        """What nginx's own access log says."""
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        return [Logged(**json.loads(line)) for line in lines]

    def counters(self) -> dict[str, int]:
        """What Varnish says of itself."""
        words = [needs("varnishstat"), "-j", "-n", str(self.folder)]
        told = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=20).stdout)
        counters = told.get("counters", told)
        return {name: one["value"] for name, one in counters.items() if isinstance(one, dict)}


@contextmanager
def nginx_cache(folder: Path, origin: int) -> Iterator[Cache]:
    """nginx that keeps what the origin at this port allows, and collapses requests."""
    cache = Cache(folder=folder, port=fresh_port())
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(port=cache.port, origin=origin), encoding="utf-8")
    words = [needs("nginx"), "-p", str(folder), "-c", str(config), "-e", "stderr"]
    with _running(words, cache):
        yield cache


@contextmanager
def varnish_cache(folder: Path, origin: int) -> Iterator[Cache]:
    """Varnish as it comes, with its built-in rules, except that it serves nothing past its lifetime (no grace)."""
    cache = Cache(folder=folder, port=fresh_port())
    words = [needs("varnishd"), "-j", "none", "-F", "-n", str(folder), "-a", f"127.0.0.1:{cache.port}"]
    words += ["-b", f"127.0.0.1:{origin}", "-s", "malloc,256m", "-p", "default_grace=0"]
    with _running(words, cache):
        yield cache


@contextmanager
def _running(words: list[str], cache: Cache) -> Iterator[None]:
    with (cache.folder / "stderr").open("wb") as said, subprocess.Popen(words, stdout=said, stderr=said) as process:
        try:
            until(lambda: listens(cache.port), words[0])
            yield
        finally:
            process.terminate()
            process.wait(10)
