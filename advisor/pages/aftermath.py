"""What the reports say of a fault: its outcome in a sentence, and the figures before, at the worst, at the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from advisor import figures
from advisor.measured.recovery import Recovery
from advisor.texts import fill, told

SHOWN: Final[dict[str, Callable[[float], str]]] = {
    "goodput": figures.bits,
    "errors": figures.percent,
    "stalls": figures.percent,
    "startup": figures.seconds,
    "retries": figures.number,
    "reconnects": figures.number,
    "joins": figures.number,
    "present": figures.percent,
}
"""Every quantity of `Levels`, as people read it."""


def outcome(lang: str, fault: Recovery) -> str:
    """Whether the target came back, in a sentence."""
    if fault.after is not None and fault.state == "recovered":
        key = "fault_recovered" if fault.in_time else "fault_late"
        low, about, high = (figures.number(round(seconds)) for seconds in fault.after)
        return fill(lang, key, low=low, about=about, high=high, within=figures.number(fault.within))
    values = {
        "why": told(fault.why, lang, {}) if fault.why else "",
        "watched": str(fault.watched),
        "retries": figures.number(round(fault.last.retries, 1)) if fault.last else "",
        "before": figures.number(round(fault.before.retries, 1)) if fault.before else "",
    }
    return fill(lang, f"fault_{fault.state}", **values)


def fault_line(lang: str, fault: Recovery) -> str:
    """The fault, when, and its outcome: a line for a terminal."""
    return fill(lang, "fault_line", fault=fault.fault, at=figures.number(fault.begins), outcome=outcome(lang, fault))


def level_lines(lang: str, fault: Recovery) -> Iterator[str]:
    """Each quantity before the fault, at its worst, and at the last."""
    moments = {"before": fault.before, "worst": fault.worst, "last": fault.last}
    for name, show in SHOWN.items():
        values = {when: getattr(levels, name) if levels else None for when, levels in moments.items()}
        if any(value is not None for value in values.values()):
            texts = {when: "–" if value is None else show(value) for when, value in values.items()}
            yield fill(lang, f"fault_levels_{name}", **texts)
