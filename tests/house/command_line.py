"""Keeps docs/command-line.md in step with the commands: ``python -m tests.house.command_line`` writes help texts."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import click
from click.testing import CliRunner

from surgecast.cli import COMMANDS, find_command, surgecast
from tests.house.tree import ROOT

PAGE: Final = ROOT / "docs" / "command-line.md"
REFRESH: Final = "python -m tests.house.command_line"
WIDTH: Final = 100

_HELP = re.compile(r"(<!-- help: (?P<words>[\w -]*?) ?-->\n```text\n).*?(```\n<!-- /help -->)", re.DOTALL)


@cache
def commands() -> dict[str, click.Command]:
    """Every command by its words, those of a group behind their group."""
    found = {name: find_command(name) for name in COMMANDS}
    groups = [(name, one) for name, one in found.items() if isinstance(one, click.Group)]
    return found | {f"{name} {word}": inner for name, group in groups for word, inner in group.commands.items()}


def help_text(words: str) -> str:
    """What ``surgecast WORDS --help`` says in a terminal of `WIDTH` columns."""
    arguments = [*words.split(), "--help"]
    result = CliRunner().invoke(surgecast, arguments, prog_name="surgecast", terminal_width=WIDTH)
    assert result.exit_code == 0, result.output
    return result.output


def documented(page: str) -> set[str]:
    """The commands that have a help text on the page; the empty one is ``surgecast`` itself."""
    return {match["words"] for match in _HELP.finditer(page)}


def refreshed(page: str) -> str:
    """The page with every help text as it is now."""
    return _HELP.sub(lambda match: match[1] + help_text(match["words"]) + match[3], page)


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
