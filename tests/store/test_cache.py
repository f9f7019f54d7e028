"""The cache gives the run that the manifest vouches for, or a reason; whatever was left there by what came before."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.errors import InputError, RunError
from surgecast.store.address import Address
from surgecast.store.fetching import CACHE, TRIES, _refuse_too_much, cached_run, fetch, pull
from surgecast.store.manifest import MOST_BYTES, Entry, Manifest
from surgecast.store.partial import COUNT, Partial
from surgecast.store.refusals import Interrupted
from surgecast.store.transfer import Transfer

PLACE = Address("my-runs", "launch")


@dataclass
class Shelf:
    """A store that holds one run, in memory. ``pieces`` are the bytes that each connection brings before it breaks."""

    held: bytes
    said: bytes
    """What the manifest was made of."""
    pieces: list[int] = field(default_factory=list)
    brought: int = 0
    asked: list[int] = field(default_factory=list)

    @property
    def entry(self) -> Entry:
        return Entry(name="run.jsonl", size=len(self.said), sha256=hashlib.sha256(self.said).hexdigest())

    def read(self, key: str, most: int) -> tuple[bytes, str] | None:
        assert key == "launch/manifest.json"
        return Manifest(files=(self.entry,)).text(), "etag"

    def stream(self, key: str, start: int, end: int) -> Iterator[bytes]:
        assert key == "launch/run.jsonl"
        self.asked.append(start)
        if start >= len(self.held):
            raise RunError("shorter than its manifest says")
        content = self.held[start:end]
        piece = self.pieces.pop(0) if self.pieces else len(content)
        self.brought += min(piece, len(content))
        yield content[:piece]
        if piece < len(content):
            raise Interrupted("cut")


def read(shelf: Shelf) -> bytes:
    return (cached_run(PLACE, shelf) / "run.jsonl").read_bytes()


@given(
    said=st.binary(min_size=1, max_size=60),
    held=st.none() | st.binary(max_size=70),
    pieces=st.lists(st.integers(1, 20), max_size=8),
    left=st.none() | st.binary(max_size=80),
    kept=st.none() | st.binary(max_size=70),
)
def test_never_anything_but_what_the_manifest_vouches_for(
    said: bytes, held: bytes | None, pieces: list[int], left: bytes | None, kept: bytes | None
) -> None:
    """``left`` is a partial file from before, ``kept`` a file of the cache that somebody may have changed."""
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE, cache)
        shelf = Shelf(said if held is None else held, said, list(pieces))
        folder = Path(cache) / "runs" / shelf.entry.sha256 / "launch"
        folder.mkdir(parents=True)
        if left is not None:
            partial = Partial(folder, shelf.entry)
            partial.file.write_bytes(left.ljust(len(said), b"\0")[: len(said)])
            partial.counts.write_bytes(len(left).to_bytes(COUNT, "little"))
        if kept is not None:
            (folder / "run.jsonl").write_bytes(kept)
        try:
            found = read(shelf)
        except RunError:
            assert shelf.held[: len(said)] != said
            assert kept != said
        else:
            assert found == said


def test_a_cut_transfer_goes_on_where_it_was(tmp_path: Path) -> None:
    shelf = Shelf(b"x" * 100, b"x" * 100, [30, 20, 40])
    assert read(shelf) == shelf.said
    assert shelf.asked == [0, 30, 50, 90]
    assert shelf.brought == 100


def test_the_second_reading_fetches_nothing() -> None:
    shelf = Shelf(b"run", b"run")
    assert read(shelf) == read(shelf) == b"run"
    assert shelf.asked == [0]


def test_a_line_that_brings_nothing_is_given_up_and_what_came_stays(tmp_path: Path) -> None:
    shelf = Shelf(b"x" * 100, b"x" * 100, [30] + [0] * TRIES)
    waited: list[float] = []
    with pytest.raises(Interrupted):
        fetch(shelf, PLACE, shelf.entry, tmp_path, Transfer("x", "fetched", 100), waited.append)
    assert waited == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert Partial(tmp_path, shelf.entry).have == (30,)
    fetch(shelf, PLACE, shelf.entry, tmp_path, Transfer("x", "fetched", 100))
    assert (tmp_path / "run.jsonl").read_bytes() == shelf.said
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]


def test_what_has_another_checksum_is_refused_and_kept_apart() -> None:
    shelf = Shelf(b"evil", b"good")
    with pytest.raises(RunError, match="refused") as caught:
        read(shelf)
    apart = Path(caught.value.hint.split("kept in ")[1].split(";")[0])
    assert apart.name == ".run.jsonl.refused"
    assert apart.read_bytes() == b"evil"
    shelf.held = b"good"
    assert read(shelf) == b"good"


def test_a_pulled_run_is_not_written_over_another(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(b"mine")
    with pytest.raises(RunError, match="differs"):
        pull(PLACE, tmp_path, Shelf(b"theirs", b"theirs"))
    assert (tmp_path / "run.jsonl").read_bytes() == b"mine"


def test_more_than_the_disk_holds_is_not_begun(tmp_path: Path) -> None:
    entry = Entry(name="run.jsonl", size=MOST_BYTES, sha256="0" * 64)
    _refuse_too_much(PLACE, [entry], tmp_path, free=MOST_BYTES)
    with pytest.raises(InputError, match=r"68,719,476,736 bytes, and the disk of .* has 1,000 free"):
        _refuse_too_much(PLACE, [entry], tmp_path, free=1000)


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        pull(PLACE, tmp_path / "file" / "out", Shelf(b"x", b"x"))


def test_two_at_once_fetch_it_once(tmp_path: Path) -> None:
    shelf = Shelf(b"x" * 100_000, b"x" * 100_000, [1] * 50)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(read(shelf))) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [shelf.said] * 4
    assert shelf.brought == 100_000
