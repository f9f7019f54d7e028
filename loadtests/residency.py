"""Where the nodes that serve a region's viewers, and so the viewers' data, may stand."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Tag

ANY: Final = "any"
DEFAULT: Final = "default"
"""Stands for every region that has no line of its own."""
_PLACE: Final = re.compile(r"[A-Z]{2}|([a-z]+/)?[a-z]{2,}(-[a-z0-9]+)+")


def _place(said: object) -> object:
    if said is False:
        raise ValueError("YAML reads NO as false: write 'NO' for Norway, in quotes")
    if not isinstance(said, str) or not _PLACE.fullmatch(said):
        raise ValueError(
            f"expected a provider's region such as 'ap-southeast-3' or a country such as 'ID', found {said!r}"
        )
    return said


Place = Annotated[str, BeforeValidator(_place)]
"""A provider's region, with the provider before it where two call different places alike (``aws/ap-southeast-5``), or a
country by its two capital letters (ISO 3166-1)."""


def _list_or_any(said: object) -> object:
    if said != ANY and not (isinstance(said, list | tuple) and said):
        raise ValueError(f"expected 'any' or a list of places such as [ap-southeast-3, ID], found {said!r}")
    return said


Allowed: TypeAlias = Annotated[
    Annotated[Literal["any"], Tag("any")] | Annotated[tuple[Place, ...], Tag("places")],
    Discriminator(lambda said: "any" if said == ANY else "places"),
    BeforeValidator(_list_or_any),
]
"""``any``, or the only places that are allowed; told apart, so that only one of them complains."""

Residency: TypeAlias = dict[str, Allowed]
"""Per region of the scenario; `DEFAULT` for all others."""


def allowed_in(residency: Residency, code: str) -> tuple[str, ...] | None:
    """The only places for a region's nodes; None where they may stand anywhere."""
    said = residency.get(code, residency.get(DEFAULT, ANY))
    return None if isinstance(said, str) else said
