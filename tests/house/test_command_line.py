"""The command line and its page say the same."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from advisor.gate.verdict import EXIT_CODES
from loadtests.errors import SurgecastError
from loadtests.wiring.options import add_options
from surgecast.cli import COMMANDS, find_command
from tests.house.command_line import PAGE, REFRESH, documented, refreshed
from tests.house.tree import blocks, inline_code, pages, prose, rows, told


def test_every_help_text_is_the_one_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    parts = {f"{name} {part}" for name in COMMANDS for part in subcommands(name)}
    assert documented(page) == {"", *COMMANDS, *parts}
    assert refreshed(page) == page, f"a help text has changed; write it into the page with: {REFRESH}"


def subcommands(name: str) -> Mapping[str, click.Command]:
    """Of a command that has commands of its own."""
    command = find_command(name)
    return command.commands if isinstance(command, click.Group) else {}


def params_of(name: str) -> list[click.Parameter]:
    return [param for one in (find_command(name), *subcommands(name).values()) for param in one.params]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_for_each_option_and_an_example(name: str) -> None:
    command = find_command(name)
    options = [param for param in params_of(name) if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert command.epilog is not None
    assert command.epilog.startswith(f"\b\nExample:\n  surgecast {name}")
    assert parses(command.epilog.removeprefix("\b\nExample:\n  ")) is None


def parses(line: str) -> str | None:
    """Why click refuses a line that begins with ``surgecast``, or None."""
    words = shlex.split(line, comments=True)
    name = words[1] if len(words) > 1 else ""
    if name not in COMMANDS:
        return None if name.startswith("-") or not name else f"no command {name}"
    part = subcommands(name).get(words[2]) if len(words) > 2 else None
    try:
        if part is None:
            find_command(name).make_context(name, words[2:], resilient_parsing=False)
        else:
            part.make_context(words[2], words[3:], resilient_parsing=False)
    except click.exceptions.Exit:
        return None  # --help
    except click.ClickException as error:
        return error.format_message()
    return None


def lines(page: Path) -> Iterator[str]:
    for lang in ("sh", ""):
        for block in blocks(page, lang):
            yield from block.text.replace("\\\n", " ").splitlines()


def calls(page: Path) -> Iterator[str]:
    for line in lines(page):
        words = line.strip().removeprefix(".venv/bin/")
        if words.startswith("surgecast "):
            yield words


def test_every_surgecast_command_in_the_docs_can_be_parsed() -> None:
    typed = [(page, line) for page in pages() for line in calls(page)]
    assert len(typed) >= 3
    wrong = [f"{page}: {line}: {why}" for page, line in typed if (why := parses(line))]
    assert not wrong, told(wrong)


def options_of(name: str) -> set[str]:
    return {word for param in params_of(name) for word in (*param.opts, *param.secondary_opts)} | {"--help"}


def test_every_command_and_option_named_in_the_text_exists() -> None:
    wrong = []
    for page in pages():
        for code in inline_code(prose(page)):
            words = code.removeprefix(".venv/bin/").split()
            if len(words) < 2 or words[0] != "surgecast" or words[1].startswith("-") or "…" in code:
                continue
            options = {word.split("=")[0] for word in words if word.startswith("--")}
            if words[1] not in COMMANDS or not options <= options_of(words[1]):
                wrong.append(f"{page}: {code}")
    assert not wrong, told(wrong)


def test_options_of_our_locustfile_are_on_the_page() -> None:
    parser = ArgumentParser()
    add_options(parser)
    ours = {action.option_strings[0] for action in parser._actions} - {"-h"}
    listed = {word for row in rows("docs/command-line.md") for word in inline_code(row[0]) if word.startswith("--")}
    assert listed == ours


def test_every_module_that_the_docs_run_exists() -> None:
    modules = {name for page in pages() for name in re.findall(r"python -m ([\w.]+)", page.read_text(encoding="utf-8"))}
    assert "tests.house.command_line" in modules
    assert {name for name in modules if find_spec(name) is None} == set()


def error_kinds(kind: type[SurgecastError] = SurgecastError) -> set[type[SurgecastError]]:
    return {kind}.union(*(error_kinds(child) for child in kind.__subclasses__()))


def test_every_exit_code_is_documented_and_no_other() -> None:
    table = {row[0].strip("`"): row[1] for row in rows("docs/command-line.md") if re.fullmatch(r"`\d+`", row[0])}
    used = {str(kind.exit_code) for kind in error_kinds() if kind.__module__.startswith("loadtests")} | {"0"}
    assert set(table) == used | {str(code) for code in EXIT_CODES.values()}


def test_the_error_tree_in_the_architecture_has_the_codes_of_the_code() -> None:
    kinds = {kind.__name__: str(kind.exit_code) for kind in error_kinds()}
    table = {name: row[1] for row in rows("docs/architecture.md") for name in inline_code(row[0]) if name in kinds}
    assert table == {name: kinds[name] for name in table}
    assert len(table) == 5
