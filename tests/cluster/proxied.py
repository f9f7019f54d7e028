"""The API server's proxy for services, and a Prometheus behind it that answers as the real one does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from tests.cluster.api import Handler, Resource, Status

PATH: Final = re.compile(r"/api/v1/namespaces/([^/]+)/services/([^/]+)/proxy(/.*)")
PROXY: Final = Resource("", "v1", "services/proxy", "Service")


def placed(path: str) -> tuple[str, str, str] | None:
    """Namespace, service and the path there."""
    found = PATH.fullmatch(path)
    return None if found is None else (found[1], found[2], found[3])


def forward(handler: Handler, namespace: str, service: str, path: str, query: str) -> None:
    """What the service answers, as it is: without the caller's token, as Kubernetes does."""
    handler.allow("get", PROXY)
    address = handler.api.services.get((namespace, service))
    if address is None:
        raise Status(404, "NotFound", f'services "{service}" not found')
    try:
        with urlopen(f"{address}{path}?{query}", timeout=10) as answer:
            code, body = answer.status, answer.read()
    except HTTPError as error:
        code, body = error.code, error.read()
    except URLError as error:
        message = f"error trying to reach service: {error.reason}"
        raise Status(503, "ServiceUnavailable", message) from None
    handler.send_response(code)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def vector(**values: str) -> dict[str, Any]:
    """An instant vector, by pod; underscores are hyphens."""
    series = [
        {"metric": {"pod": pod.replace("_", "-")}, "value": [1795773600.123, text]} for pod, text in values.items()
    ]
    return {"status": "success", "data": {"resultType": "vector", "result": series}}


@dataclass
class Answers:
    """What a Prometheus says, and what it was asked."""

    cpu: Any
    memory: Any
    code: int = 200
    queries: list[str] = field(default_factory=list)

    def to(self, query: str) -> bytes:
        """By the metric."""
        self.queries.append(query)
        found = self.cpu if "container_cpu_usage_seconds_total" in query else self.memory
        return found if isinstance(found, bytes) else json.dumps(found).encode()


@contextmanager
def prometheus(answers: Answers) -> Iterator[str]:
    """Its address."""

    class Told(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Silent."""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            known = url.path == "/api/v1/query"
            body = answers.to(parse_qs(url.query)["query"][0]) if known else b"404 page not found"
            self.send_response(answers.code if known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Told)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
