"""Who may talk to whom: workers to their master and to their region's target, the master to all it looks at."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from loadtests.errors import InputError
from loadtests.observers import without_query
from loadtests.scenario import Scenario
from loadtests.target import Target
from surgecast.manifests.objects import REGION, RUN, Object, chosen, made
from surgecast.manifests.topology import PORT

WEB: Final = {"http": 80, "https": 443}
LINK_LOCAL: Final = {"0.0.0.0/0": "169.254.0.0/16", "::/0": "fe80::/10"}
"""Everywhere but the addresses under which clouds hand out a node's credentials."""
CLUSTER: Final = ".svc"


def port_of(url: str) -> int:
    """The port of an address."""
    parts = urlsplit(url)
    return parts.port or WEB[parts.scheme]


def refuse_loopback(scenario: Scenario) -> None:
    """InputError where a target or an observer's page is the machine itself: in a pod that would be the pod."""
    for code, target in scenario.targets.items():
        if address := _loopback_of(target, target.url):
            raise InputError(
                f"the target of {code}, {target.url}, is at {address}: in a pod that is the pod itself",
                hint="give --target an address that pods reach, such as that of the stage in k8s/stage: "
                "http://surgecast-stage.surgecast.svc.cluster.local:8800/live/master.m3u8",
            )
    for name, url in _observed(scenario.target):
        if address := _loopback_of(scenario.target, url):
            raise InputError(
                f"the observer {name} asks {without_query(url)}, at {address}: in a pod that is the pod itself",
                hint="give target.observe addresses that pods reach, or leave it out",
            )


def _observed(target: Target) -> list[tuple[str, str]]:
    """Every address that the observers of a target ask, under the observer's name."""
    asked = [one.beside(target.url, target.resolve) for one in target.observe]
    return [(one.plugin_name(), ask.url) for one in asked for ask in one.asks()]


def _loopback_of(target: Target, url: str) -> str:
    """The address under which an URL is the machine itself; empty when it is elsewhere."""
    host = urlsplit(url).hostname or ""
    known = (host, *_overrides(target, host, port_of(url)))
    return next((one for one in known if one == "localhost" or _is_loopback(one)), "")


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _overrides(target: Target, host: str, port: int) -> list[str]:
    found: list[str] = []
    for text in target.resolve:
        name, _, rest = text.partition(":")
        number, _, addresses = rest.partition(":")
        if name.lower() == host.lower() and int(number) == port:
            found = [address.strip("[]") for address in addresses.split(",")]
    return found


def ways_to(target: Target) -> list[Object]:
    """Egress rules to all that viewers of a target may be sent to."""
    url = urlsplit(target.url)
    port, host = port_of(target.url), (url.hostname or "").lower()
    rules = [_rule(_peers(host, _overrides(target, host, port)), [port])]
    further = sorted(target.claimed_hosts - {host})
    ports = sorted({port, *([port_of(target.home)] if target.home else []), *(WEB.values() if further else [])})
    rules += [
        _rule(_peers(name, [one for p in ports for one in _overrides(target, name, p)]), ports) for name in further
    ]
    if not further and ports != [port]:
        rules.append(_rule(_peers(host, _overrides(target, host, ports[0])), [one for one in ports if one != port]))
    return _each_once(rules)


def ways_to_observed(target: Target) -> list[Object]:
    """Egress rules to the pages that observers ask."""
    found: list[Object] = []
    for _, url in _observed(target):
        host, port = (urlsplit(url).hostname or "").lower(), port_of(url)
        found.append(_rule(_peers(host, _overrides(target, host, port)), [port]))
    return _each_once(found)


def _each_once(rules: list[Object]) -> list[Object]:
    return [rule for number, rule in enumerate(rules) if rule not in rules[:number]]


def _rule(peers: list[Object], ports: list[int]) -> Object:
    return {"to": peers, "ports": [{"port": port, "protocol": "TCP"} for port in ports]}


def _peers(host: str, overrides: list[str]) -> list[Object]:
    """Addresses where they are known, pods where the name is a Service's, anywhere else otherwise.

    A policy knows no host names; and an ``ipBlock`` need not match pods, so a Service needs a selector.
    """
    addresses = overrides or ([host] if _is_address(host) else [])
    if addresses:
        return [{"ipBlock": {"cidr": f"{one}/{ip_address(one).max_prefixlen}"}} for one in dict.fromkeys(addresses)]
    parts = host.split(".")
    if len(parts) >= 3 and f".{parts[2]}" == CLUSTER:
        return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": parts[1]}}}]
    if len(parts) == 1:
        return [{"podSelector": {}}]
    return [{"ipBlock": {"cidr": everywhere, "except": [but]}} for everywhere, but in LINK_LOCAL.items()]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def network_objects(scenario: Scenario, run: str, namespace: str) -> list[Object]:
    """The policies of one run."""
    master = made("NetworkPolicy", f"{run}-master", namespace, "network", run=run)
    port = [{"port": PORT, "protocol": "TCP"}]
    master["spec"] = {
        "podSelector": chosen("master", run=run),
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": chosen("worker", run=run)}], "ports": port}],
        "egress": _each_once([*ways_to(scenario.target), *ways_to_observed(scenario.target)]),
    }
    workers = made("NetworkPolicy", f"{run}-workers", namespace, "network", run=run)
    workers["spec"] = {
        "podSelector": chosen("worker", run=run),
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": chosen("master", run=run)}], "ports": port}],
    }
    return [master, workers, *(_of_region(code, target, run, namespace) for code, target in scenario.targets.items())]


def _of_region(code: str, target: Target, run: str, namespace: str) -> Object:
    policy = made("NetworkPolicy", f"{run}-target-{code}", namespace, "network", run=run, region=code)
    selector = chosen("worker")
    selector["matchLabels"] |= {RUN: run, REGION: code}
    policy["spec"] = {"podSelector": selector, "policyTypes": ["Egress"], "egress": ways_to(target)}
    return policy
