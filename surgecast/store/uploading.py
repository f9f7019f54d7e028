"""One file on its way to a store: skipped when it is there, in parts when it is large, never over another run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.errors import RunError
from loadtests.run import RUN_FILE
from surgecast.store.address import Address
from surgecast.store.bucket import Bucket, Stored
from surgecast.store.digests import Digests, Part, body_of, sum_of
from surgecast.store.refusals import Gone, Taken
from surgecast.store.together import each
from surgecast.store.transfer import Transfer

ONLY_NEW: Final = {"IfNoneMatch": "*"}
"""Write nothing over what is there."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for a folder of a bucket."""

    bucket: Bucket
    folder: Address
    file: Digests
    transfer: Transfer

    @property
    def place(self) -> Address:
        """Of the object."""
        return self.folder.under(self.file.entry.name)

    def send(self) -> None:
        """Have the file there. Reports may be made again; a run may not be another than the one that is there."""
        is_run = self.file.entry.name == RUN_FILE
        found = self.bucket.look(self.place.key)
        if self.file.is_there(found):
            self.transfer.add(self.file.entry.size)
            return
        if is_run and found is not None:
            raise another_run(self.folder)
        condition = ONLY_NEW if is_run else {}
        try:
            self._in_parts(condition) if self.file.in_parts else self._whole(condition)
        except Taken:
            found = self.bucket.look(self.place.key)
            if found is None:
                raise
            if not self.file.is_there(found):  # it is where the answer to a first try was lost
                raise another_run(self.folder) from None

    def _whole(self, condition: Mapping[str, str]) -> None:
        (part,) = self.file.parts
        self.bucket.put(self.place.key, self._body(part), part.sum, condition)
        self.transfer.add(part.size)

    def _in_parts(self, condition: Mapping[str, str]) -> None:
        upload, there = self._begun()

        def sent(numbered: tuple[int, Part]) -> tuple[str, str]:
            number, part = numbered
            found = there.get(number)
            if found is not None and part.is_there(found):
                etag = found.etag
            else:
                body = self._body(part)
                etag = self.bucket.send_part(self.place.key, upload, number, body, part.sum)
            self.transfer.add(part.size)
            return etag, part.sum

        self.bucket.finish(self.place.key, upload, each(sent, list(enumerate(self.file.parts, 1))), condition)
        self._note.unlink(missing_ok=True)

    def _begun(self) -> tuple[str, dict[int, Stored]]:
        """The upload that was begun by an earlier call, with the parts that arrived; or a new one."""
        with suppress(OSError, ValueError, KeyError, TypeError, Gone):
            noted = json.loads(self._note.read_text(encoding="utf-8"))
            if noted["to"] == str(self.place):
                return str(noted["upload"]), self.bucket.parts(self.place.key, str(noted["upload"]))
        upload = self.bucket.begin(self.place.key)
        with suppress(OSError):  # a folder that cannot be written: then all is sent again after a cut
            self._note.write_text(json.dumps({"to": str(self.place), "upload": upload}), encoding="utf-8")
        return upload, {}

    @property
    def _note(self) -> Path:
        """Beside the file: which upload it is on its way in."""
        return self.file.file.with_name(f".{self.file.file.name}.upload")

    def _body(self, part: Part) -> bytes:
        with self.file.file.open("rb") as content:
            body = body_of(content, part)
        if sum_of(body) != part.sum:
            raise RunError(f"{self.file.file}: changed while it was sent", hint="call it again when it is at rest")
        return body


def another_run(address: Address) -> Taken:
    """What to raise where a run is about to be written over another."""
    return Taken(f"{address}: holds another run", hint="stored runs are never overwritten: give another address")
