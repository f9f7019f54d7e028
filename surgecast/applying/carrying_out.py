"""``surgecast apply`` and ``surgecast rollback``: show where, show the plan; write the rollback file, and change."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from advisor.cluster.server import connect
from loadtests.errors import InputError
from surgecast.applying import rollback_file
from surgecast.applying.folder import NAME, manifests
from surgecast.applying.rollback_file import Rollback
from surgecast.applying.steps import MARKS, Step, carried_out, to_apply, to_roll_back
from surgecast.applying.writer import Denied, Writer, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for."""

    context: str
    kubeconfig: Path | None
    yes: bool
    skip_refused: bool
    file: Path | None
    """Where the rollback file goes."""


def apply_folder(folder: Path, asked: Asked, *, namespace: str, force: bool) -> None:
    """Plan what an export says, and apply it when told to; InputError where something is refused."""
    writer = _writer(asked, namespace)
    wanted = manifests(folder, writer.namespace)
    uid = writer.identity()
    _finish(writer, to_apply(writer, wanted, force=force), asked, uid, folder)


def roll_back(file: Path, asked: Asked, *, force: bool) -> None:
    """Plan what puts things back, and do it when told to; InputError where something is refused."""
    found = rollback_file.read(file)
    writer = _writer(asked, found.namespace)
    uid = writer.identity()
    if uid != found.namespace_uid:
        raise InputError(
            f"{file} is of another cluster: context {plain(found.context)} ({plain(found.server)}), whose namespace "
            f"{writer.namespace} has the uid {plain(found.namespace_uid)}; here it is {plain(uid)}",
            hint="name the context that it was written for",
        )
    _finish(writer, to_roll_back(writer, found.entries, force=force), asked, uid, file.parent)


def _writer(asked: Asked, namespace: str) -> Writer:
    server = connect(asked.context, asked.kubeconfig)
    writer = Writer(server, namespace or server.namespace)
    if not NAME.fullmatch(writer.namespace):
        raise InputError(f"{plain(writer.namespace)!r} is no name of a namespace", hint="lower-case letters, digits, -")
    click.echo(f"Context {server.context} ({server.address}), namespace {writer.namespace}.")
    return writer


def _finish(writer: Writer, steps: Sequence[Step], asked: Asked, uid: str, folder: Path) -> None:
    for line in plan_told(steps, writer.namespace):
        click.echo(line)
    refused = [one for one in steps if one.word == "refused"]
    to_do = [one for one in steps if one.word not in ("refused", "unchanged")]
    if asked.yes and to_do and (not refused or asked.skip_refused):
        _change(writer, to_do, uid, asked, asked.file or folder / f"rollback-{_now():%Y%m%dT%H%M%S-%fZ}.json")
    elif to_do:
        click.echo("Nothing was changed." if asked.yes or refused else "Nothing was changed: add --yes-apply.")
    if refused:
        names = "; ".join(f"{one.kind.kind} {one.name}: {one.refusal.message}" for one in refused if one.refusal)
        raise InputError(
            f"refused: {names}", hint="the plan says what to do about each; --skip-refused leaves them out"
        )


def plan_told(steps: Sequence[Step], namespace: str) -> list[str]:
    """A line for each object, and under it what differs."""
    lines = []
    for step in steps:
        lines.append(f"{MARKS[step.word]} {step.told(namespace)}")
        lines += [f"    ! {one}" for one in step.conflicts]
        if step.refusal is not None:
            if not step.conflicts:
                lines.append(f"    ! {step.refusal.message}")
            lines += [f"    → {step.refusal.hint}"] if step.refusal.hint else []
        if step.after is not None or step.word == "delete":
            lines += [f"    {line}" for line in step.difference()]
    count = Counter(step.word for step in steps)
    told = ", ".join(f"{count[word]} to {word}" for word in ("create", "change", "delete") if count[word])
    rest = ", ".join(f"{count[word]} {word}" for word in ("unchanged", "refused") if count[word])
    return [*lines, f"Plan: {', '.join(filter(None, (told, rest))) or 'nothing'}."]


def _undo(file: Path, context: str, asked: Asked) -> str:
    where = [] if asked.kubeconfig is None else ["--kubeconfig", str(asked.kubeconfig)]
    return shlex.join(["surgecast", "rollback", str(file), "--context", context, *where, "--yes-apply"])


def _change(writer: Writer, steps: Sequence[Step], uid: str, asked: Asked, file: Path) -> None:
    server = writer.server
    rollback = Rollback(
        written_at=_now().isoformat(timespec="seconds"),
        context=server.context,
        server=server.address,
        namespace=writer.namespace,
        namespace_uid=uid,
        entries=tuple(one.entry() for one in steps),
    )
    rollback_file.write(rollback, file)
    click.echo(f"Rollback file: {file}")
    done = 0
    try:
        for step in carried_out(writer, steps):
            done += 1
            click.echo(f"done: {step.told(writer.namespace)}")
    except Denied as denied:
        ready = ", ".join(one.told(writer.namespace) for one in steps[:done]) or "nothing"
        raise InputError(
            f"{steps[done].told(writer.namespace)}: {denied.message}; it was not done, nor what comes after it. "
            f"Done before it: {ready}",
            hint=f"{denied.hint}; to undo: {_undo(file, server.context, asked)}",
        ) from denied


def _now() -> datetime:
    return datetime.now(UTC)
