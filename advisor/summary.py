"""The advice in a few lines, for a terminal."""

from __future__ import annotations

from functools import partial

from advisor import figures
from advisor.advice import Advice
from advisor.aftermath import fault_line
from advisor.outcomes import whatif_lines
from advisor.page import breach_values, nodes_text
from advisor.texts import fill, name_of, told


def summary(advice: Advice, lang: str = "en") -> str:
    """A few lines for a terminal: the answer, the verdict, how sure it is, and the warnings."""
    t = partial(fill, lang)
    verdict = t(f"verdict_{advice.verdict.state}")
    if advice.verdict.first:
        verdict += t("colon") + t("verdict_broke_text", **breach_values(advice, lang, advice.verdict.first))
    faults = (fault_line(lang, fault) for run in advice.runs for fault in run.faults)
    lines = [verdict, *faults, *(_region_line(advice, lang, code) for code in range(len(advice.regions)))]
    lines.append(t(f"sure_{advice.sureness}"))
    lines += whatif_lines(advice, lang)
    lines += [f"! {told(message, lang, advice.names)}" for message in advice.warnings]
    return "\n".join(printable(line) for line in lines)


def printable(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(letter for letter in text if letter.isprintable())


def _region_line(advice: Advice, lang: str, index: int) -> str:
    region = advice.regions[index]
    return fill(
        lang,
        "summary_line",
        region=name_of(region.name, lang),
        nodes=nodes_text(lang, region.nodes),
        cdn=figures.bits(region.cdn.peak.mid),
        range=figures.span(region.cdn.peak, "bit/s"),
    )
