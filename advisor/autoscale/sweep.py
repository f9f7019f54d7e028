"""Many settings at once: the same pods, nodes and HPA as `world.live`, one numpy lane for each setting.

A tick is a sync of the HPA (15 s), and launches are rounded up to whole ticks: a sweep is seldom hopeful. What it finds
is lived again second by second (`world.live`); with the same tick both come to the same numbers (a test compares them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.autoscale.behavior import Behavior, Rules
from advisor.autoscale.draws import Draw
from advisor.autoscale.hpa import MILLI, SYNC, UP_FACTOR, UP_LEAST, Hpa
from advisor.autoscale.keda import Cron, Threshold
from advisor.autoscale.nodes import Nodes, turns
from advisor.autoscale.replicas import TOLERANCE
from advisor.autoscale.world import Spec, Workload

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
POLICIES: Final = 2
"""Most policies in one direction that a lane has."""
NEVER: Final = -1


@dataclass(frozen=True, slots=True)
class Setting:
    """What is tried in which region: a lane, or several that differ by their waits."""

    region: int
    """Row of the demand."""
    workload: Workload
    spec: Spec
    nodes: Nodes
    start: int
    """Pods that are ready at the beginning."""
    draws: tuple[Draw, ...] = ()
    """A lane for each; where there are none, one lane with the waits of ``workload`` and ``nodes``."""

    @property
    def waits(self) -> tuple[Draw, ...]:
        """Of each of its lanes."""
        work, nodes = self.workload, self.nodes
        return self.draws or (Draw(work.metric_lag, work.decision, nodes.leads, nodes.image, nodes.boot),)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One figure per lane, in the order of the settings and of their draws."""

    unmet_share: Floats
    """Of all demand, the share that was not met."""
    unmet_seconds: Floats
    worst: Floats
    """Most demand that was unmet at once."""
    node_hours: Floats
    most_nodes: Ints
    most_replicas: Ints


def sweep(demand: Floats, settings: Sequence[Setting], lengths: Sequence[int] | None = None) -> Outcomes:
    """Live every setting; ``demand`` is [regions, ticks of 15 s], of which ``lengths`` count in each region (all)."""
    lanes = _Lanes(settings)
    region, rows = lanes.region, lanes.rows
    ticks = demand.shape[1]
    ends = np.array(lengths or [ticks] * len(demand))
    demand = np.where(np.arange(ticks) < ends[:, None], demand, 0.0)
    sums, unmet_seconds, worst, node_ticks = np.zeros((4, lanes.count))
    most_nodes, most_replicas = np.zeros((2, lanes.count), np.int64)
    history = np.zeros((lanes.late.max() + 1, lanes.count), np.int64)
    for step in range(ticks):
        lanes.advance(step)
        history[step % len(history)] = lanes.running
        then = np.maximum(0, step - lanes.late)
        told, ready = demand[region, then], history[then % len(history), rows]
        lanes.sync(step, told, ready)
        unmet = np.maximum(0.0, demand[region, step] - lanes.running * lanes.per_pod)
        sums += unmet
        unmet_seconds += SYNC * (unmet > 0)
        np.maximum(worst, unmet, out=worst)
        counts = step < ends[region]
        nodes = np.where(counts, lanes.up + lanes.coming, 0)
        node_ticks += nodes
        np.maximum(most_nodes, nodes, out=most_nodes)
        np.maximum(most_replicas, np.where(counts, lanes.replicas, 0), out=most_replicas)
    asked = demand.sum(axis=1)[region]
    share = np.divide(sums, asked, out=np.zeros_like(sums), where=asked > 0)
    return Outcomes(share, unmet_seconds, worst, node_ticks * SYNC / 3600.0, most_nodes, most_replicas)


