"""Every link of every page leads somewhere, and every path that a page names is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tests.house.tree import ROOT, files, inline_code, pages, prose, read, told

_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_PATH = re.compile(r"(?:loadtests|advisor|surgecast|tests|docs|k8s|terraform|benchmarks|\.ci)/[\w./*-]*")


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain)


def why_broken(page: Path, target: str) -> str | None:
    if re.match(r"[a-z]+:", target):
        return None
    place, _, anchor = target.partition("#")
    found = (ROOT / page.parent / place).resolve() if place else ROOT / page
    if not found.exists():
        return "no such file"
    if anchor and found.suffix == ".md" and anchor not in anchors(found.relative_to(ROOT)):
        return "no such heading"
    return None


def test_every_link_leads_somewhere() -> None:
    links = [(page, match["target"]) for page in pages() for match in _LINK.finditer(prose(page))]
    assert len(links) > 50
    broken = [f"{page}: {target}: {why}" for page, target in links if (why := why_broken(page, target))]
    assert not broken, told(broken)


def test_every_page_of_the_docs_can_be_reached_from_the_readme() -> None:
    seen, queue = set(), [Path("README.md")]
    while queue:
        page = queue.pop()
        seen.add(page)
        for match in _LINK.finditer(prose(page)):
            target = match["target"].partition("#")[0]
            found = (ROOT / page.parent / target).resolve()
            if target.endswith(".md") and found.is_file() and found.relative_to(ROOT) not in seen:
                queue.append(found.relative_to(ROOT))
    assert {page for page in pages() if page.parts[0] == "docs"} <= seen


def test_every_repository_path_named_in_a_page_exists() -> None:
    wrong: list[str] = []
    for page in pages():
        named = {code for code in inline_code(prose(page)) if _PATH.fullmatch(code) and "CODE" not in code}
        wrong += [f"{page}: {code}" for code in sorted(named) if not any(ROOT.glob(code))]
    assert not wrong, told(wrong)


def test_every_page_that_a_docstring_or_comment_names_exists() -> None:
    wrong: list[str] = []
    for path in files():
        if path.suffix in {".py", ".yaml", ".toml"} and path.parts[0] != "tests":
            named = set(re.findall(r"docs/[\w-]+\.md", read(path)))
            wrong += [f"{path}: {name}" for name in sorted(named) if not (ROOT / name).is_file()]
    assert not wrong, told(wrong)
