"""The scenario as a file in a pod: a ConfigMap, or a Secret where an address in it carries a query."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from loadtests.errors import InputError
from loadtests.scenario import Scenario
from surgecast.manifests.objects import Object, made
from surgecast.manifests.settings import Settings

FOLDER: Final = "/etc/surgecast"
AUTHORITIES: Final = "/etc/surgecast-authorities"
SCENARIO: Final = "scenario.yaml"


def scenario_text(scenario: Scenario) -> str:
    """YAML that reads back as the same scenario, traces and curves written out."""
    data = scenario.model_dump(mode="json", exclude_unset=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def is_secret(scenario: Scenario) -> bool:
    """Whether an address carries something that is not for everybody: a query often holds a token."""
    if any(one.shown() != one for one in scenario.target.observe):
        return True
    urls = [target.url for target in scenario.targets.values()] + [scenario.target.url, scenario.target.home]
    return any(parts.query or parts.username is not None for parts in map(urlsplit, urls))


def with_authorities(scenario: Scenario, settings: Settings) -> Scenario:
    """The scenario with every ``ca_file`` where the pods have it; InputError for one whose text is not given."""
    data = scenario.model_dump(mode="json", exclude_unset=True)
    changed = False
    for part in (data["target"], *(region.get("target") or {} for region in data["regions"].values())):
        if part.get("ca_file"):
            part["ca_file"] = f"{AUTHORITIES}/{_key(part['ca_file'], settings)}"
            changed = True
    return Scenario.model_validate(data) if changed else scenario


def _key(name: str, settings: Settings) -> str:
    if name not in settings.authorities:
        raise InputError(f"target.ca_file: no text for {name!r}", hint="hand it over with the settings")
    return f"authority-{list(settings.authorities).index(name)}.pem"


def scenario_objects(scenario: Scenario, settings: Settings) -> list[Object]:
    """What holds the scenario and the authorities of its targets."""
    found: list[Object] = []
    if not settings.scenario_secret:
        kind, field = ("Secret", "stringData") if is_secret(scenario) else ("ConfigMap", "data")
        head = made(kind, f"{settings.run}-scenario", settings.namespace, "scenario", run=settings.run)
        found.append({**head, **({"type": "Opaque"} if kind == "Secret" else {}), "immutable": True})
        found[-1][field] = {SCENARIO: scenario_text(scenario)}
    if settings.authorities:
        head = made("ConfigMap", f"{settings.run}-authorities", settings.namespace, "scenario", run=settings.run)
        texts = {_key(name, settings): text for name, text in settings.authorities.items()}
        found.append({**head, "immutable": True, "data": texts})
    return found


def scenario_volumes(scenario: Scenario, settings: Settings) -> tuple[list[Object], dict[str, str]]:
    """Volumes of the master, and where they are mounted."""
    name = settings.scenario_secret or f"{settings.run}-scenario"
    secret = bool(settings.scenario_secret) or is_secret(scenario)
    source: dict[str, Any] = {"secret": {"secretName": name}} if secret else {"configMap": {"name": name}}
    volumes, mounts = authority_volumes(settings)
    return [{"name": "scenario", **source}, *volumes], {"scenario": FOLDER, **mounts}


def authority_volumes(settings: Settings) -> tuple[list[Object], dict[str, str]]:
    """Volumes of every pod that talks to a target."""
    if not settings.authorities:
        return [], {}
    return [{"name": "authorities", "configMap": {"name": f"{settings.run}-authorities"}}], {"authorities": AUTHORITIES}
