"""nginx's ``stub_status`` page: open connections and requests.

https://nginx.org/en/docs/http/ngx_http_stub_status_module.html
"""

from __future__ import annotations

import re
from typing import Final

from loadtests.observers import NodeObserver
from loadtests.readings import Reading

_PAGE: Final = re.compile(
    r"\s*Active connections:\s+(?P<active>\d{1,15})\s+server accepts handled requests\s+"
    r"\d{1,18}\s+\d{1,18}\s+(?P<requests>\d{1,18})\s"
)


class NginxStatus(NodeObserver):
    """One page per nginx. It says nothing of CPU, memory or network. Our own look is one request and connection."""

    def read_page(self, text: str) -> Reading:
        """Active connections, waiting ones among them, and the count of requests."""
        page = _PAGE.match(text)
        if page is None:
            raise ValueError(f"it is no stub_status page: {text[:60]!r}")
        return Reading(connections=float(page["active"]), requests_total=float(page["requests"]))
