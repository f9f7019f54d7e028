"""Amounts as Kubernetes writes them: ``500m``, ``2Gi``, ``1e3``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_SUFFIXES: Final[dict[str, Decimal]] = {
    "": Decimal(1),
    **{name: Decimal(1000) ** power for power, name in zip((-3, -2, -1, 1, 2, 3, 4, 5, 6), "numkMGTPE", strict=True)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", 1)},
}
_FORM: Final = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]{1,3})?)(n|u|m|k|[MGTPE]i?|Ki)?")
LONGEST: Final = 64
"""Characters of an amount at most; a longer one is not one."""


def quantity(text: object) -> float:
    """The amount as a number of its unit (cores, bytes, pods); ValueError when it is none."""
    found = _FORM.fullmatch(str(text).strip()) if len(str(text)) <= LONGEST else None
    if found is None:
        raise ValueError(f"expected an amount such as 500m or 2Gi, found {str(text)[:LONGEST]!r}")
    try:
        return float(Decimal(found[1]) * _SUFFIXES[found[2] or ""])
    except InvalidOperation as error:
        raise ValueError(f"expected an amount such as 500m or 2Gi, found {text!r}") from error
