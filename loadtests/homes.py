"""Who drives whom: the viewers of each region, dealt to the workers that may carry it.

A worker with labels carries the regions that they name and no other; workers without one carry what no label claims.
Viewer ``number`` of a region with n workers goes to the worker ``number`` modulo n. Where a worker is lost, only its
own viewers move: each is dealt again among those left, by what remains of its number. So every process works out the
same homes from the same few words, and a viewer has exactly one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from loadtests.errors import InputError
from loadtests.region import Frozen


class Homes(Frozen):
    """The deal, and who was lost since."""

    regions: dict[str, tuple[str, ...]]
    """Workers that may carry each region, in the order in which they are dealt to."""
    lost: tuple[str, ...] = ()
    """In the order in which they were lost."""

    def of(self, region: str, number: int) -> str:
        """The worker that drives a viewer; empty where nobody is left to carry it."""
        homes = self.regions[region]
        number, at = divmod(number, len(homes))
        home = homes[at]
        for lost in self.lost:
            if lost not in homes:
                continue
            homes = tuple(worker for worker in homes if worker != lost)
            if home == lost:
                number, at = divmod(number, len(homes) or 1)
                home = homes[at] if homes else ""
        return home

    def carried(self, worker: str) -> tuple[str, ...]:
        """The regions that a worker may carry."""
        return tuple(region for region, homes in self.regions.items() if worker in homes)

    def living(self, region: str) -> tuple[str, ...]:
        """The workers that carry a region now."""
        return tuple(worker for worker in self.regions[region] if worker not in self.lost)

    def without(self, worker: str) -> Homes:
        """The homes once a worker is lost."""
        return self if worker in self.lost else self.model_copy(update={"lost": (*self.lost, worker)})

    @property
    def abandoned(self) -> tuple[str, ...]:
        """Regions that nobody is left to carry."""
        return tuple(region for region in self.regions if not self.living(region))

    def stride(self, worker: str) -> int:
        """How far apart the numbers of a worker's viewers are at the start of a run."""
        return max((len(self.regions[region]) for region in self.carried(worker)), default=1)


def deal(regions: Iterable[str], workers: Mapping[str, Sequence[str]]) -> Homes:
    """Homes for the regions of a scenario among workers with their labels; InputError where nobody may carry one."""
    free = tuple(worker for worker, labels in workers.items() if not labels)
    homes = {
        region: tuple(worker for worker, labels in workers.items() if region in labels) or free for region in regions
    }
    if missing := [region for region, found in homes.items() if not found]:
        there = "; ".join(f"{worker}: {', '.join(labels)}" for worker, labels in workers.items()) or "none"
        raise InputError(
            f"no worker may carry {', '.join(missing)}: every worker there has other labels ({there})",
            hint=f"start a worker with --region-label {missing[0]}, or one without a label",
        )
    return Homes(regions=homes)
