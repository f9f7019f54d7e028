"""JMeter's result log (``-l FILE``, a JTL), as CSV or as XML: every sample.

A sample counts in the second in which it ended: its time stamp is when it started (``sampleresult.timestamp.start``,
as JMeter ships). Transaction controllers repeat the samples in them, so their rows are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from advisor.foreign import COUNTED, TIMED, Outcomes, Reader, Source, Tally, kind_of

_NEEDED: Final = ("timeStamp", "elapsed", "success")
_TRANSACTION: Final = "Number of samples in transaction : "
_ATTRIBUTES: Final = {"ts": "timeStamp", "t": "elapsed", "s": "success", "lb": "label", "lt": "Latency", "by": "bytes"}
_LONGEST_URL: Final = 8192
_RECORDABLE: Final = dict.fromkeys((*TIMED, *COUNTED, "egress"), "do_jmeter")


class Jmeter(Reader):
    """Each sample is one request; nested ones belong to it."""

    def knows(self, head: str) -> bool:
        """By the column names, or by the root element."""
        return "<testResults" in head or _names_columns(head.partition("\n")[0])

    def read(self, source: Source) -> Outcomes:
        """Either form."""
        tally = Tally()
        if source.head().lstrip().startswith("<"):
            _read_xml(source, tally)
        else:
            _read_csv(source, tally)
        return source.outcomes("jmeter", tally, ("foreign_jmeter", "foreign_no_phases", "foreign_kinds"), _RECORDABLE)


def _names_columns(line: str) -> bool:
    return all(column in line for column in _NEEDED)


def _read_csv(source: Source, tally: Tally) -> None:
    first = source.head().partition("\n")[0]
    if not _names_columns(first):
        raise source.wrong(1, first, f"column names, {', '.join(_NEEDED)} among them")
    delimiter = next((mark for mark in ",;\t|" if mark in first), ",")
    rows = csv.DictReader(source.lines(), delimiter=delimiter)
    try:
        for row in rows:
            if not (row.get("responseMessage") or "").startswith(_TRANSACTION):
                _add(source, rows.line_num, tally, row)
    except csv.Error as error:
        raise source.wrong(rows.line_num, error, "a row of a CSV file") from error


def _add(source: Source, line: int, tally: Tally, row: Mapping[str, str]) -> None:
    """One sample; what its columns do not hold stays unknown. The bytes of a failed one are its error message."""
    elapsed = _milliseconds(source, line, row, "elapsed")
    at = _milliseconds(source, line, row, "timeStamp") + elapsed
    if (success := row.get("success")) not in ("true", "false"):
        raise source.wrong(line, f"success {success!r}", "true or false")
    kind = kind_of(row.get("URL") or row.get("label") or "")
    tally.request("requests", kind, at, 1.0)
    tally.request("failed", kind, at, float(success == "false"))
    if row.get("bytes"):
        bits = 8000 * _milliseconds(source, line, row, "bytes")
        tally.count("wire_bits", at, bits if success == "true" else 0.0)
    tally.response("total", kind, at, elapsed if success == "true" else None)
    if row.get("Latency"):
        latency = _milliseconds(source, line, row, "Latency")
        tally.response("ttfb", kind, at, latency if success == "true" else None)


def _milliseconds(source: Source, line: int, row: Mapping[str, str], column: str) -> float:
    text = row.get(column) or ""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise source.wrong(line, f"{column} {text!r}", "a whole number of zero or more")
    return int(text) / 1000


def _read_xml(source: Source, tally: Tally) -> None:
    """As a stream, without a tree: memory does not grow with the file."""
    parser = expat.ParserCreate()
    samples = _Samples(source, tally, parser)
    parser.StartDoctypeDeclHandler = samples.refuse
    parser.StartElementHandler = samples.open
    parser.EndElementHandler = samples.close
    parser.CharacterDataHandler = samples.text
    try:
        for line in source.lines():
            parser.Parse(line.encode(), False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise source.wrong(error.lineno, expat.ErrorString(error.code), "well-formed XML") from error


@dataclass(slots=True)
class _Samples:
    """Takes the outermost ``httpSample`` elements; their address is in an element ``java.net.URL``, if saved."""

    source: Source
    tally: Tally
    parser: expat.XMLParserType
    depth: int = 0
    """Samples open: the first is the request, those inside it are its parts."""
    row: dict[str, str] = field(default_factory=dict)
    reading: bool = False

    def refuse(self, *_: object) -> None:
        """A document type could make entities that grow without end, or read files."""
        raise self.source.wrong(self.parser.CurrentLineNumber, "a DOCTYPE", "none: JMeter writes none")

    def open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "httpSample":
            self.depth += 1
            if self.depth == 1:
                self.row = {column: attributes[key] for key, column in _ATTRIBUTES.items() if key in attributes}
        self.reading = name == "java.net.URL" and self.depth == 1

    def text(self, text: str) -> None:
        if self.reading and len(self.row.get("URL", "")) < _LONGEST_URL:
            self.row["URL"] = self.row.get("URL", "") + text

    def close(self, name: str) -> None:
        self.reading = False
        if name == "httpSample":
            self.depth -= 1
            if self.depth == 0:
                _add(self.source, self.parser.CurrentLineNumber, self.tally, self.row)
