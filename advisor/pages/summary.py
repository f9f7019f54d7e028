"""The advice in a few lines, for a terminal."""

from __future__ import annotations

from functools import partial

from advisor import figures
from advisor.advice import Advice, RegionAdvice
from advisor.pages.aftermath import fault_line
from advisor.pages.fleetpage import line
from advisor.pages.outcomes import whatif_lines
from advisor.pages.page import answer_excuses, breach_values, nodes_text
from advisor.texts import fill, name_of, told


def summary(advice: Advice, lang: str = "en") -> str:
    """A few lines for a terminal: the answer, the verdict, how sure it is, and the warnings."""
    t = partial(fill, lang)
    verdict = t(f"verdict_{advice.verdict.state}")
    if advice.verdict.first:
        verdict += t("colon") + t("verdict_broke_text", **breach_values(advice, lang, advice.verdict.first))
    faults = (fault_line(lang, fault) for run in advice.runs for fault in run.faults)
    lines = [verdict, *faults, *(line for region in advice.regions for line in _region_lines(lang, region))]
    lines += [*answer_excuses(advice, lang), t(f"sure_{advice.sureness}")]
    lines += whatif_lines(advice, lang)
    lines += [f"! {told(message, lang, advice.names)}" for message in advice.warnings]
    return "\n".join(printable(line) for line in lines)


def printable(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(letter for letter in text if letter.isprintable())


def _region_lines(lang: str, region: RegionAdvice) -> list[str]:
    """What is asked of a region, and what to buy for it."""
    said = fill(
        lang,
        "summary_line",
        region=name_of(region.name, lang),
        nodes=nodes_text(lang, region.nodes),
        cdn=figures.bits(region.cdn.peak.mid),
        range=figures.span(region.cdn.peak, "bit/s"),
    )
    bought = line(lang, region)
    return [said, f"  {bought}"] if bought else [said]
