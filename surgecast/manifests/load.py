"""A distributed load run: a master that writes to a volume, and a Job of workers for each region."""

from __future__ import annotations

from typing import Final

from loadtests.errors import InputError
from loadtests.scenario import Scenario
from surgecast.manifests.namespace import namespace_objects
from surgecast.manifests.network import network_objects, refuse_loopback
from surgecast.manifests.objects import (
    LOCUSTFILE,
    VOLUME,
    Object,
    chosen,
    container,
    labels,
    made,
    pod,
    resources,
    spread,
)
from surgecast.manifests.runs import RUNS, on_its_node, runs_objects, volume
from surgecast.manifests.scenario_file import (
    FOLDER,
    SCENARIO,
    authority_volumes,
    scenario_objects,
    scenario_volumes,
    with_authorities,
)
from surgecast.manifests.settings import Settings, check
from surgecast.manifests.topology import EXPECTED_WITHIN, PORT, Pool, master_words, pools_of, worker_words

LOCUST: Final = ["python", "-m", "locust", "-f", LOCUSTFILE]
GRACE: Final = {"master": 60, "worker": 30}
"""Seconds from SIGTERM to SIGKILL: a worker ends its requests (5 s) and says that it leaves; a master then waits for
the last reports (10 s) and writes the footer. The rest is for Locust's own ending (assumed)."""
BAD_INPUT: Final = 2
"""Exit code of a worker that refuses: another try would refuse as well."""
SLACK: Final = 600
"""Seconds beyond waiting and surge after which Kubernetes ends a Job that has not ended by itself."""
STAY_PUT: Final = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
"""Autoscalers that tidy nodes up leave these pods where they are."""


def render_load(scenario: Scenario, settings: Settings) -> list[Object]:
    """All objects of a run, in the order in which they are needed; InputError where it cannot be run so."""
    if not scenario.is_claimed:
        raise InputError(
            f"nobody claims the target {scenario.target.url}: nothing was rendered",
            hint="if it is yours to load, add --i-own-this-target, or 'owner: NAME' under 'target:' in the scenario",
        )
    check(scenario, settings)
    if scenario.faults:
        kinds = ", ".join(sorted({fault.plugin_name() for fault in scenario.faults}))
        raise InputError(
            f"the scenario has faults ({kinds}), and nothing in the cluster would do them",
            hint="take 'faults:' out, and do them yourself while the run is under way",
        )
    refuse_loopback(scenario)
    there = with_authorities(scenario, settings)
    pools = pools_of(scenario, settings.workers, settings.density)
    return [
        *namespace_objects(settings.namespace),
        *runs_objects(settings.namespace, settings.image, settings.storage, settings.storage_class),
        *scenario_objects(there, settings),
        *network_objects(scenario, settings.run, settings.namespace),
        *master_objects(there, settings, sum(pool.workers for pool in pools)),
        *(worker_job(there, settings, pool) for pool in pools),
    ]


def master_objects(scenario: Scenario, settings: Settings, workers: int) -> list[Object]:
    """The Job that plans and records, the Service that workers find it by, and its disruption budget."""
    run, namespace = settings.run, settings.namespace
    volumes, mounts = scenario_volumes(scenario, settings)
    words = master_words(f"{FOLDER}/{SCENARIO}", f"{RUNS}/{run}", workers, run_time=settings.run_time)
    asks = resources("1", 512 * 2**20, 1024 * 2**20)
    master = container("master", settings.image, LOCUST + words, asks, {**mounts, "runs": RUNS})
    master["ports"] = [{"name": "workers", "containerPort": PORT, "protocol": "TCP"}]
    template = pod({**labels("master", run=run), VOLUME: "runs"}, [master], [*volumes, volume()], GRACE["master"])
    template["metadata"]["annotations"] = dict(STAY_PUT)
    template["spec"] |= {"restartPolicy": "Never", "affinity": on_its_node()}
    job = made("Job", f"{run}-master", namespace, "master", run=run)
    job["spec"] = {
        "backoffLimit": 0,  # a run is never begun a second time in the same folder
        "activeDeadlineSeconds": _deadline(scenario),
        "template": template,
    }
    service = made("Service", f"{run}-master", namespace, "master", run=run)
    service["spec"] = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": chosen("master", run=run)["matchLabels"],
        "ports": [{"name": "workers", "port": PORT, "protocol": "TCP"}],
    }
    budget = made("PodDisruptionBudget", f"{run}-master", namespace, "master", run=run)
    budget["spec"] = {"minAvailable": 1, "selector": chosen("master", run=run)}
    return [service, budget, job]


def worker_job(scenario: Scenario, settings: Settings, pool: Pool) -> Object:
    """The workers of one region. One that is lost is not made up for within the run: its viewers move to the others."""
    run, region = settings.run, pool.region
    volumes, mounts = authority_volumes(settings)
    memory = pool.memory(settings.density)
    asks = resources("1", memory, 2 * memory)
    worker = container("worker", settings.image, LOCUST + worker_words(region, f"{run}-master"), asks, mounts)
    template = pod(labels("worker", run=run, region=region), [worker], volumes, GRACE["worker"])
    template["metadata"]["annotations"] = dict(STAY_PUT)
    selector = chosen("worker", run=run)
    template["spec"] |= {"restartPolicy": "Never", "topologySpreadConstraints": spread(selector)}
    if region in settings.selectors:
        template["spec"]["nodeSelector"] = dict(settings.selectors[region])
    job = made("Job", f"{run}-workers-{region}", settings.namespace, "worker", run=run, region=region)
    job["spec"] = {
        "completionMode": "Indexed",
        "completions": pool.workers,
        "parallelism": pool.workers,
        "backoffLimitPerIndex": 2,  # not backoffLimit: beyond that Kubernetes would end the other workers too
        "podFailurePolicy": {
            "rules": [
                {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [BAD_INPUT]}},
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            ]
        },
        "activeDeadlineSeconds": _deadline(scenario),
        "template": template,
    }
    return job


def _deadline(scenario: Scenario) -> int:
    return EXPECTED_WITHIN + round(scenario.surge.duration) + SLACK
