"""Lines of a run as plain JSON: windows checked as the contract says, at a third of what its models cost.

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
from typing import Any, Final, TypeAlias, cast, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic_core import CoreSchema, SchemaValidator, ValidationError, core_schema

from loadtests.results import Header, Players, Requests, Totals, Window
from loadtests.run import LineReader
from loadtests.sketch import SMALLEST, Sketch, bin_of

Data: TypeAlias = Mapping[str, Any]
NOTHING: Final[Data] = {}
_WINDOW: Final = b'{"line":"window",'
"""How `text_of` begins a window; one that is written in another way is read by its model."""


def sketch_of(parts: Sequence[Data]) -> Sketch:
    """One sketch of several plain ones; its ``total`` is left at zero, for whoever needs quantiles only."""
    made = Sketch()
    for part in parts:
        if not (count := part["count"]):
            continue
        if not made.count:
            made.bins = part["bins"] if len(parts) == 1 else dict(part["bins"])
        else:
            bins = made.bins
            seen = bins.get
            for index, more in part["bins"].items():
                bins[index] = seen(index, 0) + more
        made.count += count
        if part["min"] < made.smallest:
            made.smallest = part["min"]
        if part["max"] > made.largest:
            made.largest = part["max"]
    return made


def _holds(sketch: Data) -> bool:
    """What `Sketch` asks of its JSON form beyond types; never true where it would refuse."""
    count = sketch["count"]
    if not count:
        return len(sketch) == 1
    bins, low, high = sketch["bins"], sketch["min"], sketch["max"]
    return bool(
        sum(bins.values()) == count
        and 0 <= low <= high < math.inf
        and low * 0.99 - SMALLEST <= sketch["sum"] / count <= high * 1.01 + SMALLEST
        and bin_of(low * 0.99) <= min(bins)
        and max(bins) <= bin_of(high * 1.01)
    )


_BARE: Final = bytes(letter for letter in b'"0123456789')
_FOREIGN: Final = re.compile(rb"[\x80-\xff]-?:")


def _odd(text: bytes) -> bool:
    """Whether a bin may be written in a way that the contract does not know, such as ``" 7"``, ``"+7"``, ``"7.0"``.

    Without quotes and digits, a bin is ``:`` or ``-:``. Names of fields end with letters.
    """
    bare = text.translate(None, _BARE)
    if b"+:" in bare or b" :" in bare or b"_:" in bare or b".:" in bare or b" -:" in bare or b"\\" in bare:
        return True
    return not text.isascii() and _FOREIGN.search(bare) is not None


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
            bins = core_schema.dict_schema(core_schema.int_schema(), core_schema.int_schema(ge=1))
            fields = form["fields"] | {"bins": core_schema.typed_dict_field(bins, required=False)}
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


def window_of(text: bytes) -> Data | None:
    """A window as a plain value: only what the line has, bins by number. None where its model has to be asked."""
    try:
        data = cast("Data", _RULES.validate_json(text))
        sound = not _odd(text) and all(map(_holds, _sketches(data)))
    except (ValidationError, KeyError, OverflowError):
        return None
    return data if sound else None


def _sketches(data: Data) -> Iterator[Data]:
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
            return {"count": value.count, "sum": value.total, **ends, "bins": value.bins}
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
    counts: Counter[str] = field(default_factory=Counter)
    """Requests by kind, over the windows so far."""
    sums: Counter[str] = field(default_factory=Counter)
    """The other totals."""

    def read(self, text: str | bytes) -> None:
        """A window without its model, where that can be."""
        line = text.encode() if isinstance(text, str) else text
        if self.header is None or not line.startswith(_WINDOW) or (data := window_of(line)) is None:
            self.take(self.parse(text))
            return
        self.refuse_behind_footer()
        self._count(data)

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
        return self.whole(Totals.model_validate({"requests": dict(self.counts), **self.sums}))
