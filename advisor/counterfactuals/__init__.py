"""What would change the answer: one change each, a pure function from a `Case` to a `Changed` one."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Final, Self

from advisor.changes.case import Case, Changed
from advisor.models import Excuse
from loadtests import plugins
from loadtests.plugins import Plugin

COUNTERFACTUALS: Final = "advisor.counterfactuals"


class Counterfactual(Plugin):
    """One change. Its settings say how far it goes."""

    words: ClassVar[tuple[str, ...]]
    """What ``--suppose`` calls it: each word with an example of its value, ``WORD=VALUE``."""

    @classmethod
    @abstractmethod
    def read(cls, word: str, value: str) -> Self:
        """The change that a user writes as ``WORD=VALUE``; ValueError says what is expected."""

    @classmethod
    @abstractmethod
    def usual(cls, case: Case) -> tuple[Self, ...]:
        """The changes worth looking at in every region."""

    @abstractmethod
    def apply(self, case: Case) -> Changed | Excuse | None:
        """The other case; None where it does not apply; an Excuse where this run cannot say."""


def counterfactuals() -> tuple[type[Counterfactual], ...]:
    """Every kind of change in the folder."""
    found = (plugins.find(COUNTERFACTUALS, name) for name in plugins.names(COUNTERFACTUALS))
    return tuple(one for one in found if issubclass(one, Counterfactual))
