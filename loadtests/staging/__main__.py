"""Run one node of the origin: ``python -m loadtests.staging --port 8800 --egress 120Mbps --rps 900``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from loadtests import units
from loadtests.errors import SurgecastError
from loadtests.staging.declared import Capacity
from loadtests.staging.node import Settings, run


def quantity(allowed: Mapping[str, float], example: str) -> Callable[[str], float]:
    """Read a number with a unit; argparse shows the reason when it is not one."""

    def read(text: str) -> float:
        try:
            return units.parse(text, allowed, example)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def settings(arguments: list[str]) -> Settings:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.staging", description="One node of the live origin.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8800, help="port to listen on")
    parser.add_argument("--egress", type=quantity(units.BITS_PER_SECOND, "40Mbps"), help="declared egress: 40Mbps")
    parser.add_argument("--rps", type=float, help="declared requests per second")
    parser.add_argument("--latency", type=quantity(units.SECONDS, "300ms"), default=0.0, help="added to each response")
    parser.add_argument("--parent", type=int, help="leave when this process is no longer the parent")
    parser.add_argument("--told", action="store_true", help="standard input says how the stage is; for its cluster")
    given = parser.parse_args(arguments)
    return Settings(
        host=given.host,
        port=given.port,
        capacity=Capacity(egress=given.egress, rps=given.rps),
        latency=given.latency,
        parent=given.parent,
        told=given.told,
    )


def main(arguments: list[str]) -> int:
    """Serve until told to stop; return the exit code."""
    try:
        run(settings(arguments))
    except SurgecastError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
