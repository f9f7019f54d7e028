"""Observers: what servers under test say of themselves, one file each. They say what to ask and read the answer.

They do no I/O: `loadtests.wiring.lookout` asks, at the run's own times. What is read becomes `Target` lines.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, StringConstraints

from loadtests.plugins import Plugin
from loadtests.readings import Reading
from loadtests.units import Duration

SHORTEST: Final = 0.5
"""Seconds between two looks at least: more often a server would mostly answer us."""


def _page(url: str) -> str:
    parts = urlsplit(url)
    if parts.username is not None:
        raise ValueError(
            "a user name or password in the address is not sent and would be written to the run; remove it"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError(f"expected an http:// or https:// address, found {url!r}")
    return url


Page = Annotated[str, AfterValidator(_page)]
NodeName = Annotated[str, StringConstraints(pattern=r"^[\w.:@/-]{1,80}$")]


class Ask(NamedTuple):
    """One address to ask again and again: ``key`` tells the observer what the answer is about."""

    key: str
    url: str


class Observer(Plugin):
    """A way to ask servers how they are."""

    every: Duration = Field(default=2.0, ge=SHORTEST)
    """From one look to the next. Two seconds: five looks in two of the advisor's blocks."""

    def beside(self, url: str, resolve: Sequence[str]) -> Self:  # noqa: ARG002 - for those who need it
        """The observer of this target, where its address says something about the nodes."""
        return self

    @abstractmethod
    def asks(self) -> tuple[Ask, ...]:
        """Every address."""

    @abstractmethod
    def read(self, ask: Ask, text: str) -> dict[str, Reading]:
        """What an answer says of which nodes; ValueError says why it cannot be read."""

    def __hash__(self) -> int:
        """Targets are keys, and nodes are a mapping."""
        return hash((type(self), self.model_dump_json()))

    def shown(self) -> Self:
        """The observer as it may stand in a run file: without the queries of addresses, which may hold secrets."""
        return self


class NodeObserver(Observer):
    """Asks each node for a page of its own."""

    nodes: dict[NodeName, Page] = Field(min_length=1)
    """The name of each node, as reports show it, and the address of its page."""

    def asks(self) -> tuple[Ask, ...]:
        """One page per node."""
        return tuple(Ask(node, url) for node, url in self.nodes.items())

    def read(self, ask: Ask, text: str) -> dict[str, Reading]:
        """The node whose page it is."""
        return {ask.key: self.read_page(text)}

    @abstractmethod
    def read_page(self, text: str) -> Reading:
        """What a page says; ValueError when it is another page."""

    def shown(self) -> Self:
        """Without queries."""
        return self.model_copy(update={"nodes": {node: without_query(url) for node, url in self.nodes.items()}})


def without_query(url: str) -> str:
    """An address as it may be shown."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
