"""What viewers watch: the address, who claims it, and how it is reached; a region may have one of its own."""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PositiveInt, model_validator

from loadtests.observers import Observer
from loadtests.plugins import plugin_field
from loadtests.region import Frozen


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.username is not None:
        raise ValueError(
            "a user name or password in the address is not sent and would be written to the run; remove it"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or not url.isprintable():
        raise ValueError(f"expected an http:// or https:// address of a playlist, found {url!r}")
    return url


def _home_page(url: str) -> str:
    return _web_address(url) if url else url


def _override(text: str) -> str:
    host, _, rest = text.partition(":")
    port, _, addresses = rest.partition(":")
    try:
        for address in addresses.split(","):
            ip_address(address.strip("[]"))
        if host and 0 < int(port) < 65536:
            return text
    except ValueError:
        pass
    raise ValueError(f"expected HOST:PORT:ADDRESS[,ADDRESS] as curl's --resolve takes it, found {text!r}")


class Target(Frozen):
    """What the viewers watch."""

    url: Annotated[str, AfterValidator(_web_address)]
    owner: str = ""
    """Who says that this target is theirs to load; a run against an unclaimed target is refused."""
    hosts: tuple[str, ...] = ()
    """Further host names that the owner claims, such as the CDN that segments come from; others get no request."""
    nodes: PositiveInt = 1
    """How many nodes serve it now: capacity per node is what is measured divided by this."""
    resolve: tuple[Annotated[str, AfterValidator(_override)], ...] = ()
    """Connect overrides ``HOST:PORT:ADDRESS[,ADDRESS]``, as curl's ``--resolve``."""
    ca_file: str = ""
    """PEM file of the authority that signed the target's certificate, when it is not a public one."""
    home: Annotated[str, AfterValidator(_home_page)] = ""
    """The page that some viewers ask for when they leave (`stay.home`), at a claimed host; empty for none."""
    http: Annotated[Literal["1.1", "2"], BeforeValidator(str)] = "1.1"
    """The newest HTTP version offered to https servers; each chooses (ALPN)."""
    observe: tuple[Annotated[Observer, *plugin_field("loadtests.observers", "observer")], ...] = ()
    """Who asks the servers how they are, beside the load (docs/observing.md)."""

    @cached_property
    def claimed_hosts(self) -> frozenset[str]:
        """Every host name that may be asked, in lower case."""
        return frozenset(host.lower() for host in (urlsplit(self.url).hostname or "", *self.hosts))

    @property
    def observed_hosts(self) -> frozenset[str]:
        """Every host that an observer may ask: those claimed, and the addresses that they are said to have."""
        places = (text.partition(":")[2].partition(":")[2] for text in self.resolve)
        addresses = (address.strip("[]").lower() for place in places for address in place.split(","))
        return self.claimed_hosts | frozenset(addresses)

    @model_validator(mode="after")
    def _observers_ask_only_what_is_claimed(self) -> Self:
        for index, observer in enumerate(self.observe):
            for ask in observer.beside(self.url, self.resolve).asks():
                host = urlsplit(ask.url).hostname or ""
                if host not in self.observed_hosts:
                    raise ValueError(
                        f"observe.{index}: {host} is not the host of target.url; if it is yours, add it under "
                        "target.hosts"
                    )
        return self

    @model_validator(mode="after")
    def _home_is_claimed(self) -> Self:
        host = urlsplit(self.home).hostname
        if host and host.lower() not in self.claimed_hosts:
            raise ValueError(f"home: {host} is not the host of target.url; if it is yours, add it under target.hosts")
        return self


class OwnTarget(Frozen):
    """What one region's viewers watch instead; the owner's claim and all else are the target's."""

    url: Annotated[str, AfterValidator(_web_address)]
    resolve: tuple[Annotated[str, AfterValidator(_override)], ...] = ()
    """Connect overrides beside those of the target; for the same host and port these count."""
    ca_file: str = ""
    """As the target's; empty for the same one."""
    hosts: tuple[str, ...] = ()
    """Further host names that the owner claims, beside those of the target."""

    def over(self, target: Target) -> Target:
        """The target with this in its place."""
        home = [urlsplit(target.home).hostname] if target.home else []  # claimed with the address that is replaced
        changes = {
            "url": self.url,
            "resolve": (*target.resolve, *self.resolve),
            "ca_file": self.ca_file or target.ca_file,
            "hosts": (*target.hosts, *self.hosts, *home),
            "observe": (),  # they ask the servers of the target that is replaced
        }
        return Target.model_validate({**target.model_dump(), **changes})
