"""What the headers of a response say of the caches on its way: hit or miss, whose, how old, how long it keeps. No I/O.

Vendors say it in their own words; which header says what stands in ``loadtests/caches/*.yaml``, one file each, with its
source. Read is what the cache nearest to the viewer says; where that one missed and one behind it hit, it is a shield's
hit. Headers come from whoever answers, so they are untrusted: values are cut at `LONGEST`, only the known vendors and
states are counted, and of lifetimes at most `LIFETIMES` per kind and second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

from pydantic import AfterValidator, Field

from loadtests.document import read_yaml
from loadtests.region import Frozen

CacheState: TypeAlias = Literal["hit", "miss", "stale", "revalidated", "bypass", "shield_hit"]
"""``stale``: served past its lifetime, without waiting for the origin; ``revalidated``: the origin was asked, and sent
no body; ``bypass``: not for a cache to keep; ``shield_hit``: not at the edge, but in a cache before the origin."""

SERVED: Final[frozenset[CacheState]] = frozenset({"hit", "stale", "revalidated", "shield_hit"})
"""States in which the body came from a cache; what `Requests.cache` and budgets call a hit."""

LONGEST: Final = 256
"""Bytes of a header value that are looked at: real ones have under 150 (docs/cdn.md shows them)."""
LIFETIMES: Final = 8
"""Different lifetimes counted per kind and second; real streams have one or two, the rest is `OTHER`."""
OTHER: Final = "other"
OLDEST: Final = 2**31
"""Seconds of Age or lifetime from which all are alike: RFC 9111, section 1.2.2."""


class Cached(NamedTuple):
    """What one response said."""

    state: CacheState | Literal[""] = ""
    """Empty where it said nothing of it."""
    vendor: str = ""
    """A file of ``loadtests/caches`` without its ending."""
    lifetime: str = ""
    """As a shared cache reads Cache-Control (RFC 9111, section 4.2.1): ``s-maxage=2``, ``max-age=6``, ``no-cache``,
    ``no-store``."""
    age: int = -1
    """Seconds since it left the origin (RFC 9111, section 5.1); -1 where it was not said."""


NOTHING: Final = Cached()
HIT: Final = Cached(state="hit")
MISS: Final = Cached(state="miss")


def _pattern(text: str) -> str:
    re.compile(text)
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class Says(Frozen):
    """A value in lower case that this pattern is found in means that."""

    text: Pattern
    is_: CacheState = Field(alias="is")


class StatusField(Frozen):
    """A header that says how the caches did."""

    field: str
    nearest: Literal["first", "last"]
    """Which of several entries, separated by commas, is of the cache nearest to the viewer."""
    numbers: bool = False
    """Whether it holds numbers that change with each response and say nothing."""
    says: tuple[Says, ...]
    """The first that fits counts."""


class Mark(Frozen):
    """A header in which this pattern is found."""

    field: str
    text: Pattern


class Vendor(Frozen):
    """How one vendor's caches speak: a file of ``loadtests/caches``."""

    name: str
    order: int
    """Of several vendors in one response the first speaks: those with headers of their own before common words."""
    known_by: dict[str, Pattern]
    """Headers that tell of this vendor, with what must be in their value; empty for anything."""
    status: tuple[StatusField, ...]
    shield: Mark | None = None
    """Says that a cache behind the nearest one had it."""
    source: str
    as_of: str
    confidence: Literal["measured", "derived", "assumed"]


@cache
def vendors() -> dict[str, Vendor]:
    """All vendors by their file's name, in the order in which they are tried."""
    folder = resources.files("loadtests") / "caches"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    found = {
        name.removesuffix(".yaml"): Vendor.model_validate(
            read_yaml(f"caches/{name}", (folder / name).read_text(encoding="utf-8"))
        )
        for name in files
    }
    return dict(sorted(found.items(), key=lambda item: item[1].order))


Values: TypeAlias = tuple[tuple[bytes, bytes], ...]


class _Reader:
    """The vendors' files as the hot path needs them."""

    def __init__(self, known: Mapping[str, Vendor]) -> None:
        self._vendors = tuple(_Compiled(code, vendor) for code, vendor in known.items())
        said = [field for vendor in known.values() for field in vendor.status]
        valued = {field.field for field in said}
        valued |= {name for vendor in known.values() for name, text in vendor.known_by.items() if text}
        self.marks = frozenset(name.encode() for vendor in known.values() for name in vendor.known_by) | {
            name.encode() for name in valued
        }
        self.valued = frozenset(name.encode() for name in valued)
        self.numbered = frozenset(field.field.encode() for field in said if field.numbers)

    def speaker(self, values: Values) -> tuple[str, CacheState | Literal[""], re.Pattern[bytes] | None, bytes]:
        """Vendor, state, and what to look for in which field for a hit behind a miss."""
        fields = dict(values)
        for vendor in self._vendors:
            if vendor.is_known(fields):
                state = vendor.state(fields)
                if state or vendor.has_own_headers:
                    shield = vendor.shield if state == "miss" else None
                    return (vendor.code, state, *(shield or (None, b"")))
        return "", "", None, b""


