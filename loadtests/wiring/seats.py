"""What Locust counts: one parked greenlet per viewer present, as many as the arrival plan says."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from gevent import get_hub
from locust import LoadTestShape, User, task


class LiveViewer(User):
    """A seat: stands for one viewer present; its requests are made by the worker's loop."""

    @task
    def sit(self) -> None:
        """Stay until Locust takes the seat away: nothing else wakes this greenlet (an Event would cost 1.2 KB more)."""
        get_hub().switch()

    def stop(self, force: bool = False) -> bool:  # noqa: ARG002 - Locust's signature
        """Leave at once: there is no request to finish here."""
        return bool(super().stop(force=True))


class Surge(LoadTestShape):
    """Asks for as many seats as the plan has viewers present; ends the run at the planned end."""

    use_common_options: ClassVar[bool] = True
    plan: ClassVar[list[Callable[[], int | None]]] = []
    """The director's answer, put here when Locust starts; empty until then."""

    def tick(self) -> tuple[int, float] | None:
        """(users, spawn rate) now, or None when the run is over."""
        wanted = self.plan[-1]() if self.plan else 1
        if wanted is None:
            return None
        seats = max(wanted, 1)
        present = self.runner.user_count if self.runner else 0
        return seats, float(max(abs(seats - present), 1))
