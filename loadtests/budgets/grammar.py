r"""Sentences to budgets, and mappings to sentences.

::

    METRIC [STAT] < LIMIT [in REGION | per region] [cohort NAME | per cohort]
                          [during PHASE[+PHASE]] [for TIME | over TIME | within TIME] [abort [after TIME]]

    LIMIT: a quantity, or  baseline [+|- ALLOWANCE [or ALLOWANCE]]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from loadtests.budgets.budget import EACH, Baseline, Budget, BudgetError, check_fit
from loadtests.budgets.metrics import Metric, metric_of
from loadtests.shapes import PhaseName
from loadtests.units import SECONDS, SHARE, parse

ABORT_AFTER: Final = 5.0
"""Seconds that a budget must be surely broken before it ends a run, where it names none."""
STATS: Final[Mapping[str, tuple[str, ...]]] = {
    "spread": ("pNN", "mean", "min", "max"),
    "share": (),
    "mean": ("mean",),
    "rate": ("mean",),
    "level": ("mean", "min", "max"),
}

_SENTENCE = re.compile(
    r"\s*(?P<metric>[A-Za-z_][\w.]*)(?:\s+(?P<stat>\w[\w.]*))?\s*(?P<sign>[<>])=?(?P<rest>.*)", re.DOTALL
)
_FIRST_CLAUSE = re.compile(r"\s+(?:in|per|cohort|during|for|within|over|abort)(?=\s|$)")
_CLAUSE = re.compile(
    r"\s+(?P<word>in|per|cohort|during|for|within|over)(?:\s+(?P<value>\S+(?:\s*\+\s*\S+)*))?(?=\s|$)"
    r"|\s+(?P<abort>abort)(?:\s+after\s+(?P<time>\S+))?(?=\s|$)"
)
_PERCENTILE = re.compile(r"p(\d\d?(?:\.\d+)?)")
_BASELINE = re.compile(r"baseline(?:\s*(?P<sign>[+-])\s*(?P<first>[^+\s-]+)(?:\s+or\s+(?P<second>\S+))?)?")


def read_budget(source: object) -> Budget:
    """A budget from its sentence or its mapping; BudgetError (a ValueError) names the part that is wrong."""
    if isinstance(source, Budget):
        return source
    if isinstance(source, Mapping):
        source = _sentence(source)
    if not isinstance(source, str):
        raise BudgetError("budget", f"expected a sentence such as 'startup p95 < 2s', found {source!r}")
    return _parse(" ".join(source.split()))


def _parse(text: str) -> Budget:
    match = _SENTENCE.fullmatch(text)
    if match is None:
        raise BudgetError("budget", f"expected METRIC [STAT] < LIMIT, such as 'startup p95 < 2s', found {text!r}")
    try:
        metric = metric_of(match["metric"])
    except ValueError as error:
        raise BudgetError("metric", str(error)) from error
    first = _FIRST_CLAUSE.search(match["rest"])
    limit = match["rest"][: first.start()] if first else match["rest"]
    fields: dict[str, Any] = {
        "text": text,
        "metric": metric.name,
        "stat": _stat(metric, match["stat"] or ""),
        "sign": match["sign"],
        "limit": _limit(metric, match["sign"], limit.strip()),
    }
    for word, value in _clauses(match["rest"][len(limit) :]):
        name, found = _clause(word, value)
        if name in fields:
            raise BudgetError(word, f"said twice in {text!r}")
        fields[name] = found
    return check_fit(Budget.model_construct(**fields))  # here, and not as pydantic does: its error keeps its field


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Words and their values, in order; read one after the other, for ``in`` is a region as well (India)."""
    at = 0
    while at < len(text):
        match = _CLAUSE.match(text, at)
        if match is None:
            raise BudgetError("budget", f"expected a clause such as 'during peak', found {text[at:].strip()!r}")
        yield match["word"] or match["abort"], match["value"] or match["time"] or ""
        at = match.end()


def _stat(metric: Metric, stat: str) -> str:
    allowed = STATS[metric.kind]
    if _PERCENTILE.fullmatch(stat) and "pNN" in allowed and float(stat[1:]) > 0:
        return f"p{float(stat[1:]):g}"
    if stat in allowed and stat != "pNN":
        return stat if metric.kind in ("spread", "level") else ""
    if stat == "" and metric.kind not in ("spread", "level"):
        return ""
    expected = ", ".join(allowed).replace("pNN", "p50, p95, p99 …") or "none: it is one number"
    raise BudgetError("stat", f"{metric.name} has the statistics {expected}; found {stat or 'none'!r}")


