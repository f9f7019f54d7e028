"""Small web servers that are no fit targets, each in its own way; they count what they are asked."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.real.processes import fresh_port

HEADER: Final = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n"
SEGMENT: Final = "#EXTINF:2.0,\n7.ts\n"
ANSWERS: Final = {
    "/page.html": (200, "<html>not a playlist</html>"),
    "/vod.m3u8": (200, HEADER + SEGMENT + "#EXT-X-ENDLIST\n"),
    "/empty.m3u8": (200, HEADER),
    "/loop.m3u8": (302, ""),
    "/forbidden.m3u8": (403, "no"),
    "/live.m3u8": (200, HEADER + SEGMENT),
    "/7.ts": (200, "G" * 188),
}


class Unfit(ThreadingHTTPServer):
    """Answers by path, and keeps count."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", fresh_port()), _Handler)
        self.asked = Counter[str]()
        self._scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def url(self, path: str) -> str:
        return f"{self._scheme}://localhost:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up on our certificate is what we are here for."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Unfit)
        self.server.asked[self.path] += 1
        status, text = ANSWERS.get(self.path.partition("?")[0], (404, ""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Location", self.path)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def unfit(tls: ssl.SSLContext | None = None) -> Iterator[Unfit]:
    """Such a server, in a thread."""
    with Unfit(tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate for localhost that no authority has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "localhost.pem"
    form, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(form, private, serialization.NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
