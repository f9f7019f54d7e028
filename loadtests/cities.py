"""Cities, and how long a round trip between two of them takes where nobody measured it."""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from typing import Annotated, Final

from pydantic import Field

from loadtests.document import read_yaml
from loadtests.region import Fact, Frozen, Names, Region

EARTH_RADIUS: Final = 6371.0
"""Mean, in kilometres."""
SPEED_OF_LIGHT: Final = 299_792.458
"""Kilometres per second."""


class City(Frozen):
    """A city, or the data centres near it."""

    name: Names
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    providers: dict[str, str] = Field(default_factory=dict)
    """Cloud regions that stand there, by provider."""


class Atlas(Frozen):
    """Every city, and what turns a distance into a round trip."""

    coordinates: Fact[str]
    """How exact they are."""
    provider_names: Fact[str]
    fibre: Fact[float]
    """Speed of light in glass ÷ in empty space."""
    detour: Fact[float]
    """Round trip over the Internet ÷ that of light in a straight fibre."""
    cities: dict[str, City]

    def find(self, name: str) -> str:
        """The city called ``name``, or where a cloud region such as ``aws:ap-southeast-1`` stands."""
        if name in self.cities:
            return name
        provider, _, region = name.partition(":")
        for city, known in self.cities.items():
            if region and known.providers.get(provider) == region:
                return city
        raise ValueError(
            f"no such city, found {name!r}; expected one of {', '.join(self.cities)}, "
            "or a cloud region as 'aws:ap-southeast-1'"
        )

    def kilometres(self, start: str, end: str) -> float:
        """Great-circle distance (haversine)."""
        one, other = self.cities[start], self.cities[end]
        north, south = math.radians(one.latitude), math.radians(other.latitude)
        east = math.radians(other.longitude - one.longitude)
        chord = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
        return 2 * EARTH_RADIUS * math.asin(math.sqrt(chord))

    def path_rtt(self, region: Region, pop: str) -> float:
        """Seconds from the region's city to a point of presence and back: as measured, else by the distance.

        Raises ValueError when the point of presence is not known, or the region has neither a figure nor a city.
        """
        pop = self.find(pop)
        if pop in region.path_rtt:
            return region.path_rtt[pop].value
        if not region.city:
            raise ValueError(f"{region.code} has neither a city nor a path_rtt to {pop}")
        light = SPEED_OF_LIGHT * self.fibre.value
        return 2 * self.kilometres(self.find(region.city), pop) / light * self.detour.value


@cache
def atlas() -> Atlas:
    """The cities that ship with surgecast."""
    text = (resources.files("loadtests") / "cities.yaml").read_text(encoding="utf-8")
    return Atlas.model_validate(read_yaml("cities.yaml", text))