def _limit(metric: Metric, sign: str, text: str) -> float | Baseline:
    if not text.startswith("baseline"):
        return _quantity(metric, text, "limit")
    match = _BASELINE.fullmatch(text)
    if match is None or match["sign"] is None:
        raise BudgetError(
            "limit",
            f"say how much worse than the baseline is allowed, such as 'baseline {_worse(sign)} 10%'; found {text!r}",
        )
    if match["sign"] != _worse(sign):
        raise BudgetError("limit", f"with '{sign}' worse is '{_worse(sign)}': write 'baseline {_worse(sign)} …'")
    parts = [_allowance(metric, part) for part in (match["first"], match["second"]) if part]
    return Baseline(share=max(part.share for part in parts), amount=max(part.amount for part in parts))


def _worse(sign: str) -> str:
    return "+" if sign == "<" else "-"


def _allowance(metric: Metric, text: str) -> Baseline:
    if text.endswith("pp") and metric.unit == "%":
        return Baseline(amount=_quantity(metric, text.removesuffix("pp") + "%", "limit"))
    if text.endswith("%"):
        return Baseline(share=parse(text, SHARE, "10%"))
    return Baseline(amount=_quantity(metric, text, "limit"))


def _quantity(metric: Metric, text: str, field: str) -> float:
    try:
        return parse(text, metric.units, metric.example)
    except ValueError as error:
        raise BudgetError(field, f"{metric.name}: {error}") from error


def _clause(word: str, value: str) -> tuple[str, Any]:
    match word:
        case "in" | "cohort":
            return ("region" if word == "in" else "cohort"), _name(word, value)
        case "per" if value in ("region", "cohort"):
            return value, EACH
        case "per":
            raise BudgetError("per", f"expected 'per region' or 'per cohort', found 'per {value}'")
        case "during":
            return "phases", tuple(_phase(name) for name in re.split(r"\s*\+\s*", value))
        case "abort":
            return "abort", _time("abort", value) if value else ABORT_AFTER
        case "for":
            return "lasting", _time(word, value)
        case _:
            return "over", _time(word, value)


def _name(word: str, value: str) -> str:
    if not re.fullmatch(r"[\w-]+", value):
        raise BudgetError(word, f"expected one name, found {value!r}")
    return value


def _phase(name: str) -> str:
    known = get_args(PhaseName)
    if name not in known:
        raise BudgetError("during", f"no phase called {name!r} (known: {', '.join(known)})")
    return name


def _time(word: str, value: str) -> float:
    try:
        seconds = parse(value, SECONDS, "10s")
    except ValueError as error:
        raise BudgetError(word, str(error)) from error
    if seconds < 1 or seconds != int(seconds):
        raise BudgetError(word, f"expected whole seconds, for a run is recorded by the second; found {value!r}")
    return seconds


_FIELDS: Final[Mapping[str, str]] = {
    "region": "in",
    "cohort": "cohort",
    "phase": "during",
    "for": "for",
    "over": "over",
    "abort": "abort after",
}


def _sentence(mapping: Mapping[Any, Any]) -> str:
    """The sentence that says the same as a mapping."""
    unknown = [str(key) for key in mapping if key not in {"metric", "stat", "below", "above", *_FIELDS}]
    if unknown:
        raise BudgetError(unknown[0], f"unknown key (known: metric, stat, below, above, {', '.join(_FIELDS)})")
    if "metric" not in mapping or ("below" in mapping) == ("above" in mapping):
        raise BudgetError("budget", f"expected 'metric' and one of 'below' and 'above', found {dict(mapping)!r}")
    side = "below" if "below" in mapping else "above"
    words = [_word("metric", mapping["metric"])]
    words += [_word("stat", mapping["stat"])] if "stat" in mapping else []
    words += ["<" if side == "below" else ">", _clean(side, mapping[side])]
    for field, word in _FIELDS.items():
        if field in mapping:
            words += _clause_words(field, word, mapping[field])
    return " ".join(words)


def _clause_words(field: str, word: str, value: object) -> list[str]:
    if field == "abort" and isinstance(value, bool):
        return ["abort"] if value else []
    if field in ("region", "cohort") and value == "each":
        return ["per", field]
    return [word, _word(field, value)]


def _clean(field: str, value: object) -> str:
    text = str(value)
    if _FIRST_CLAUSE.search(text) or isinstance(value, bool | dict | list):
        raise BudgetError(field, f"expected one quantity, found {value!r}")
    return text


def _word(field: str, value: object) -> str:
    text = str(value)
    if not text or len(text.split()) != 1 or isinstance(value, bool | dict | list):
        raise BudgetError(field, f"expected one word, found {value!r}")
    return text
