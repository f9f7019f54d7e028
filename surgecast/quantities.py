"""Quantities with units as command-line values, read by the same rules as in a scenario."""

from __future__ import annotations

from collections.abc import Mapping

import click

from loadtests.units import BITS_PER_SECOND, SECONDS, parse


class Quantity(click.ParamType[float]):
    """A number with a unit."""

    def __init__(self, name: str, units: Mapping[str, float], example: str) -> None:
        self.name, self._units, self._example = name, units, example

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse the text; click's own usage error (exit code 2) when it is not such a quantity."""
        if isinstance(value, float):
            return value
        try:
            return parse(value, self._units, self._example)
        except ValueError as error:
            self.fail(str(error), param, ctx)


BITRATE = Quantity("bitrate", BITS_PER_SECOND, "40Mbps")
DURATION = Quantity("duration", SECONDS, "300ms")
