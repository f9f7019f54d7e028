"""The track record for people and programs: a few lines for a terminal, HTML, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader

from advisor import figures
from advisor.backtest.picture import picture
from advisor.backtest.track import Backtest, Check, Score
from advisor.backtest.words import fill
from advisor.interval import Interval
from advisor.pages import page
from advisor.pages.summary import printable
from advisor.texts import name_of


def write_pages(found: Backtest, folder: Path, lang: str) -> list[Path]:
    """Write ``backtest.html``, ``backtest.md`` and ``backtest.json`` into ``folder``; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "backtest.html": _page(found, lang, html=True),
        "backtest.md": _page(found, lang, html=False),
        "backtest.json": found.model_dump_json(indent=1) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def terminal(found: Backtest, lang: str) -> str:
    """The scores, a line each, and what was left out."""
    t = partial(fill, lang)
    lines = [t("backtest_lead", entries=str(found.entries), used=str(found.used), checks=str(len(found.checks)))]
    for score in found.scores:
        lines.append("  ".join((t("backtest_about", about=about(score, lang)), share_text(found, score, lang))))
        lines[-1] += "  " + bias_text(score, lang) if score.bias is not None else ""
    lines += [f"! {cut_text(found, lang)}"] if found.cut_lines else []
    lines += [f"· {one.name}: {fill(lang, one.why.key, **one.why.values)}" for one in found.left_out]
    return "\n".join(printable(line) for line in lines)


def about(one: Score | Check, lang: str) -> str:
    """What is predicted, with its unit."""
    kind = one.about if isinstance(one, Score) else one.kind
    return fill(lang, f"backtest_kind_{kind}", unit=one.unit)


def share_text(found: Backtest, score: Score, lang: str) -> str:
    """How often it was right, or that nobody can say yet."""
    counts = {"held": str(score.held), "checks": str(score.checks)}
    if score.share is None:
        return fill(lang, "backtest_few", fewest=str(found.fewest), **counts)
    low, mid, high = (figures.percent(round(end, 3)) for end in (score.share.low, score.share.mid, score.share.high))
    return fill(lang, "backtest_share", mid=mid, low=low, high=high, **counts)


def bias_text(score: Score, lang: str) -> str:
    """Whether it said too much or too little; empty when nobody can say yet."""
    if score.bias is None:
        return ""
    size = figures.percent(round(abs(score.bias), 4))
    if score.about == "nodes":
        return fill(lang, "backtest_too_many" if score.bias >= 0 else "backtest_too_few", size=size)
    return fill(lang, "backtest_over" if score.bias >= 0 else "backtest_under", size=size)


def error_text(check: Check) -> str:
    """The error of one prediction; of nodes, at least how large it is, and nothing where that is not known."""
    if check.error is None or (check.kind == "nodes" and not check.error):
        return ""
    bound = ("≥ " if check.error > 0 else "≤ ") if check.kind == "nodes" else ""
    return f"{bound}{check.error:+.1%}"


def cut_text(found: Backtest, lang: str) -> str:
    """Which lines of the ledger were not finished."""
    return fill(lang, "backtest_cut", lines=", ".join(map(str, found.cut_lines)))


def quantity(interval: Interval, unit: str) -> str:
    """A figure with its ends."""
    if unit == "nodes":
        return figures.number(interval.mid)
    middle = figures.rate(interval.mid, unit) if unit in ("bit/s", "requests/s") else figures.number(interval.mid)
    return middle if interval.low == interval.high else f"{middle} ({figures.span(interval, unit)})"


def _page(found: Backtest, lang: str, *, html: bool) -> str:
    name = "backtest.html.j2" if html else "backtest.md.j2"
    return _environment(html=html).get_template(name).render(found=found, lang=lang, **_tools(found, lang))


def _environment(*, html: bool) -> Environment:
    """That of the advice, its style sheet included, with the templates here before its own."""
    shared = page.environment(html=html)
    own = PackageLoader("advisor.backtest", "templates")
    return shared.overlay(loader=ChoiceLoader([own, shared.loader] if shared.loader else [own]))


def _tools(found: Backtest, lang: str) -> Mapping[str, Callable[..., Any] | object]:
    def place(code: str) -> str:
        return name_of(found.names[code], lang) if code in found.names else code or fill(lang, "backtest_whole")

    labels = [f"{place(check.region)} · {check.unit} · {check.at:%Y-%m-%d}" for check in found.checks]
    return {
        "t": partial(fill, lang),
        "told": lambda message: fill(lang, message.key, **message.values),
        "about": lambda one: about(one, lang),
        "share_text": lambda score: share_text(found, score, lang),
        "bias_text": lambda score: bias_text(score, lang),
        "cut_text": lambda: cut_text(found, lang),
        "place": place,
        "quantity": quantity,
        "error": error_text,
        "picture": picture(found.checks, labels, fill(lang, "backtest_picture")),
    }
