"""The repository as the house tests see it: files, Markdown, packages. Nothing here imports what it reads."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.needs import missing, needs

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("loadtests", "advisor", "surgecast")

_FENCE = re.compile(r"^```(?P<lang>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    lang: str
    text: str


@cache
def files() -> tuple[Path, ...]:
    """Every file that is or would be committed, relative to the root."""
    trusted = ["-c", f"safe.directory={ROOT}"]  # a container may own the clone as somebody else
    listed = subprocess.run(
        [needs("git"), *trusted, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        missing(f"the files of the project are not known: {listed.stderr.strip()}")
    return tuple(sorted(Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()))


def text_of(path: Path) -> str | None:
    """A file as text; None for a binary one."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def read(path: str | Path) -> str:
    """A file that is text, by its path from the root."""
    return (ROOT / path).read_text(encoding="utf-8")


def pages() -> tuple[Path, ...]:
    """Every Markdown page."""
    return tuple(path for path in files() if path.suffix == ".md")


def blocks(page: Path, lang: str) -> Iterator[Block]:
    """The fenced blocks of a page in one language."""
    for match in _FENCE.finditer(read(page)):
        if match["lang"] == lang:
            yield Block(page, lang, match["text"])


def prose(page: str | Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", read(page))


def inline_code(text: str) -> set[str]:
    """What stands between single backticks."""
    return set(_INLINE.findall(text))


def rows(page: str | Path) -> list[list[str]]:
    """Every table row of a page as its cells, without marks around them."""
    lines = (line for line in prose(page).splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


def sources(*packages: str) -> tuple[Path, ...]:
    """The Python files of some packages."""
    wanted = packages or PACKAGES
    return tuple(path for path in files() if path.suffix == ".py" and path.parts[0] in wanted)


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def told(wrong: Iterable[object]) -> str:
    """What is wrong, one thing a line, for an assertion's message."""
    return "\n" + "\n".join(str(one) for one in wrong)


@cache
def syntax(path: Path) -> ast.Module:
    """A source file, parsed."""
    return ast.parse(read(path), filename=str(path))


@cache
def plugin_folders() -> tuple[str, ...]:
    """Packages whose ``__init__`` holds the base class of a kind of plugin."""
    found = []
    for path in sources():
        if path.name == "__init__.py":
            classes = [node for node in syntax(path).body if isinstance(node, ast.ClassDef)]
            if any(isinstance(base, ast.Name) and base.id == "Plugin" for node in classes for base in node.bases):
                found.append(module_name(path))
    return tuple(found)
