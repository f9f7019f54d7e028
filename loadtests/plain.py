"""Lines of a run as plain JSON: windows checked as the contract says, at a fraction of what its models cost.

A run of half an hour in ten regions is some twenty thousand windows, and whoever folds them needs sums, not models.
The rules are read off the models of `loadtests.results`, so a field that is added there is known here. A window that
these rules refuse is asked again with the model: its answer is the one that counts, and its complaint the one shown.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final, TypeAlias, cast, get_origin

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter
from pydantic_core import CoreSchema, SchemaValidator, ValidationError, core_schema

from loadtests.errors import RunError
from loadtests.results import Generator, Header, Players, Requests, Totals, Window
from loadtests.run import LineReader
from loadtests.sketch import GAMMA, LOWEST_BIN, SMALLEST, Sketch, middle_of

Data: TypeAlias = Mapping[str, Any]
NOTHING: Final[Data] = {}
_WINDOW: Final = b'{"line":"window",'
"""How `text_of` begins a window; one that is written in another way is read by its model."""


class Bins(Mapping[int, int]):
    """The bins of a sketch, ascending, and how many samples each has: a mapping that is kept as one array."""

    __slots__ = ("first", "last", "pairs")

    def __init__(self, pairs: NDArray[np.int64], first: int, last: int) -> None:
        self.pairs, self.first, self.last = pairs, first, last
        """Bin, samples, bin, samples and so on; the first bin and the last."""

    @classmethod
    def of(cls, bins: Mapping[int, int]) -> Bins:
        """Of a plain mapping, not empty; OverflowError for a count beyond all measure (2^63)."""
        return cls(np.array(sorted(bins.items()), dtype=np.int64).ravel(), min(bins), max(bins))

    def __getitem__(self, key: int) -> int:
        found: dict[int, int] = dict(self.items())
        return found[key]

    def __iter__(self) -> Iterator[int]:
        return iter(self.pairs[::2].tolist())

    def __len__(self) -> int:
        return len(self.pairs) // 2

    def values(self) -> Any:
        """Samples, bin by bin."""
        return self.pairs[1::2].tolist()

    def items(self) -> Any:
        """Each bin with its samples."""
        return zip(self.pairs[::2].tolist(), self.pairs[1::2].tolist(), strict=True)


def sketch_of(parts: Sequence[Data]) -> Sketch:
    """One sketch of several plain ones; its ``total`` is left at zero, for whoever needs quantiles only."""
    made = Sketch()
    for part in parts:
        if not (count := part["count"]):
            continue
        for index, more in part["bins"].items():
            made.bins[index] = made.bins.get(index, 0) + more
        made.count += count
        made.smallest, made.largest = min(made.smallest, part["min"]), max(made.largest, part["max"])
    return made


def percentiles(groups: Sequence[Sequence[Data]], shares: Sequence[float]) -> list[list[float] | None]:
    """The quantiles of each group of plain sketches, none of them empty: the figures of `Sketch.quantiles`.

    None for a group without any. All bins go into one table, a row per group, whose running sum is searched once.
    """
    known = [group for group in groups if group]
    parts = [part for group in known for part in group]
    if not parts:
        return [None] * len(groups)
    bins: list[Bins] = [part["bins"] for part in parts]
    sizes = [len(group) for group in known]
    heads = [0, *accumulate(sizes[:-1])]
    pairs = np.concatenate([one.pairs for one in bins])
    lows, lasts = np.minimum.reduceat([one.first for one in bins], heads), [one.last for one in bins]
    widths = np.maximum.reduceat(lasts, heads) - lows + 1
    ends = widths.cumsum()
    shifts = ends - widths - lows
    cells = np.repeat(np.repeat(shifts, sizes), [len(one) for one in bins]) + pairs[::2]
    seen = np.bincount(cells, weights=pairs[1::2]).cumsum()
    until = seen[ends - 1]
    before = np.concatenate([[0.0], until[:-1]])
    ranks = np.floor((until - before - 1)[:, None] * np.array(shares)) + before[:, None]
    places = np.searchsorted(seen, ranks, side="right") - shifts[:, None]
    values = np.array([_middle(one) for one in places.ravel().tolist()]).reshape(places.shape)
    least = np.minimum.reduceat([part["min"] for part in parts], heads)[:, None]
    most = np.maximum.reduceat([part["max"] for part in parts], heads)[:, None]
    found = iter(np.minimum(np.maximum(values, least), most).tolist())
    return [next(found) if group else None for group in groups]


_middle = lru_cache(maxsize=2**14)(middle_of)


ROUNDING: Final = 1e-9
"""Share of a value by which the end of a bin is kept away from: nearer, the model decides."""
_BINS: Final = re.compile(rb'"bins":\{("-?+[0-9]++":[1-9][0-9]*+(?:,"-?+[0-9]++":[1-9][0-9]*+)*+)\}')
"""Bins as `text_of` writes them. In any other way (spaces, ``"+7"``, ``7.0``, an escape) they are left to the model."""
_COMMAS: Final = bytes.maketrans(b":", b",")
_MOST: Final = 2**40
"""Samples in a bin, from where on they are left to the model: no run has as many, and sums of them stay exact."""


class _OddError(Exception):
    """A window is not written as `text_of` writes it, or its model would refuse it."""


def _bins_of(texts: Sequence[bytes]) -> tuple[list[Bins], NDArray[np.int64]]:
    """The bins of several sketches, at least one, from their text, and the samples that each adds up to."""
    numbers = np.fromstring(b",".join(texts).translate(_COMMAS, b'"'), dtype=np.int64, sep=",")
    index, counts = numbers[::2], numbers[1::2]
    ends = list(accumulate([text.count(b":") for text in texts]))
    begins = [0, *ends[:-1]]
    rising = index[1:] > index[:-1]
    rising[[begin - 1 for begin in ends[:-1]]] = True
    if not rising.all() or counts.max() >= _MOST:
        raise _OddError
    firsts, lasts = index[begins].tolist(), index[[end - 1 for end in ends]].tolist()
    parts = zip(begins, ends, firsts, lasts, strict=True)
    found = [Bins(numbers[2 * begin : 2 * end], first, last) for begin, end, first, last in parts]
    return found, np.add.reduceat(counts, begins)


def _hold(sketches: Sequence[Data], counted: NDArray[np.int64]) -> bool:
    """Whether they have what `Sketch` asks of its JSON form beyond types; never true where it would refuse one."""
    count, total, low, high = (np.array([one[name] for one in sketches]) for name in ("count", "sum", "min", "max"))
    first, last = (np.array([getattr(one["bins"], name) for one in sketches]) for name in ("first", "last"))
    if not (count == counted).all():
        return False
    mean = total / count
    with np.errstate(over="ignore"):
        begin, end = GAMMA**first, GAMMA ** (last - 1.0)
    return bool(
        ((low >= 0) & (low <= high) & (high < math.inf)).all()
        and ((low * 0.99 - SMALLEST <= mean) & (mean <= high * 1.01 + SMALLEST)).all()
        and ((first >= LOWEST_BIN) & (low * 0.99 <= begin * (1 - ROUNDING))).all()
        and ((last == LOWEST_BIN) | (high * 1.01 >= end * (1 + ROUNDING))).all()
    )


def _rules(schema: Any, known: Mapping[str, Any]) -> CoreSchema:
    """The schema of a model as that of a plain mapping, with all rules for its parts."""
    match schema["type"]:
        case "definitions":
            return _rules(schema["schema"], {one["ref"]: one for one in schema["definitions"]})
        case "definition-ref":
            return _rules(known[schema["schema_ref"]], known)
        case "model":
            return _rules(schema["schema"], known)
        case "model-fields":
            fields = {
                name: core_schema.typed_dict_field(
                    _rules(one["schema"], known), required=one["schema"]["type"] != "default"
                )
                for name, one in schema["fields"].items()
            }
            return core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        case "default":
            return _rules(schema["schema"], known)
        case "dict":
            return cast("CoreSchema", {**schema, "values_schema": _rules(schema["values_schema"], known)})
        case "json-or-python" if _is_sketch(schema):
            form = schema["json_schema"]["steps"][0]
            number = core_schema.typed_dict_field(core_schema.int_schema(strict=True), required=False)
            fields = form["fields"] | {"bins": number}
            return cast("CoreSchema", {**form, "fields": fields})
        case kind if kind.startswith("function"):
            raise TypeError(f"a rule of a window is a function ({kind}): give it a plain form in {__name__}")
        case _:
            return cast("CoreSchema", schema)


_SKETCH: Final[Any] = TypeAdapter(Sketch).core_schema


def _is_sketch(schema: Any) -> bool:
    steps = schema["json_schema"].get("steps", ())
    return bool(steps) and steps[-1] == _SKETCH["json_schema"]["steps"][-1]


_RULES: Final = SchemaValidator(_rules(Window.__pydantic_core_schema__, {}))


def windows_of(lines: Sequence[bytes]) -> list[Data | None]:
    """Windows as plain values: only what each line has, bins as `Bins`. None where its model has to be asked.

    All are read at once; where one of them is odd, one by one.
    """
    try:
        return list(_at_once(lines))
    except (_OddError, ValidationError, KeyError):
        return [None] if len(lines) == 1 else [windows_of([line])[0] for line in lines]


def _at_once(lines: Sequence[bytes]) -> list[Data]:
    """Nearly all of a line is bins. They are cut out, read by numpy, and put back in the place of their numbers."""
    parts = _BINS.split(b"\n".join(lines))
    texts = parts[1::2]
    # The space ends the number, whatever comes after: a digit that strayed there must not make it another one.
    parts[1::2] = [b'"bins":%d ' % number for number in range(len(texts))]
    bare = b"".join(parts)
    if b"\\" in bare or bare.count(b'"bins"') != len(texts):
        raise _OddError
    found: list[Data] = [_RULES.validate_json(line) for line in bare.split(b"\n") if line]
    sketches = [sketch for data in found for sketch in _sketches(data)]
    filled = [sketch for sketch in sketches if sketch["count"]]
    if (
        len(found) != len(lines)
        or len(filled) != len(texts)
        or any(len(one) > 1 for one in sketches if not one["count"])
    ):
        raise _OddError
    if texts:
        order = [sketch["bins"] for sketch in filled]
        bins, counted = _bins_of(texts)
        for sketch, number in zip(filled, order, strict=True):
            sketch["bins"] = bins[number]
        if not _hold(filled, counted[order]):
            raise _OddError
    return found


def _sketches(data: Data) -> Iterator[dict[str, Any]]:
    for part in (data.get("players", NOTHING), *data.get("requests", NOTHING).values()):
        for name in SKETCHES:
            if name in part:
                yield part[name]


def _names_of_sketches() -> frozenset[str]:
    """Fields of requests and of players that are sketches; TypeError for one that nobody here could add up."""
    names = set()
    for kind in (Requests, Players):
        for name, about in kind.model_fields.items():
            if about.annotation is Sketch:
                names.add(name)
            elif about.annotation not in (int, float) and get_origin(about.annotation) is not dict:
                raise TypeError(f"{kind.__name__}.{name}: give {about.annotation} a plain form in {__name__}")
    return frozenset(names)


SKETCHES: Final = _names_of_sketches()


def form_of(value: object) -> Any:
    """A window that was read by its model as a plain value, with nothing rounded."""
    match value:
        case Sketch() if value.count:
            ends = {"min": value.smallest, "max": value.largest}
            return {"count": value.count, "sum": value.total, **ends, "bins": Bins.of(value.bins)}
        case Sketch():
            return {"count": 0}
        case BaseModel():
            return {name: form_of(getattr(value, name)) for name in value.model_fields_set}
        case dict():
            return {name: form_of(one) for name, one in value.items()}
        case _:
            return value


@dataclass(slots=True)
class PlainReader(LineReader):
    """Reads a run with its windows as plain JSON; what becomes of each is for ``window`` to say."""

    window: Callable[[Data], None] = lambda _: None
    batch: int = 1
    """Windows that are read at once: until then they wait, and only lines of generators go before them."""
    counts: Counter[str] = field(default_factory=Counter)
    """Requests by kind, over the windows so far."""
    sums: Counter[str] = field(default_factory=Counter)
    """The other totals."""
    _waiting: list[tuple[int, bytes]] = field(default_factory=list)
    """Windows, each with the number of its line."""

    def add(self, text: str | bytes) -> None:
        """As any reader; windows that wait are read before a line is refused."""
        try:
            LineReader.add(self, text)
        except (RunError, UnicodeDecodeError):
            self.settle()
            raise

    def read(self, text: str | bytes) -> None:
        """A window without its model, where that can be."""
        line = text.encode() if isinstance(text, str) else text
        if self.header is not None and line.startswith(_WINDOW):
            self.refuse_behind_footer()
            self._waiting.append((self.number, line))
            if len(self._waiting) >= self.batch:
                self.settle()
            return
        parsed = self.parse(text)
        if not isinstance(parsed, Generator):
            self.settle()
        self.take(parsed)

    def settle(self) -> None:
        """Read the windows that wait, as of their own lines."""
        (waiting, self._waiting), number = (self._waiting, []), self.number
        for (self.number, line), data in zip(waiting, windows_of([line for _, line in waiting]), strict=True):
            if data is None:
                self.take(self.parse(line))
            else:
                self._count(data)
        self.number = number

    def take_window(self, window: Window) -> None:
        """One that had to be read by its model."""
        self._count(form_of(window))

    def _count(self, data: Data) -> None:
        sums, players = self.sums, data.get("players", NOTHING)
        for kind, one in data.get("requests", NOTHING).items():
            self.counts[kind] += one.get("count", 0)
            sums["bytes"] += one.get("bytes", 0)
            sums["head_bytes"] += one.get("head_bytes", 0)
            if errors := one.get("errors"):
                sums["errors"] += sum(errors.values())
        for name in ("joins", "starts", "stalls"):
            if name in players:
                sums[name] += players[name]
        self.window(data)

    def close(self) -> Header:
        """The file is read: its header; RunError when it was no run, or its totals are not those of its windows."""
        self.settle()
        return self.whole(Totals.model_validate({"requests": dict(self.counts), **self.sums}))
