"""A server on loopback that answers as AWS does, over its own protocols, for commands that open their own session."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.clouds.answers import Asked
from tests.store.valve import free_port

WHO = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><UserId>u</UserId>"
    "<Arn>arn:aws:iam::123456789012:user/tests</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@contextmanager
def counter(answers: Mapping[str, Asked]) -> Iterator[str]:
    """Its address. ``answers`` by operation, such as ``GetProducts``; what has none is refused."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def log_message(self, *_: object) -> None:
            """Silent."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            if not operation:
                self._send(200, WHO, "text/xml")
            elif operation in answers:
                self._send(200, json.dumps(answers[operation](json.loads(body))), "application/x-amz-json-1.1")
            else:
                told = {"__type": "AccessDeniedException", "Message": "not authorized"}
                self._send(400, json.dumps(told), "application/x-amz-json-1.1")

        def _send(self, status: int, body: str, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
