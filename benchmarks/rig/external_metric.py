"""An external metrics API over HTTPS, for a cluster's aggregator: one metric, and a note of each time it is asked for.

Wire format: external.metrics.k8s.io/v1beta1, as k8s.io/metrics and the aggregator's discovery have it.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from loadtests.errors import InputError

GROUP: Final = "external.metrics.k8s.io"
VERSION: Final = "v1beta1"
ROOT: Final = f"/apis/{GROUP}/{VERSION}"
METRIC: Final = "surgecast_viewers"


def answer(path: str, asked: Callable[[], int]) -> dict[str, Any] | None:
    """The document at a path; None where there is none. ``asked`` gives the value, in thousandths."""
    if path in ("/apis", f"/apis/{GROUP}"):
        version = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
        group = {"name": GROUP, "versions": [version], "preferredVersion": version}
        one = {"kind": "APIGroup", "apiVersion": "v1", **group}
        return one if path != "/apis" else {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
    if path == ROOT:
        named = {"name": METRIC, "singularName": "", "namespaced": True, "kind": "ExternalMetricValueList"}
        resources = [{**named, "verbs": ["get"]}]
        head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/{VERSION}"}
        return {**head, "resources": resources}
    words = path.removeprefix(f"{ROOT}/namespaces/").split("/")
    if path.startswith(f"{ROOT}/namespaces/") and len(words) == 2 and words[1] == METRIC:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        value: dict[str, Any] = {"metricName": METRIC, "metricLabels": {}, "timestamp": now, "value": f"{asked()}m"}
        head = {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/{VERSION}"}
        return {**head, "metadata": {}, "items": [value]}
    return None


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    asked: Callable[[], int]

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        """Discovery or the metric."""
        found = answer(urlsplit(self.path).path, type(self).asked)
        missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        data = json.dumps(missing if found is None else found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(host: str, certificate: Path, asked: Callable[[], int]) -> Iterator[int]:
    """The port, for as long as it is served."""
    handler = type("Bound", (Handler,), {"asked": staticmethod(asked)})
    try:
        server = ThreadingHTTPServer((host, 0), handler)
    except OSError as error:
        raise InputError(f"{host}: cannot listen there: {error}", hint="an address of this machine") from error
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
