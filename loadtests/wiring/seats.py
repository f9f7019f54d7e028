"""What Locust counts: one seat per viewer present, as many as the arrival plan says."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ClassVar, Final, cast

from gevent import Greenlet
from gevent.pool import Group
from locust import LoadTestShape, User, task
from locust.runners import Runner
from locust.user.task import LOCUST_STATE_RUNNING

UNUSED: Final = "a seat does nothing by itself"


def _never(_: User) -> None:
    raise AssertionError(UNUSED)


class LiveViewer(User):
    """A seat: stands for one viewer present; its requests are made by the worker's loop.

    Locust counts greenlets, so a seat has one, but it is never started: a running one would cost 6 KB more, and
    three times as long to take, in one burst a second that makes viewers late.
    """

    @task
    def sit(self) -> None:
        """For Locust, which wants a user to have a task."""
        raise AssertionError(UNUSED)

    def start(self, group: Group) -> Greenlet:
        """Take the seat."""
        self._state, self._group, self._greenlet = LOCUST_STATE_RUNNING, group, Greenlet(_never, self)
        group.add(self._greenlet)
        return self._greenlet

    def stop(self, force: bool = False) -> bool:  # noqa: ARG002 - Locust's signature
        """Leave at once: there is no request to finish here."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
        return True


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


@cache
def count_seats() -> None:
    """Have Locust count its users without looking at each of them, where seats are all that there is.

    It does so five times a second in a ramp (2.47, `Runner.user_classes_count`): 9 ms at 8,000 users, in which the
    worker serves nobody.
    """
    looked_at: property = vars(Runner)["user_classes_count"]

    def counted(runner: Runner) -> dict[str, int]:
        if runner.user_classes == [LiveViewer]:
            return {LiveViewer.__name__: len(runner.user_greenlets)}
        return cast("dict[str, int]", looked_at.__get__(runner))

    setattr(Runner, "user_classes_count", property(counted))  # noqa: B010 - a property is no method to mypy
