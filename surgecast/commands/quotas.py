"""``surgecast quotas``: what an advice needs of AWS beyond the quotas there are, asked for when told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from surgecast.quota_requests import request_quotas
from surgecast.store.places import FILE, Storing

EXAMPLE = "\b\nExample:\n  surgecast quotas runs/20261205T123000Z-viral-goal/advice.json --profile live"


@click.command(cls=Storing, epilog=EXAMPLE)
@click.argument("advice", type=FILE)
@click.option("--yes-request", "send", is_flag=True, help="Ask for the increases; without it they are only shown.")
@click.option("--profile", default="", help="Profile of the AWS command line; default: as it finds credentials.")
@click.option("--assume-role", "role", default="", metavar="ARN", help="Role to ask with.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the lines.")
def quotas(advice: Path, **wanted: Any) -> None:
    """Show the quotas of AWS that an advice needs more of, and ask for them when told to. ADVICE is its advice.json."""
    request_quotas(advice, **wanted)