def by_tick(demand: Floats, ticks: int = 0) -> Floats:
    """One region as a sweep takes it: [1, ticks], the most of each 15 s; a shorter one rests at its last value."""
    size = int(SYNC)
    count = max(ticks, -(-len(demand) // size))
    padded = np.pad(demand, (0, count * size - len(demand)), mode="edge")
    return np.asarray(padded.reshape(count, size).max(axis=1)[None])


def _ticks(seconds: Floats) -> Ints:
    """Whole ticks, at least one: what begins in a tick is there in the next at the earliest."""
    return np.maximum(1, np.ceil(seconds / SYNC - 1e-9)).astype(np.int64)


class _Lanes:
    """State of all lanes. The line of starting pods and of launching nodes are rings over coming ticks."""

    def __init__(self, settings: Sequence[Setting]) -> None:
        waits = [setting.waits for setting in settings]
        self.of = np.repeat(np.arange(len(settings)), [len(one) for one in waits])
        """Number of the setting, lane by lane."""
        self.count = len(self.of)
        self.rows = np.arange(self.count)
        self.region = self._each([setting.region for setting in settings])
        self._of_pods([setting.workload for setting in settings])
        self._of_nodes([setting.nodes for setting in settings])
        self._waiting([wait for one in waits for wait in one])
        self.rules = _Scaling([setting.spec for setting in settings], self.of)
        start = self._each([setting.start for setting in settings])
        self.running = np.minimum(start, self.slots)
        self.pending = start - self.running
        self.begun, self.fresh, self.coming, self.asked = np.zeros((4, self.count), np.int64)
        self.held = np.minimum(self.placeholders, self.slots - self.running)
        self.tokens = self.burst.copy()
        reach = int(max((self.image + self.boot).max(), self.boot.max())) + 1
        self.starting = np.zeros((reach, self.count), np.int64)
        self.launching = np.zeros((int(max(self.leads.max(), self.warm_lead.max())) + 1, self.count), np.int64)

    def _each(self, values: Sequence[float]) -> NDArray[Any]:
        """A value of each setting, lane by lane."""
        return np.array(values)[self.of]

    def _of_pods(self, works: Sequence[Workload]) -> None:
        self.per_pod = self._each([work.per_pod for work in works])
        self.cpu_full = self._each([work.cpu_full for work in works])
        self.cpu_limit = self._each([work.cpu_limit for work in works])

    def _of_nodes(self, nodes: Sequence[Nodes]) -> None:
        self.per_node = self._each([one.pods_per_node for one in nodes])
        self.up = self._each([one.ready for one in nodes])
        self.most = self._each([one.most for one in nodes])
        self.placeholders = self._each([one.placeholders for one in nodes])
        self.warm = self._each([one.warm for one in nodes])
        self.burst = self._each([float(one.burst) for one in nodes])
        self.refill = self._each([one.refill for one in nodes])
        self.warm_lead = _ticks(self._each([one.warm_lead for one in nodes]))
        self.lead = self._each([one.lead for one in nodes])
        if any(one.scan > SYNC for one in nodes):
            raise ValueError(f"a sweep looks for pending pods every {SYNC:g} s; expected a scan of that or less")

    def _waiting(self, waits: Sequence[Draw]) -> None:
        self.late = np.array([round((one.metric_lag + one.decision) / SYNC) for one in waits])
        among = max(1, *(len(one.leads) for one in waits))
        if any(len(one.leads) not in (0, among) for one in waits):
            raise ValueError(f"a sweep takes the same number of leads everywhere; expected {among} or none")
        leads = [one.leads or (lead,) * among for one, lead in zip(waits, self.lead.tolist(), strict=True)]
        self.leads = _ticks(np.array(leads).T)
        self.boot = _ticks(np.array([one.boot for one in waits]))
        self.image = _ticks(np.array([one.image + one.boot for one in waits])) - self.boot

    @property
    def slots(self) -> Ints:
        """Pods that registered nodes can hold."""
        return np.asarray(self.up * self.per_node)

    @property
    def replicas(self) -> Ints:
        """Pods that there are, whatever their state."""
        return np.asarray(self.running + self.begun + self.pending)

    def advance(self, step: int) -> None:
        """As `nodes.Fleet.advance`."""
        arrived = self.launching[step % len(self.launching)]
        self.up += arrived
        self.coming -= arrived
        self.fresh += arrived * self.per_node
        arrived[:] = 0
        ready = self.starting[step % len(self.starting)]
        self.running += ready
        self.begun -= ready
        ready[:] = 0
        self._place(step)
        self.tokens = np.minimum(self.burst, self.tokens + self.refill * SYNC)
        self._launch(step)

    def _place(self, step: int) -> None:
        room = self.slots - self.running - self.begun
        fresh = np.minimum(self.fresh, room)
        placed = np.minimum(self.pending, room)
        known = np.minimum(placed, room - fresh)
        self.pending -= placed
        self.fresh = fresh - (placed - known)
        self.begun += placed
        if placed.any():
            self.starting[(step + self.boot) % len(self.starting), self.rows] += known
            self.starting[(step + self.boot + self.image) % len(self.starting), self.rows] += placed - known
        self.held = np.minimum(self.placeholders, room - placed)

    def _launch(self, step: int) -> None:
        homeless = self.pending + self.placeholders - self.held
        if not homeless.any():
            return
        wanted = -(-homeless // self.per_node) - self.coming
        allowed = np.minimum(self.most - self.up - self.coming, self.tokens.astype(np.int64))
        count = np.maximum(0, np.minimum(wanted, allowed))
        quick = np.minimum(count, self.warm)
        self.tokens -= count
        self.warm = self.warm - quick
        self.coming += count
        self.launching[(step + self.warm_lead) % len(self.launching), self.rows] += quick
        self._in_turn(step, count - quick)

    def _in_turn(self, step: int, count: Ints) -> None:
        """As `nodes.Fleet`: each node takes what is its turn to take."""
        lanes, among = np.nonzero(count)[0], len(self.leads)
        before, after = self.asked[lanes], self.asked[lanes] + count[lanes]
        self.asked[lanes] = after
        for index, lead in enumerate(self.leads[:, lanes]):
            part = turns(after, index, among) - turns(before, index, among)
            self.launching[(step + lead) % len(self.launching), lanes] += part

    def sync(self, step: int, told: Floats, ready_then: Ints) -> None:
        """One decision of every lane's HPA."""
        current = self.replicas
        share = self.cpu_full * told / np.maximum(1e-300, ready_then * self.per_pod)
        cpu = np.rint(MILLI * np.where(ready_then > 0, np.minimum(self.cpu_limit, share), 0.0)).astype(np.int64)
        wanted = self.rules.wanted(step, told, current, self.running, cpu)
        self._scale(step, self.rules.normalised(step, current, wanted) - current)

    def _scale(self, step: int, change: Ints) -> None:
        """More are pending; fewer go as a ReplicaSet lets them: pending, starting (the latest first), ready."""
        self.pending = self.pending + np.maximum(0, change)
        gone = np.maximum(0, -change)
        if not gone.any():
            return
        off = np.minimum(gone, self.pending)
        self.pending, gone = self.pending - off, gone - off
        for ahead in range(len(self.starting) - 1, 0, -1):
            if not (gone & (self.begun > 0)).any() and not gone.any():
                break
            slot = self.starting[(step + ahead) % len(self.starting)]
            off = np.minimum(gone, slot)
            slot -= off
            self.begun = self.begun - off
            gone = gone - off
        self.running = self.running - gone


class _Scaling:
    """The HPAs of all lanes: targets, bounds, policies, and what they remember."""

    def __init__(self, specs: Sequence[Spec], of: Ints) -> None:
        hpas = [spec if isinstance(spec, Hpa) else spec.hpa for spec in specs]
        self.least = np.array([hpa.min_replicas for hpa in hpas])[of]
        self.most = np.array([hpa.max_replicas for hpa in hpas])[of]
        self.by_cpu = np.array([_target(hpa, "utilization") for hpa in hpas])[of]
        self.by_rate = np.array([float(_rate(spec)) for spec in specs])[of]
        crons = [_cron(spec) for spec in specs]
        self.cron_start = np.array([one.start if one else np.inf for one in crons])[of]
        self.cron_end = np.array([one.end if one else -np.inf for one in crons])[of]
        self.cron_value = np.array([float(one.replicas * MILLI) if one else 0.0 for one in crons])[of]
        self.has_cron = np.array([one is not None for one in crons])[of]
        self.plain = np.array([hpa.behavior is None for hpa in hpas])[of]
        behaviors = [hpa.behavior or Behavior() for hpa in hpas]
        self.up = _Direction([one.up for one in behaviors], of)
        self.down = _Direction([one.down for one in behaviors], of)
        old = np.array([hpa.downscale_stabilisation for hpa in hpas])[of]
        # without a behavior a recommendation as old as the window still counts, with one it does not
        self.down.window = np.where(self.plain, np.floor(old / SYNC + 1e-9), self.down.window).astype(np.int64)
        self.up.window = np.where(self.plain, 0, self.up.window)
        depth = int(max(self.up.window.max(), self.down.window.max(), self.up.period.max(), self.down.period.max())) + 1
        self.past = np.full((depth, len(of)), NEVER, np.int64)
        self.ups, self.downs = np.zeros((2, depth, len(of)), np.int64)

    def wanted(self, step: int, told: Floats, current: Ints, ready: Ints, cpu: Ints) -> Ints:
        """The most that any metric of a lane asks for."""
        amount = np.rint(told * MILLI)
        asked = np.where(self.by_rate > 0, _shares(amount, self.by_rate, current), 0)
        now = step * SYNC
        inside = (self.cron_start < now) & (now < self.cron_end)
        by_cron = _shares(np.where(inside, self.cron_value, 0.0), np.full(len(current), float(MILLI)), current)
        asked = np.where(self.has_cron, np.maximum(asked, by_cron), asked)
        by_use = _by_cpu(cpu, np.maximum(1, self.by_cpu), current, ready)
        asked = np.where(self.by_cpu > 0, np.maximum(asked, by_use), asked)
        return np.where((self.by_cpu > 0) & (ready == 0) & (asked < current), current, asked)

    def normalised(self, step: int, current: Ints, wanted: Ints) -> Ints:
        """As `hpa.Controller`: windows, then policies, then bounds."""
        floor = np.minimum(wanted, self._extreme(step, self.up.window, lowest=True))
        ceiling = np.maximum(wanted, self._extreme(step, self.down.window, lowest=False))
        steady = np.where(self.plain, ceiling, np.minimum(np.maximum(current, floor), ceiling))
        self.past[step % len(self.past)] = wanted
        start = self._start(step, current)
        up = np.minimum(steady, np.maximum(current, self.up.limit(start[0], rising=True)))
        down = np.maximum(steady, np.minimum(current, self.down.limit(start[1], rising=False)))
        rising, falling = steady > current, steady < current
        after = np.where(rising, np.minimum(up, self.most), np.where(falling, np.maximum(down, self.least), steady))
        limit = np.minimum(np.maximum(UP_FACTOR * current, UP_LEAST), self.most)
        after = np.where(self.plain, np.maximum(self.least, np.minimum(steady, limit)), after)
        self.ups[step % len(self.ups)] = np.maximum(0, after - current)
        self.downs[step % len(self.downs)] = np.maximum(0, current - after)
        return np.asarray(after)

    def _extreme(self, step: int, window: Ints, *, lowest: bool) -> Ints:
        """The lowest or highest recommendation of the last ``window`` ticks, of each lane its own."""
        found = np.full(len(window), np.iinfo(np.int64).max if lowest else NEVER)
        for back in range(1, min(int(window.max()), step) + 1):
            row = self.past[(step - back) % len(self.past)]
            better = np.minimum(found, row) if lowest else np.maximum(found, row)
            found = np.where(back <= window, better, found)
        return found

    def _start(self, step: int, current: Ints) -> tuple[list[Ints], list[Ints]]:
        """Replicas at the start of each policy's period, of both directions."""
        starts: list[list[Ints]] = [[current.copy() for _ in range(POLICIES)] for _ in range(2)]
        for side, direction in enumerate((self.up, self.down)):
            for back in range(1, min(int(direction.period.max()), step) + 1):
                net = self.downs[(step - back) % len(self.downs)] - self.ups[(step - back) % len(self.ups)]
                for index in range(POLICIES):
                    starts[side][index] += np.where(back <= direction.period[index], net, 0)
        return starts[0], starts[1]


class _Direction:
    """The rules of one direction in all lanes; a policy that is not there has a period of zero."""

    def __init__(self, rules: Sequence[Rules], of: Ints) -> None:
        if any(len(rule.policies) > POLICIES for rule in rules):
            raise ValueError(f"a sweep knows {POLICIES} policies in a direction at most")
        padded = [(*rule.policies, *rule.policies[:1] * (POLICIES - len(rule.policies))) for rule in rules]
        columns = range(POLICIES)
        self.value = np.array([[row[index].value for row in padded] for index in columns])[:, of]
        self.of_pods = np.array([[row[index].kind == "Pods" for row in padded] for index in columns])[:, of]
        # a change of a period ago no longer counts: so many whole ticks back it still does
        periods = np.array([[row[index].period for row in padded] for index in columns])[:, of]
        self.period = np.ceil(periods / SYNC - 1e-9).astype(np.int64) - 1
        self.least = np.array([rule.select == "Min" for rule in rules])[of]
        self.disabled = np.array([rule.select == "Disabled" for rule in rules])[of]
        windows = np.array([rule.stabilisation for rule in rules])[of]
        self.window = np.maximum(0, np.ceil(windows / SYNC - 1e-9).astype(np.int64) - 1)

    def limit(self, starts: list[Ints], *, rising: bool) -> Ints:
        """How far the policies let it go; nowhere where the direction is disabled."""
        sign = 1 if rising else -1
        limits = []
        for index, start in enumerate(starts):
            share = start * (1 + sign * self.value[index] / 100)
            by_share = np.ceil(share) if rising else np.trunc(share)
            limits.append(np.where(self.of_pods[index], start + sign * self.value[index], by_share).astype(np.int64))
        small, large = np.minimum(*limits), np.maximum(*limits)
        chosen = np.where(self.least, small, large) if rising else np.where(self.least, large, small)
        nowhere = np.iinfo(np.int64).min if rising else np.iinfo(np.int64).max
        return np.where(self.disabled, nowhere, chosen)


def _shares(amount: Floats, target: Floats, current: Ints) -> Ints:
    """As `replicas.by_average_value`."""
    safe = np.maximum(1e-300, target)
    ratio = np.divide(amount, safe * current, out=np.full(len(amount), np.inf), where=current > 0)
    within = (ratio >= 1.0 - TOLERANCE) & (ratio <= 1.0 + TOLERANCE)
    return np.where(within, current, np.ceil(amount / np.maximum(1.0, target))).astype(np.int64)


def _by_cpu(cpu: Ints, target: Ints, current: Ints, ready: Ints) -> Ints:
    """As `replicas.by_utilisation`, for ready pods that are all alike and others that have no metric that counts."""
    first = (cpu * 100 // MILLI) / target
    others = current - ready
    plain = np.where(_within(first), current, np.ceil(first * ready)).astype(np.int64)
    then = (ready * cpu * 100 // np.maximum(1, current * MILLI)) / target
    turns = _within(then) | (then < 1.0)
    again = np.where(turns, current, np.ceil(then * current)).astype(np.int64)
    return np.where(ready == 0, 0, np.where((others > 0) & (first > 1.0), again, plain))


def _within(ratio: Floats) -> NDArray[np.bool_]:
    return (ratio >= 1.0 - TOLERANCE) & (ratio <= 1.0 + TOLERANCE)


def _target(hpa: Hpa, kind: str) -> int:
    found = [metric.target for metric in hpa.metrics if metric.kind == kind]
    if len(found) > 1:
        raise ValueError(f"a sweep knows one metric of a kind, found {len(found)} of {kind}")
    return found[0] if found else 0


def _rate(spec: Spec) -> int:
    if isinstance(spec, Hpa):
        return _target(spec, "average_value")
    found = [round(one.per_pod * MILLI) for one in spec.triggers if isinstance(one, Threshold)]
    return found[0] if found else 0


def _cron(spec: Spec) -> Cron | None:
    if isinstance(spec, Hpa):
        return None
    return next((one for one in spec.triggers if isinstance(one, Cron)), None)
