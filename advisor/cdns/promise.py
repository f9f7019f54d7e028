"""What a vendor pays back when a service level was not kept, and how soon it answers: facts of a CDN.

Sources of the figures stand in the files of CDNs; how levels are measured differs by vendor (docs/cdn.md).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from loadtests.region import Frozen
from loadtests.units import Duration, Share

Severity: TypeAlias = Literal["guidance", "impaired", "production_impaired", "production_down", "business_down"]
"""As AWS tells them apart, the mildest first."""
MONTH: Final = 30 * 86_400.0
"""Seconds over which what may be down is told (by convention; a contract counts calendar months)."""


class Credit(Frozen):
    """What comes back of a month's fee."""

    below: Annotated[Share, Field(gt=0, le=1)]
    """Availability of the month, by the vendor's own measure."""
    share: Annotated[Share, Field(gt=0)]
    """Of the fee."""


class Answer(Frozen):
    """How soon a vendor first answers a case."""

    severity: Severity
    within: Annotated[Duration, Field(gt=0)]
    plans: tuple[str, ...] = Field(min_length=1)
    """Support plans that have it."""


def down(sla: float) -> float:
    """Seconds in `MONTH` that a service level lets be down."""
    return (1.0 - sla) * MONTH
