"""What will become of each object, by the server's own dry run; and then the change itself, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from surgecast.applying.content import Object, content, difference, owners, restored, same, untouched
from surgecast.applying.folder import Manifest
from surgecast.applying.kinds import Kind
from surgecast.applying.rollback_file import Entry
from surgecast.applying.writer import MANAGER, Conflict, Denied, Writer

TRIES: Final = 4
"""Controllers write status all the time: an object that differs in that only is read again."""
Word = Literal["create", "change", "delete", "unchanged", "refused"]
MARKS: Final[dict[Word, str]] = {"create": "+", "change": "~", "delete": "-", "unchanged": "=", "refused": "!"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One object: as it is, and as the server says it would be."""

    kind: Kind
    name: str
    before: Object | None = None
    after: Object | None = None
    apply: Object | None = None
    """What is applied; None where the object is put back."""
    back: Entry | None = None
    """What it was, and as what surgecast left it, where it is put back."""
    conflicts: tuple[Conflict, ...] = ()
    refusal: Denied | None = None

    @property
    def word(self) -> Word:
        """What happens to it."""
        if self.refusal is not None:
            return "refused"
        if same(self.before, self.after):
            return "unchanged"
        return "create" if self.before is None else "delete" if self.after is None else "change"

    def told(self, namespace: str) -> str:
        """In one line."""
        return f"{self.word} {self.kind.kind} {f'{namespace}/' if self.kind.namespaced else ''}{self.name}"

    def entry(self) -> Entry:
        """For the rollback file."""
        sides = {"before": self.before, "after": self.after}
        return Entry.model_validate({"api_version": self.kind.api, "kind": self.kind.kind, "name": self.name, **sides})

    def difference(self) -> list[str]:
        """Of a new object what is applied, without defaults."""
        return difference(self.before, self.apply if self.before is None and self.apply is not None else self.after)


def to_apply(writer: Writer, manifests: Sequence[Manifest], *, force: bool) -> tuple[Step, ...]:
    """A step for each manifest; where one is refused the others are planned all the same."""
    return tuple(_to_apply(writer, one, force) for one in manifests)


def _to_apply(writer: Writer, one: Manifest, force: bool) -> Step:
    step = Step(kind=one.kind, name=one.name, apply=one.body)
    try:
        step = replace(step, before=writer.read(one.kind, one.name))
        return replace(step, after=writer.apply(one.kind, one.body, dry=True))
    except Denied as denied:
        if not denied.conflicts:
            return replace(step, refusal=denied)
        step = replace(step, conflicts=denied.conflicts, refusal=None if force else denied)
    try:
        return replace(step, after=writer.apply(one.kind, one.body, dry=True, force=True))
    except Denied as denied:
        return replace(step, refusal=denied)


def to_roll_back(writer: Writer, entries: Sequence[Entry], *, force: bool) -> tuple[Step, ...]:
    """A step for each object that was changed, the last one first."""
    return tuple(_to_roll_back(writer, one, force) for one in reversed(entries))


def _to_roll_back(writer: Writer, entry: Entry, force: bool) -> Step:
    step = Step(kind=entry.of_kind, name=entry.name, back=entry)
    try:
        live = writer.read(step.kind, step.name)
        step = replace(step, before=live, after=entry.before)
        if untouched(entry.before, live):
            return replace(step, after=live)
        if not untouched(entry.after, live) and not force:
            return replace(step, refusal=_changed_since(entry, live))
        return replace(step, after=_put_back(writer, entry, live, dry=True))
    except Denied as denied:
        return replace(step, refusal=denied)


def _changed_since(entry: Entry, live: Object | None) -> Denied:
    lines = [line for line in difference(entry.after, live) if line.startswith(("+", "-"))]
    what = "it was deleted" if live is None else "it was made" if entry.after is None else " ".join(lines[:6])
    return Denied(f"changed since by somebody else: {what}", hint="--force-changed puts it back all the same")


def _put_back(writer: Writer, entry: Entry, live: Object | None, *, dry: bool) -> Object | None:
    """Make the object what it was; then its fields belong to whom they belonged."""
    if entry.before is None:
        if live is not None:
            writer.delete(entry.of_kind, live, dry=dry)
        return None
    if live is None:
        made = writer.create(entry.of_kind, content(entry.before), dry=dry)
    else:
        made = writer.replace(entry.of_kind, restored(entry.before, entry.after, live), dry=dry)
    if not dry and entry.before["metadata"].get("managedFields"):
        _owned_again(writer, entry, entry.before, made)
    return made


def _owned_again(writer: Writer, entry: Entry, before: Object, live: Object) -> None:
    """Whoever puts a value back owns it, and would be in the way of its owner, and of the next apply."""
    for attempt in range(TRIES):
        meta = {**live["metadata"], "managedFields": owners(before, live, MANAGER)}
        try:
            writer.replace(entry.of_kind, {**live, "metadata": meta}, dry=False)
        except Denied as denied:
            found = writer.read(entry.of_kind, entry.name)
            if not denied.late or attempt == TRIES - 1 or found is None:
                raise Denied(f"its values are back, but not who owns them: {denied.message}") from denied
            live = found
        else:
            return


def carried_out(writer: Writer, steps: Sequence[Step]) -> Iterator[Step]:
    """Each step once it is done; `Denied` where one is not, and none after it is tried."""
    for step in steps:
        _carry_out(writer, step)
        yield step


def _carry_out(writer: Writer, step: Step) -> None:
    """Only the object that the rollback file holds is changed."""
    for attempt in range(TRIES):
        live = writer.read(step.kind, step.name)
        if not same(step.before, live):
            raise Denied("it was changed after the plan was made", hint="look at a new plan")
        try:
            _act(writer, step, live)
        except Denied as denied:
            if not denied.late or attempt == TRIES - 1:
                raise
        else:
            return


def _act(writer: Writer, step: Step, live: Object | None) -> None:
    if step.apply is not None:
        version = "" if live is None else str(live["metadata"].get("resourceVersion", ""))
        writer.apply(step.kind, step.apply, dry=False, force=bool(step.conflicts), version=version)
    if step.back is not None:
        _put_back(writer, step.back, live, dry=False)
