"""The surge notice: a ready letter for each CDN, in English and Chinese, and its quota requests as commands.

Everything that comes from a run is made safe for Markdown and stands on one line; commands are made of a CDN's own
facts and of numbers, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from advisor import figures
from advisor.advice import Advice
from advisor.cdns.increase import Increase
from advisor.cdns.page import asked_for, notice_values, share_of
from advisor.cdns.plan import CdnPart, CdnPlan
from advisor.cdns.quota import names_of, sizes
from advisor.cdns.shield import ShieldChoice
from advisor.pages.page import markdown_safe
from advisor.texts import LANGS, fill, listed, name_of

OURS: Final = "surgecast, from "
"""In the first line of every file that was written here."""


def letter(advice: Advice, plan: CdnPlan, part: CdnPart, lang: str) -> str:
    """The letter to one CDN, as Markdown."""
    return "\n".join(_letter(advice, plan, part, lang)) + "\n"


def _letter(advice: Advice, plan: CdnPlan, part: CdnPart, lang: str) -> Iterator[str]:
    cdn = {"cdn": name_of(part.offer.title, lang)}
    places = [markdown_safe(name_of(advice.names[one.region], lang)) for one in share_of(plan, part)]
    event = {"event": advice.scenario, "regions": listed(lang, places), **_most(part)}
    runs = ", ".join(markdown_safe(run.facts.run_id) for run in advice.runs)
    yield f"<!-- {OURS}{advice.scenario} -->"
    yield "# " + fill(lang, "letter_subject", **event)
    yield from ("", fill(lang, "letter_to", **cdn), "", fill(lang, "letter_hello", **cdn), "")
    yield fill(lang, "letter_opening")
    yield from ("", f"- {_when(plan, lang)}", "- " + fill(lang, "letter_what", **event), f"- {_total(part, lang)}", "")
    yield from _table(advice, plan, part, lang)
    if advice.left_out:
        missing = listed(lang, [markdown_safe(name_of(advice.names[one.about], lang)) for one in advice.left_out])
        yield from ("", fill(lang, "letter_left_out", regions=missing))
    if part.distributions is not None:
        yield from ("", fill(lang, "letter_each"))
    yield from _asks(part, lang)
    if part.notices:
        yield from ("", "## " + fill(lang, "letter_lead"), "", *(f"- {line}" for line in _leads(part, lang)))
    yield from ("", "## " + fill(lang, "letter_fill"), "")
    yield from (f"- {fill(lang, key)}" for key in ("letter_fill_account", "letter_fill_contact"))
    yield from ("", fill(lang, "letter_basis", runs=runs), "", fill(lang, "letter_bye"))


def _when(plan: CdnPlan, lang: str) -> str:
    if plan.starts_at is None:
        return fill(lang, "letter_when_missing")
    ends = plan.starts_at + timedelta(seconds=plan.seconds)
    return fill(lang, "letter_when", start=_minute(plan.starts_at), end=_minute(ends))


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def _total(part: CdnPart, lang: str) -> str:
    return fill(
        lang,
        "letter_total",
        **_most(part),
        wire_span=figures.span(part.peak, "bit/s"),
        requests=figures.rate(part.requests.mid, "requests/s"),
        requests_span=figures.span(part.requests, "requests/s"),
        volume=figures.volume(part.gb.mid),
    )


def _most(part: CdnPart) -> dict[str, str]:
    return {"viewers": f"{part.viewers:,.0f}", "wire": figures.bits(part.peak.mid)}


def _table(advice: Advice, plan: CdnPlan, part: CdnPart, lang: str) -> Iterator[str]:
    keys = (
        "col_region",
        "cdns_col_viewers",
        "col_joins",
        "cdns_col_peak",
        "cdns_col_requests",
        "letter_col_high",
        "cdns_col_volume",
    )
    yield from ("## " + fill(lang, "letter_regions"), "")
    yield f"| {' | '.join(fill(lang, key) for key in keys)} |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    joins = {region.code: region.demand.joins for region in advice.regions}
    for one in share_of(plan, part):
        joining = joins[one.region].scale(one.share)
        most = (
            figures.bits(one.peak.high),
            figures.rate(one.requests.high, "requests/s"),
            figures.rate(joining.high, "joins/s"),
        )
        row = (
            name_of(advice.names[one.region], lang),
            f"{one.viewers:,.0f}",
            figures.number(joining.mid),
            figures.bits(one.peak.mid),
            figures.rate(one.requests.mid, "requests/s"),
            ", ".join(most),
            figures.volume(one.gb.mid),
        )
        yield f"| {' | '.join(markdown_safe(cell) for cell in row)} |"


def _asks(part: CdnPart, lang: str) -> Iterator[str]:
    most = {"wire": figures.bits(part.peak.high), "requests": figures.rate(part.requests.high, "requests/s")}
    yield from ("", "## " + fill(lang, "letter_ask"), "", "- " + fill(lang, "letter_ask_capacity", **most))
    for more in part.increases:
        yield "- " + fill(lang, "letter_ask_quota", **asked_for(more))
    if isinstance(part.shield, ShieldChoice):
        yield "- " + fill(lang, "letter_ask_shield", region=part.shield.region)
    yield from (f"- {fill(lang, key)}" for key in ("letter_ask_contact", "letter_ask_maintenance"))


def _leads(part: CdnPart, lang: str) -> Iterator[str]:
    for notice in part.notices:
        key = "letter_lead_undated" if notice.send_by is None else "letter_lead_rule"
        source = (notice.rule.source_zh if lang == "zh" else "") or notice.rule.source
        yield fill(lang, key, source=source, **notice_values(lang, notice))
        if notice.standing == "late":
            yield fill(lang, "letter_late")


def commands(increases: tuple[Increase, ...]) -> str:
    """A shell script that asks AWS Service Quotas for more; each quota's code and unit are looked up by its names.

    As JSON: with text the AWS CLI holds a query against each page by itself (its user guide, "Filtering output").
    """
    lines = [f"# {OURS}the surge notice: each request below changes your account. Run it with sh.", "set -eu"]
    for more in increases:
        lines += _command(more)
    return "\n".join(lines) + "\n"


def _command(more: Increase) -> Iterator[str]:
    """One request, in the unit in which the account has the quota."""
    where = f"--service-code {more.service} --region {more.region}"
    named = " || ".join(f"QuotaName=='{name}' || QuotaCode=='{name}'" for name in names_of(more.quota))
    query = f"Quotas[?{named}].join(' ', [QuotaCode, not_null(Unit, 'None')]) | [0]"
    yield f'quota=$(aws service-quotas list-service-quotas {where} --query "{query}" --output json)'
    yield f'[ "$quota" != null ] || {{ echo "no quota \'{more.quota}\': open a support case" >&2; exit 1; }}'
    yield "quota=${quota#?} quota=${quota%?}"
    yield "code=${quota%% *} unit=${quota#* }"
    known = sizes(more.unit)
    if not known:
        yield f"wanted={more.wanted:.0f}"
    else:
        yield 'case "$unit" in'
        yield from (f"  '{unit}') wanted={more.wanted * size:.0f} ;;" for unit, size in known.items())
        yield f"  *) echo \"'{more.quota}' is counted in $unit: open a support case\" >&2; exit 1 ;;"
        yield "esac"
    yield f'aws service-quotas request-service-quota-increase {where} --quota-code "$code" --desired-value "$wanted"'


def write_letters(advice: Advice, folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Letters and quota requests in a folder: files written, and those of an earlier advice that were taken away."""
    wanted = {} if advice.cdns is None else {folder / name: text for name, text in _files(advice, advice.cdns)}
    for file, text in wanted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    old = [file for file in _ours(folder) if file not in wanted]
    for file in old:
        file.unlink()
    return tuple(wanted), tuple(old)


def _files(advice: Advice, plan: CdnPlan) -> Iterator[tuple[str, str]]:
    for part in plan.parts:
        for lang in LANGS if part.serves else ():
            yield f"surge-notice-{part.offer.name}.{lang}.md", letter(advice, plan, part, lang)
        if part.increases:
            yield f"quota-requests-{part.offer.name}.sh", commands(part.increases)


def _ours(folder: Path) -> Iterator[Path]:
    """Files of an earlier advice, whatever CDN they are for."""
    for pattern in (*(f"surge-notice-*.{lang}.md" for lang in LANGS), "quota-requests-*.sh"):
        for file in sorted(folder.glob(pattern)):
            if file.is_file() and OURS in file.read_text(encoding="utf-8", errors="replace")[:100]:
                yield file
