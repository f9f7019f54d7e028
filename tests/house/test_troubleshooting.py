"""Every message that docs/troubleshooting.md quotes is one that the code can say."""

from __future__ import annotations

import ast
import re
from functools import cache

import yaml

from tests.house.tree import prose, read, sources, syntax, told

_HEADING = re.compile(r"^### (.+)$", re.MULTILINE)


@cache
def spoken() -> str:
    """Every string constant of the code and every sentence of the reports, one a line."""
    constants = (
        node.value
        for path in sources()
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    sentences = yaml.safe_load(read("advisor/reports/texts/en/report.yaml")).values()
    return "\n".join((*constants, *map(str, sentences), read("Makefile")))


def test_every_quoted_message_is_in_the_code() -> None:
    quoted = [
        code
        for heading in _HEADING.findall(prose("docs/troubleshooting.md"))
        for code in re.findall(r"`([^`]+)`", heading)
    ]
    assert len(quoted) >= 20
    wrong = [message for message in quoted for piece in message.split("…") if piece.strip(" .") not in spoken()]
    assert not wrong, told(wrong)


def test_every_symptom_says_what_to_do_or_why() -> None:
    parts = re.split(r"^### ", read("docs/troubleshooting.md"), flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in parts if "**Do" not in part and "**Cause" not in part] == []
