"""A Prometheus server, asked with PromQL of your own: https://prometheus.io/docs/prometheus/latest/querying/api/."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, Final, Self
from urllib.parse import quote

from pydantic import Field, model_validator

from loadtests.observers import Ask, Observer, Page, without_query
from loadtests.readings import Reading

MOST_NODES: Final = 500
"""Series that one answer may have: more is a query that was meant otherwise."""
MEASURES: Final = ("cpu", "cores", "memory", "memory_limit", "sent", "network_limit", "connections", "requests")


class Prometheus(Observer):
    """One query per figure; each series of its answer is a node. Rates are as old as the range that you give them."""

    url: Page
    """The server, such as ``http://prometheus:9090``."""
    node_label: str = Field(default="instance", min_length=1)
    """The label whose value is the node's name."""
    cpu: str = ""
    """Share of the node's CPU, 1 for all of it."""
    cores: str = ""
    """Cores of the node."""
    memory: str = ""
    """Bytes in use."""
    memory_limit: str = ""
    """Bytes that there are."""
    sent: str = ""
    """Bits per second that leave the node."""
    network_limit: str = ""
    """Bits per second that may leave it."""
    connections: str = ""
    """Open connections."""
    requests: str = ""
    """Requests per second."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.asks():
            raise ValueError(f"give a query for at least one of {', '.join(MEASURES)}")
        return self

    def asks(self) -> tuple[Ask, ...]:
        """One address per query."""
        base = without_query(self.url).rstrip("/")
        queries = ((name, getattr(self, name)) for name in MEASURES)
        return tuple(
            Ask(name, f"{base}/api/v1/query?query={quote(query, safe='')}") for name, query in queries if query
        )

    def read(self, ask: Ask, text: str) -> dict[str, Reading]:
        """The value of each series; what is no number is left out."""
        return {node: Reading(**{ask.key: value}) for node, value in self._values(text)}

    def _values(self, text: str) -> list[tuple[str, float]]:
        try:
            answer: Any = json.loads(text)
            series: Any = answer["data"]["result"] if answer["status"] == "success" else None
            found = [(str(one["metric"].get(self.node_label, ""))[:80], float(one["value"][1])) for one in series]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError) as error:
            raise ValueError(f"it is no answer with a vector: {text[:60]!r}") from error
        if len(found) > MOST_NODES:
            raise ValueError(f"it has {len(found)} series, at most {MOST_NODES} are nodes")
        if any(not node for node, _ in found):
            raise ValueError(f"it has a series without the label {self.node_label!r}")
        for node, times in Counter(node for node, _ in found).items():
            if times > 1:
                raise ValueError(f"it says {node} has {times} series; aggregate by {self.node_label}")
        return [(node, value) for node, value in found if math.isfinite(value) and value >= 0]

    def shown(self) -> Self:
        """Without the query of its address."""
        return self.model_copy(update={"url": without_query(self.url)})