class _Compiled:
    def __init__(self, code: str, vendor: Vendor) -> None:
        self.code = code
        self.has_own_headers = "" in vendor.known_by.values() and vendor.order < COMMON
        self._known = [(name.encode(), _compiled(text)) for name, text in vendor.known_by.items()]
        self._status = [
            (one.field.encode(), one.nearest == "last", [(_compiled(says.text), says.is_) for says in one.says])
            for one in vendor.status
        ]
        shield = vendor.shield
        self.shield = (_compiled(shield.text), shield.field.encode()) if shield else None

    def is_known(self, fields: Mapping[bytes, bytes]) -> bool:
        return any(name in fields and pattern.search(fields[name].lower()) for name, pattern in self._known)

    def state(self, fields: Mapping[bytes, bytes]) -> CacheState | Literal[""]:
        for name, is_last, says in self._status:
            if name in fields:
                entries = _entries(fields[name])
                states = [_first(entry, says) for entry in (reversed(entries) if is_last else entries)]
                if states[0] == "miss" and any(state in ("hit", "stale") for state in states[1:]):
                    return "shield_hit"
                if states[0]:
                    return states[0]
        return ""


COMMON: Final = 30
"""Vendors from this ``order`` on have no header of their own: another may be behind the same words."""
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?')


def _compiled(text: str) -> re.Pattern[bytes]:
    return re.compile(text.encode())


def _entries(value: bytes) -> list[bytes]:
    """Members of a list in lower case; what stands in quotes may hold anything and says nothing."""
    return [entry.strip() for entry in _QUOTED.sub(b"q", value.lower()).split(b",")]


def _first(entry: bytes, says: list[tuple[re.Pattern[bytes], CacheState]]) -> CacheState | Literal[""]:
    return next((state for pattern, state in says if pattern.search(entry)), "")


_READER: Final = _Reader(vendors())
LISTED: Final = frozenset({*_READER.valued, b"via", b"x-cache-remote"})
"""Headers that may come on several lines, which then count as one with commas between (RFC 9110, section 5.3)."""
_SAME_DIGIT: Final = bytes.maketrans(b"0123456789", b"0000000000")


def cached(fields: Mapping[bytes, bytes]) -> Cached:
    """What the headers say; names in lower case, as they come from the network."""
    marks, valued, numbered = _READER.marks, _READER.valued, _READER.numbered
    found = []
    for name in fields:
        if name in marks:
            value = fields[name][:LONGEST] if name in valued else b""
            found.append((name, value.translate(_SAME_DIGIT) if name in numbered else value))
    control, age = fields.get(b"cache-control"), fields.get(b"age")
    if not found and control is None and age is None:
        return NOTHING
    vendor, state, shield, where = _speaker(tuple(found)) if found else _NOBODY
    if shield is not None and shield.search(fields.get(where, b"")[:LONGEST].lower()):
        state = "shield_hit"
    return Cached(state, vendor, _lifetime(control[:LONGEST]) if control else "", -1 if age is None else _age(age))


_NOBODY: Final[tuple[str, Literal[""], None, bytes]] = ("", "", None, b"")
_speaker = lru_cache(maxsize=1024)(_READER.speaker)


def _age(text: bytes) -> int:
    return min(int(text), OLDEST) if text.isdigit() and len(text) <= 10 else -1


_MAX_AGE: Final = re.compile(rb'(?:^|[,\s])(s-maxage|max-age)\s*=\s*"?(\d+)')


@lru_cache(maxsize=256)
def _lifetime(control: bytes) -> str:
    """How long a shared cache keeps it: ``s-maxage`` goes before ``max-age``, and not to be kept before both."""
    text = control.lower()
    if b"no-store" in text or b"private" in text:
        return "no-store"
    if b"no-cache" in text:
        return "no-cache"
    found = dict(_MAX_AGE.findall(text))
    for name in (b"s-maxage", b"max-age"):
        if name in found:
            return f"{name.decode()}={min(int(found[name]), OLDEST)}"
    return ""


def seconds_of(lifetime: str) -> float | None:
    """A lifetime as `Requests.lifetimes` counts it, in seconds; None for `OTHER`."""
    name, is_given, seconds = lifetime.partition("=")
    if is_given:
        return float(seconds)
    return 0.0 if name in ("no-store", "no-cache") else None
