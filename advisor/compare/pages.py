"""The comparison as files: HTML and Markdown for people, JSON for programs. Everything from a run is escaped."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader

from advisor.compare import show
from advisor.compare.comparison import Comparison
from advisor.compare.curves import charts, overlays
from advisor.compare.words import fill, told
from advisor.foreign import Outcomes
from advisor.pages import page
from advisor.pages.charts import NARROW, Shade, draw


def write_pages(comparison: Comparison, runs: Sequence[Outcomes], folder: Path, lang: str) -> list[Path]:
    """Write ``compare.html``, ``compare.md`` and ``compare.json`` into ``folder``; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "compare.html": html(comparison, runs, lang),
        "compare.md": markdown(comparison, lang),
        "compare.json": as_json(comparison),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def as_json(comparison: Comparison) -> str:
    """All of it but the curves; the same in every language. ``compare.schema.json`` describes it."""
    return json.dumps(comparison.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def markdown(comparison: Comparison, lang: str) -> str:
    """For pull requests and job summaries."""
    tools = _tools(comparison, lang)
    return _environment(html=False).get_template("compare.md.j2").render(comparison=comparison, lang=lang, **tools)


def html(comparison: Comparison, runs: Sequence[Outcomes], lang: str) -> str:
    """One file that needs nothing else: no script, no request, no font."""
    letters = [run.letter for run in comparison.runs]
    shades = _phases(runs[0], lang) if comparison.paired else ()
    drawn = charts(overlays(runs), letters, shades, lang)
    tools = _tools(comparison, lang) | {"charts": drawn, "draw": lambda chart: draw(chart, NARROW)}
    return _environment(html=True).get_template("compare.html.j2").render(comparison=comparison, lang=lang, **tools)


def _environment(*, html: bool) -> Environment:
    """That of the advice, its style sheet included, with the templates here before its own."""
    shared = page.environment(html=html)
    own = PackageLoader("advisor.compare", "templates")
    return shared.overlay(loader=ChoiceLoader([own, shared.loader] if shared.loader else [own]))


def _phases(run: Outcomes, lang: str) -> tuple[Shade, ...]:
    return tuple(
        Shade(phase.start, phase.end, f"phase p{number % 2}", fill(lang, f"phase_{phase.name}"))
        for number, phase in enumerate(run.phases)
    )


def _tools(comparison: Comparison, lang: str) -> dict[str, Callable[..., Any] | object]:
    return {
        "t": partial(fill, lang),
        "told": lambda message: told(message, lang),
        "name": lambda code: show.part_name(comparison, code, lang),
        "cell": lambda shown, unit: show.cell(shown, unit, lang),
        "verdict": lambda table: show.verdict(table, lang),
        "line": lambda head, text: show.line(head, text, lang),
        "bounds": show.bounds,
        "change_size": show.change_size,
        "change_bounds": show.change_bounds,
        "real_rows": show.real_rows,
        "marks": show.MARKS,
        "separator": "、" if lang == "zh" else ", ",
    }
