"""What would change the answer, as it is told: table cells, bars, and a line for the terminal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from markupsafe import Markup

from advisor import figures
from advisor.advice import Advice
from advisor.changes.carried import Carried
from advisor.changes.whatif import Answer, Outcome, RegionWhatIf
from advisor.models import Excuse
from advisor.texts import Message, fill, name_of, told

BARS = 8
"""Most changes in a picture: the table has them all."""


def outcome_tools(advice: Advice, lang: str) -> dict[str, Callable[..., Any] | object]:
    """What the templates of this part may call."""
    return {
        "change_text": partial(change_text, advice, lang),
        "how_text": partial(sentences, advice, lang),
        "before_after": partial(before_after, lang),
        "ready_text": ready_text,
        "usd_text": usd_text,
        "carried_text": partial(carried_text, advice, lang),
        "bars": partial(bars, advice, lang),
        "bar": bar,
        "is_carried": lambda found: isinstance(found, Carried),
    }


def change_text(advice: Advice, lang: str, outcome: Outcome) -> str:
    """The change, or all changes that were supposed together."""
    return " + ".join(told(one, lang, advice.names) for one in outcome.changes)


def sentences(advice: Advice, lang: str, messages: tuple[Message, ...]) -> str:
    """Several messages after each other."""
    return ("; " if lang == "en" else "；").join(told(one, lang, advice.names) for one in messages)


def nodes_of(lang: str, answer: Answer, size: float = 1.0) -> str:
    """A number of nodes; where another resource was not tested so far, also what the one that binds asks for."""
    if answer.nodes is None:
        return fill(lang, "answer_no_nodes")
    text = f"{answer.nodes:,}"
    if answer.untested is not None:
        model = fill(lang, f"binds_{answer.untested}")
        text = fill(lang, "whatif_up_to", nodes=text, model=model, fewest=f"{answer.fewest:,}")
    return text if size == 1.0 else fill(lang, "whatif_sized", nodes=text)


def before_after(lang: str, outcome: Outcome) -> str:
    """Nodes now and then."""
    before, after = nodes_of(lang, outcome.before), nodes_of(lang, outcome.after, outcome.size)
    return before if before == after else f"{before} → {after}"


def ready_text(outcome: Outcome) -> str:
    """Nodes that must be ready before the surge, now and then."""
    before, after = outcome.before.ready, outcome.after.ready
    if before is None or after is None:
        return "–"
    return f"{before:,}" if before == after else f"{before:,} → {after:,}"


def usd_text(outcome: Outcome) -> str:
    """CDN egress of the event, now and then."""
    before, after = figures.dollars(outcome.before.usd.mid), figures.dollars(outcome.after.usd.mid)
    return before if before == after else f"{before} → {after}"


def carried_text(advice: Advice, lang: str, code: str, found: Carried | Excuse) -> str:
    """The audience that today's nodes carry, and what gives most."""
    if isinstance(found, Excuse):
        return f"{told(found.reason, lang, advice.names)} {told(found.remedy, lang, advice.names)}"
    region = name_of(advice.names[code], lang) if code else fill(lang, "answer_total")
    viewers = found.viewers
    headroom = (
        fill(lang, "whatif_headroom_none")
        if found.headroom is None
        else fill(lang, "whatif_headroom", viewers=f"{found.headroom:,}")
    )
    limit = found.bound == "limit"
    text = fill(
        lang,
        "whatif_holds" if limit else "whatif_holds_least",
        region=region,
        nodes=f"{found.nodes:,}",
        headroom=headroom,
        **(
            {"viewers": f"{viewers.mid:,.0f}", "range": f"{viewers.low:,.0f}–{viewers.high:,.0f}"}
            if limit
            else {"low": f"{viewers.low:,.0f}"}
        ),
    )
    if found.best and found.best_viewers:
        best = told(found.best, lang, advice.names)
        text += " " + fill(lang, "whatif_gives_most", change=best, viewers=f"{found.best_viewers.mid:,.0f}")
    return text


def bars(advice: Advice, lang: str, region: RegionWhatIf) -> list[tuple[str, str, float, float, bool]]:
    """Label, figure, sure and possible share of the longest bar, and whether it is today's."""
    known = [one for one in region.outcomes if one.before.nodes and one.after.nodes and one.helps][:BARS]
    if not known:
        return []
    most = float(max(one.before.nodes or 0 for one in known))
    most = max([most, *(one.size * (one.after.nodes or 0) for one in known)])
    today = known[0].before.nodes or 0
    rows = [(fill(lang, "whatif_today"), f"{today:,}", today / most, today / most, True)]
    for one in known:
        nodes, fewest = (one.after.nodes or 0) * one.size / most, (one.after.fewest or 0) * one.size / most
        rows.append((change_text(advice, lang, one), f"{one.after.nodes:,}", min(fewest, nodes), nodes, False))
    return rows


def bar(sure: float, possible: float, *, today: bool) -> Markup:
    """One bar, both shares of its full width."""
    rect = Markup('<rect class="{}" x="{:.1f}" y="0" width="{:.1f}" height="12"/>')
    parts = rect.format("today" if today else "sure", 0.0, 300 * sure)
    if possible > sure:
        parts += rect.format("maybe", 300 * sure, 300 * (possible - sure))
    head = Markup('<svg viewBox="0 0 300 12" preserveAspectRatio="none" aria-hidden="true">')
    return head + parts + Markup("</svg>")


def whatif_lines(advice: Advice, lang: str) -> list[str]:
    """For the terminal: the user's question, and the change that helps most."""
    asked = [(one.code, one.supposed) for one in advice.whatif.regions if one.supposed is not None]
    return [*(_question_line(advice, lang, code, found) for code, found in asked), _best_line(advice, lang)]


def _question_line(advice: Advice, lang: str, code: str, found: Outcome | Excuse) -> str:
    region = name_of(advice.names[code], lang)
    if isinstance(found, Excuse):
        reason = told(found.reason, lang, advice.names)
        return fill(lang, "whatif_question_unsaid", region=region, reason=reason)
    return fill(
        lang,
        "whatif_question_line",
        region=region,
        change=change_text(advice, lang, found),
        before=nodes_of(lang, found.before),
        after=nodes_of(lang, found.after, found.size),
    )


def _best_line(advice: Advice, lang: str) -> str:
    best = [(region, region.best) for region in advice.whatif.regions]
    found = [(region, outcome) for region, outcome in best if outcome is not None]
    if not found:
        return fill(lang, "whatif_best_none")
    region, outcome = max(found, key=lambda one: (one[1].saved, _possible(one[1])))
    before, after = outcome.before, outcome.after
    values = {"region": name_of(advice.names[region.code], lang), "change": change_text(advice, lang, outcome)}
    if outcome.saved > 0 or _possible(outcome) > 0:
        text = nodes_of(lang, after, outcome.size)
        key = "whatif_best" if outcome.size == 1.0 else "whatif_best_sized"
        return fill(lang, key, before=nodes_of(lang, before), after=text, **values)
    if before.ready != after.ready:
        return fill(lang, "whatif_best_ready", before=f"{before.ready:,}", after=f"{after.ready:,}", **values)
    money = (figures.dollars(before.usd.mid), figures.dollars(after.usd.mid))
    return fill(lang, "whatif_best_usd", before=money[0], after=money[1], **values)


def _possible(outcome: Outcome) -> float:
    """Nodes that it may save."""
    if outcome.before.nodes is None or outcome.after.fewest is None:
        return 0.0
    return outcome.before.nodes - outcome.after.fewest * outcome.size
