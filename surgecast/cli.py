"""The ``surgecast`` command: lists the commands, turns errors into one message and an exit code.

Exit codes: 0 done / budgets kept, 1 our failure, 2 bad input, 3 INVALID (could not measure), 99 budgets broken.
"""

from __future__ import annotations

import sys

import click

from loadtests.errors import SurgecastError
from surgecast.commands.advise import advise
from surgecast.commands.compare import compare
from surgecast.commands.gate import gate
from surgecast.commands.load import load
from surgecast.commands.rehearse import rehearse
from surgecast.commands.stage import stage


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="surgecast")
def surgecast() -> None:
    """Rehearse a viral live-streaming spike before it happens."""


for command in (rehearse, stage, load, advise, gate, compare):
    surgecast.add_command(command)


def main() -> None:
    """Run the command line; never shows a traceback for the user's own mistakes."""
    try:
        surgecast(standalone_mode=True)
    except SurgecastError as error:
        click.echo(f"surgecast: {error}", err=True)
        sys.exit(error.exit_code)
