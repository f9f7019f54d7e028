"""The template environments: what a report's template may call, and how what it shows is made safe.

Everything that comes from a run is untrusted. HTML escapes every value; Markdown escapes every value that is not a
sentence of ours. Values are never read as templates.
"""

from __future__ import annotations

import pickle
import re
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket

from advisor import figures
from advisor.advice import Advice
from advisor.cdns import page as cdns_page
from advisor.egress import page as egress_page
from advisor.measured.recovery import BEFORE, HOLD
from advisor.models import Excuse
from advisor.pages import accounted, clustered, edge_text, offerpage, planning, scaled, serverpage, standing
from advisor.pages.aftermath import level_lines, outcome
from advisor.pages.charts import NARROW, WIDE, draw
from advisor.pages.curves import region_charts, run_charts
from advisor.pages.fleetpage import tools as fleet_tools
from advisor.pages.growth import growth_tools
from advisor.pages.outcomes import outcome_tools
from advisor.plans.plan import Plan
from advisor.texts import Message, fill, listed, name_of, told
from advisor.verdict import Breach, RegionVerdict

_SPACES = re.compile(r"\s+")
_MARKS = re.compile(r"([\\`*_\[\]<>|#~])")


def markdown_safe(value: object) -> str:
    """Text without any meaning in Markdown or HTML, on one line."""
    return _MARKS.sub(r"\\\1", _SPACES.sub(" ", str(value)).replace("&", "&amp;"))


def environment(*, html: bool) -> Environment:
    """Jinja with every value escaped, for HTML or for Markdown."""
    return Environment(
        loader=PackageLoader("advisor.reports", "templates"),
        autoescape=html,  # noqa: S701 - for Markdown ``finalize`` escapes, in Markdown's own way
        finalize=None if html else markdown_safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=Compiled("html" if html else "markdown"),
    )


UNREADABLE: Final = (OSError, EOFError, ValueError, LookupError, AttributeError, ImportError, pickle.UnpicklingError)
"""What reading a kept template raises where it may not be read or was cut: jinja unpickles a part of it."""


class Compiled(FileSystemBytecodeCache):
    """Templates compiled once, in the place and by the settings of Python's own compiled modules.

    ``kind`` is of the environment: another one compiles the same template to something else, and so does a change of
    this module, which makes it.
    """

    def __init__(self, kind: str) -> None:
        folder, own = Path(cache_from_source(__file__)).parent, zlib.crc32(Path(__file__).read_bytes())
        super().__init__(str(folder), f"{kind}-{own:08x}-jinja{version('jinja2')}-%s.cache")

    def load_bytecode(self, bucket: Bucket) -> None:
        """What is kept of it, if that can be read and is whole."""
        try:
            super().load_bytecode(bucket)
        except UNREADABLE:
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it, unless nothing may be written there: then it is compiled again the next time, as a module is."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(parents=True, exist_ok=True)
                super().dump_bytecode(bucket)


def page(template: str, advice: Advice, lang: str, *, html: bool) -> str:
    """Fill a template with an advice."""
    return environment(html=html).get_template(template).render(advice=advice, lang=lang, **_tools(advice, lang))


def _tools(advice: Advice, lang: str) -> dict[str, Callable[..., Any] | object]:
    return {
        "t": partial(fill, lang),
        "answer_excuses": lambda: answer_excuses(advice, lang),
        "told": lambda message: _told(message, advice, lang),
        "summary": name_of(advice.summary, lang),
        "name": lambda code: name_of(advice.names[code], lang),
        "is_plan": lambda found: isinstance(found, Plan),
        "is_excuse": lambda found: isinstance(found, Excuse),
        "nodes_text": partial(nodes_text, lang),
        "nodes_total": lambda: nodes_total(advice, lang),
        **planning.tools(lang),
        **offerpage.tools(lang),
        **standing.tools(advice, lang),
        **scaled.tools(lang),
        **fleet_tools(lang),
        **clustered.tools(lang),
        **accounted.tools(lang),
        "breach_values": partial(breach_values, advice, lang),
        "abandoned_text": partial(abandoned_text, advice, lang),
        "draw_wide": lambda chart: draw(chart, WIDE),
        "draw_narrow": lambda chart: draw(chart, NARROW),
        "run_charts": lambda run: run_charts(advice, run, lang),
        "region_charts": lambda run, code: region_charts(advice, run, code, lang),
        "outcome": partial(outcome, lang),
        "level_lines": partial(level_lines, lang),
        "faults_lead": fill(lang, "faults_lead", before=str(BEFORE), hold=str(HOLD)),
        **serverpage.tools(advice, lang),
        **outcome_tools(advice, lang),
        "has_faults": any(run.faults for run in advice.runs),
        **growth_tools(advice.capacities, lang),
        "fig": figures,
        "separator": "、" if lang == "zh" else ", ",
        **edge_text.tools(lang),
        **cdns_page.tools(lang, advice.names),
        **egress_page.tools(lang),
    }


def _told(message: Message, advice: Advice, lang: str) -> str:
    return told(message, lang, advice.names)


def nodes_text(lang: str, found: Plan | Excuse) -> str:
    """The number of nodes in words."""
    match found:
        case Plan():
            key = "answer_nodes" if found.bound == "needed" else "answer_at_most"
            return fill(lang, key, nodes=f"{found.nodes:,}")
        case Excuse():
            return fill(lang, "answer_no_nodes")


def limit_text(budget: str, value: float) -> str:
    """A value that a budget judges: a duration, or a share."""
    return figures.percent(value) if budget.endswith(("_ratio", "_loss")) else figures.seconds(value)


def breach_values(advice: Advice, lang: str, breach: Breach) -> dict[str, str]:
    """What the sentences about a breach say."""
    return {
        "at": str(breach.at),
        "region": name_of(advice.names[breach.region], lang),
        "budget": fill(lang, f"budget_{breach.budget}"),
        "value": limit_text(breach.budget, breach.value),
        "limit": limit_text(breach.budget, breach.limit),
        "viewers": f"{breach.viewers:,}",
    }


def abandoned_text(advice: Advice, lang: str, found: RegionVerdict) -> str:
    """How many had had enough, and of what."""
    counts = {reason: f"{found.abandoned.get(reason, 0):,}" for reason in ("slow_start", "stalls")}
    return fill(lang, "abandoned", region=name_of(advice.names[found.region], lang), **counts)


def answer_excuses(advice: Advice, lang: str) -> list[str]:
    """Why regions have no nodes, each reason once with all regions that it holds for."""
    regions: dict[str, list[str]] = {}
    for one in (*(region.nodes for region in advice.regions), *advice.left_out):
        if isinstance(one, Excuse):
            said = f"{_told(one.reason, advice, lang)} {_told(one.remedy, advice, lang)}"
            regions.setdefault(said, []).append(name_of(advice.names[one.about], lang))
    return [f"{listed(lang, names)}{fill(lang, 'colon')}{said}" for said, names in regions.items()]


def nodes_total(advice: Advice, lang: str) -> str:
    """Nodes over all regions, or that there is no such number."""
    if advice.totals.nodes is None:
        return fill(lang, "answer_no_nodes")
    key = "answer_nodes" if advice.capacities.saturated else "answer_at_most"
    return fill(lang, key, nodes=f"{advice.totals.nodes:,}")
