"""Probes: for each region one viewer, now and then, who watches half a minute and is judged by budgets."""

from __future__ import annotations

from typing import Any, Final

from loadtests.errors import InputError
from loadtests.scenario import Scenario
from surgecast.manifests.network import refuse_loopback, ways_to
from surgecast.manifests.objects import REGION, Object, chosen, container, labels, made, pod, resources
from surgecast.manifests.scenario_file import FOLDER, is_secret, scenario_text
from surgecast.manifests.settings import Settings, check

EVERY: Final = "*/10 * * * *"
SURGE: Final = {
    "shape": "step",
    "baseline": 0,
    "peak": 1,
    "warm_up": "1s",
    "quiet": "1s",
    "hold": "30s",
    "fall": "1s",
    "remain": "100%",
}
JUDGED: Final = ("error_rate < 10% during peak", "stall_ratio < 10% during peak")
"""What one viewer can be judged by: of its 50 requests none may fail before a limit much lower can be vouched for."""


def probe_scenario(scenario: Scenario, code: str) -> Scenario:
    """One viewer of a region, who stays."""
    data: dict[str, Any] = scenario.model_dump(mode="json", exclude_unset=True)
    region = data["regions"][code]
    target = scenario.targets[code]
    for gone in ("staging", "faults", "patience", "launch", "starts_at"):
        data.pop(gone, None)
    region.pop("target", None)
    changes = {
        "name": f"probe-{code}",
        "summary": f"One viewer of {code}, to see whether the target can be watched.",
        "target": target.model_dump(mode="json", exclude_unset=True),
        "surge": SURGE,
        "regions": {code: {**region, "share": "100%"}},
        "stay": {"zappers": "0%", "median": "24h", "spread": 0.1},
        "gate": list(JUDGED),
    }
    return Scenario.model_validate({**data, **changes})


def render_probes(scenario: Scenario, settings: Settings) -> list[Object]:
    """A CronJob for each region, its scenario, and the way to its target; ``settings.run`` names nothing here."""
    if not scenario.is_claimed:
        raise InputError("nobody claims the target: no probe was rendered", hint="add 'owner: NAME' under 'target:'")
    check(scenario, settings)
    refuse_loopback(scenario)
    kind, field = ("Secret", "stringData") if is_secret(scenario) else ("ConfigMap", "data")
    texts = made(kind, "surgecast-probes", settings.namespace, "probe")
    texts[field] = {f"{code}.yaml": scenario_text(probe_scenario(scenario, code)) for code in scenario.regions}
    source = (
        {"secret": {"secretName": "surgecast-probes"}}
        if kind == "Secret"
        else {"configMap": {"name": "surgecast-probes"}}
    )
    found = [texts]
    for code, target in scenario.targets.items():
        found.append(_cron_job(code, settings, {"name": "scenario", **source}))
        policy = made("NetworkPolicy", f"surgecast-probe-{code}", settings.namespace, "probe", region=code)
        selector = chosen("probe")
        selector["matchLabels"][REGION] = code
        policy["spec"] = {"podSelector": selector, "policyTypes": ["Egress"], "egress": ways_to(target)}
        found.append(policy)
    return found


def _cron_job(code: str, settings: Settings, scenario: Object) -> Object:
    script = f"set -e; surgecast load {FOLDER}/{code}.yaml --out /tmp/run; surgecast gate /tmp/run"
    asks = resources("250m", 192 * 2**20, 512 * 2**20)
    probe = container("probe", settings.image, ["sh", "-c", script], asks, {"scenario": FOLDER})
    probe["workingDir"] = "/tmp"  # noqa: S108
    template = pod(labels("probe", region=code), [probe], [scenario], grace=10)
    template["spec"]["restartPolicy"] = "Never"
    if code in settings.selectors:
        template["spec"]["nodeSelector"] = dict(settings.selectors[code])
    job = made("CronJob", f"surgecast-probe-{code}", settings.namespace, "probe", region=code)
    job["spec"] = {
        "schedule": EVERY,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 120,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {
            "metadata": {"labels": labels("probe", region=code)},
            "spec": {"backoffLimit": 0, "activeDeadlineSeconds": 180, "template": template},
        },
    }
    return job
