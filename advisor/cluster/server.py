"""An API server as a kubeconfig context names it: reads, page by page; what else is sent is said as a `Request`.

The ``kubernetes`` client knows kubeconfigs, certificates, tokens and plugins; its answers are taken as plain JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import yaml

from loadtests.errors import InputError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

PAGE: Final = 500
"""Objects of a page, as kubectl asks for."""
MOST: Final = 20_000
"""Objects of a list at most: beyond them a namespace is not one workload's."""
LARGEST: Final = 64 * 2**20
"""Bytes of an answer at most."""
CONNECT: Final = 5.0
READ: Final = 30.0
"""Seconds."""
TRIES: Final = 5
"""How often a server that is busy (429) or restarting (502, 503, 504) is asked."""
LONGEST_WAIT: Final = 30.0
"""Seconds between two tries, whatever Retry-After says."""
BUSY: Final = (429, 502, 503, 504)
GONE: Final = 410
INSTALL: Final = "install it with: pip install 'surgecast[cluster]'"


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The server said no, or nothing: ``status`` is 0 when it could not be reached."""

    def __init__(self, status: int, message: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer = answer or {}
        """The ``Status`` object, empty where there was none."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Only `surgecast.applying` makes any that is not a GET."""

    method: str
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    media: str = "application/json"
    """Type of the body."""

    @property
    def again(self) -> tuple[int, ...]:
        """Answers after which it is sent again: a POST that went through may have been answered by a 502."""
        return BUSY if self.method != "POST" else BUSY[:1]


@dataclass(slots=True)
class Server:
    """A context of a kubeconfig, connected to nothing until it is asked."""

    context: str
    address: str
    namespace: str
    """Of the context; ``default`` when it names none."""
    client: ApiClient = field(repr=False)
    sleep: Callable[[float], None] = time.sleep

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """One answer; asked again while the server is busy. Raises `Refused`."""
        return self.send(Request("GET", path, query or {}))

    def send(self, request: Request) -> dict[str, Any]:
        """The answer to any request; sent again while the server is busy. Raises `Refused`."""
        for _ in range(TRIES - 1):
            status, wait, body = self._once(request)
            if status not in request.again:
                break
            self.sleep(wait)
        else:
            status, _, body = self._once(request)
        answer = _parsed(body)
        if not 200 <= status < 300:
            why = str(answer.get("message") or body[:200].decode(errors="replace") or "no reason given")
            raise Refused(status, why, answer)
        return answer

    def _once(self, request: Request) -> tuple[int, float, bytes]:
        import urllib3

        rest, config = self.client.rest_client, self.client.configuration
        headers = {"Accept": "application/json", "User-Agent": "surgecast"}
        headers |= {one["key"]: one["value"] for one in config.auth_settings().values() if one["in"] == "header"}
        if request.body is not None:
            headers["Content-Type"] = request.media
        query = f"?{urlencode(request.query)}" if request.query else ""
        try:
            answer = rest.pool_manager.request(
                request.method,
                f"{config.host}{request.path}{query}",
                headers=headers,
                body=None if request.body is None else json.dumps(request.body).encode(),
                timeout=urllib3.Timeout(connect=CONNECT, read=READ),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                body = answer.read(LARGEST + 1, decode_content=True)
            finally:
                answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Refused(0, f"{type(error).__name__}: {error}") from error
        if len(body) > LARGEST:
            raise Refused(0, f"an answer of more than {LARGEST:,} bytes")
        return answer.status, _seconds(answer.headers.get("Retry-After", "")), body

    def items(self, path: str) -> Iterator[dict[str, Any]]:
        """Every object of a list; a list that changed too much meanwhile (410) is begun again. Raises `Refused`."""
        for _ in range(TRIES):
            try:
                yield from self._pages(path)
            except Refused as refused:
                if refused.status != GONE:
                    raise
            else:
                return
        raise Refused(GONE, f"the list changed faster than it could be read, {TRIES} times")

    def _pages(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self.get(path, {"limit": PAGE} | ({"continue": token} if token else {}))
            found += [one for one in page.get("items") or () if isinstance(one, dict)]
            token = str((page.get("metadata") or {}).get("continue") or "")
            if not token:
                return found
            if len(found) >= MOST:
                raise Refused(0, f"more than {MOST:,} objects")


def connect(context: str, kubeconfig: Path | None) -> Server:
    """The server of a context; InputError when there is none, with those that there are. Asks it nothing yet."""
    try:
        from kubernetes import config
    except ImportError as error:
        raise InputError("the kubernetes client is not installed", hint=INSTALL) from error
    file = None if kubeconfig is None else str(kubeconfig)
    try:
        known, _ = config.list_kube_config_contexts(file)  # type: ignore[no-untyped-call]
        found = {str(one["name"]): one.get("context") or {} for one in known}
        if context in found:
            client = config.new_client_from_config(file, context, False)  # type: ignore[no-untyped-call]
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError) as error:
        hint = "give --kubeconfig FILE, or set KUBECONFIG"
        raise InputError(f"no kubeconfig can be read: {' '.join(str(error).split())}", hint=hint) from error
    if context not in found:
        raise InputError(f"there is no context {context!r}", hint=f"one of: {', '.join(sorted(found))}")
    namespace = str(found[context].get("namespace") or "default")
    return Server(context, str(client.configuration.host), namespace, client)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(text: str) -> float:
    return min(LONGEST_WAIT, float(text)) if text.isascii() and text.isdigit() else 1.0
