"""The ``surgecast`` command: lists the commands, turns errors into one message and an exit code.

Exit codes: 0 done / budgets kept, 1 our failure, 2 bad input, 3 INVALID (could not measure), 99 budgets broken.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final, cast

import click

from loadtests.errors import InputError, SurgecastError

COMMANDS: Final = (
    "advise", "apply", "catalog", "compare", "doctor", "gate", "load", "quotas", "rehearse", "rollback", "search",
    "simulate", "stage", "store",
)  # fmt: skip


def find_command(name: str) -> click.Command:
    """The command called ``name``, one of `COMMANDS`."""
    return cast("click.Command", getattr(import_module(f"surgecast.commands.{name}"), name))


class Commands(click.Group):
    """Loads ``surgecast.commands.NAME`` only when NAME is called: each command pays for its own imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a name."""
        return find_command(cmd_name) if cmd_name in COMMANDS else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="surgecast")
def surgecast() -> None:
    """Rehearse a viral live-streaming spike before it happens."""


def main() -> None:
    """Run the command line; never shows a traceback for the user's own mistakes."""
    try:
        surgecast(standalone_mode=True)
    except SurgecastError as error:
        click.echo(f"surgecast: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise  # nothing that the user named
        click.echo(f"surgecast: {error.filename}: {error.strerror}\n  → name another file or folder", err=True)
        sys.exit(InputError.exit_code)
