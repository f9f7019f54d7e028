"""Runs and folders as values on the command line: a path of this machine, or an ``s3://`` address.

An address is checked as it is read, and only the command itself asks the store (`Storing`): first for the runs that
are named, then for room where it is to write; at the end what was written is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from loadtests.errors import InputError
from surgecast.store.address import Address, is_remote, parse_address
from surgecast.store.fetching import cached_file, cached_run
from surgecast.store.files import applied_from, cached_scenario, exported_for, rolled_back_from, written_for
from surgecast.store.sending import recorded_for


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Where a folder goes when the command has ended. With ``fresh`` no run may be there yet."""

    address: Address
    fresh: bool


class StoreAddress(click.ParamType[Address]):
    """``s3://bucket/prefix/run``; with ``bucket_will_do`` the bucket alone as well."""

    name = "address"

    def __init__(self, *, bucket_will_do: bool = False) -> None:
        self._bucket_will_do = bucket_will_do

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """Parse it; click's usage error where it is no address."""
        if isinstance(value, Address):
            return value
        try:
            return parse_address(value, bucket_will_do=self._bucket_will_do)
        except InputError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class Beside:
    """An address that the command itself asks: it is no run, and nothing is fetched or sent for it."""

    address: Address


@dataclass(frozen=True, slots=True)
class OneFile:
    """A small file in a bucket, and how it is had: what the command gets."""

    address: Address
    fetch: Callable[[Address], Path | str]


@dataclass(frozen=True, slots=True)
class Lent:
    """A file or folder in a bucket, and how the command has one on this machine as long as it runs."""

    address: Address
    lend: Callable[[Address], AbstractContextManager[Path]]


class Local(click.Path):
    """A path of this machine, and no address; ``why`` says what for."""

    def __init__(self, *, why: str, **checks: Any) -> None:
        super().__init__(**checks)
        self.why = why

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an address, which would be a folder called ``s3:`` here; else click's own check."""
        refuse_remote(self, value, param, ctx)
        return super().convert(value, param, ctx)


def refuse_remote(kind: Local, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> None:
    """Click's usage error for an address where only a path will do."""
    if is_remote(str(value)):
        told = f"expected a path on this machine, found {value}: {kind.why}; docs/store.md lists what may lie in S3"
        kind.fail(told, param, ctx)


class FilePlace(click.Path):
    """A path of this machine, or an address of what ``made`` makes something of. The command gets a path."""

    def __init__(self, made: Callable[[Address], OneFile | Lent], **checks: Any) -> None:
        super().__init__(path_type=Path, **checks)
        self._made = made

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An address where it is one."""
        if isinstance(value, OneFile | Lent):
            return value
        if is_remote(str(value)):
            return self._made(ADDRESS.convert(value, param, ctx))
        return super().convert(value, param, ctx)


class NamePlace(click.ParamType["str | OneFile"]):
    """A small file to read, or the name of one that ships; the command gets either as text."""

    name = "text"

    def __init__(self, fetch: Callable[[Address], Path]) -> None:
        self._fetch = fetch

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | OneFile:
        """An address where it is one."""
        if isinstance(value, OneFile):
            return value
        if is_remote(str(value)):
            return OneFile(ADDRESS.convert(value, param, ctx), lambda address: str(self._fetch(address)))
        return str(value)


class LedgerPlace(click.Path):
    """A ledger: a path of this machine, or an address. The command gets either."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An address where it is one."""
        if isinstance(value, Beside):
            return value
        return (
            Beside(BUCKET.convert(value, param, ctx)) if is_remote(str(value)) else super().convert(value, param, ctx)
        )


class RunPlace(click.ParamType["str | Address"]):
    """A run: a folder, its file, ``-``, or an address. The command gets a path."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Address:
        """An address where it is one."""
        return ADDRESS.convert(value, param, ctx) if is_remote(str(value)) else str(value)


class OutPlace(click.ParamType["Path | Outgoing"]):
    """A folder to write in, or an address to which it is sent afterwards. The command gets a path."""

    name = "directory"

    def __init__(self, *, fresh: bool) -> None:
        self.fresh = fresh

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | Outgoing:
        """An address where it is one; else click's own check of a folder."""
        if isinstance(value, Outgoing):
            return value
        if is_remote(str(value)):
            return Outgoing(ADDRESS.convert(value, param, ctx), self.fresh)
        click.Path(file_okay=False).convert(value, param, ctx)
        return Path(value)


ADDRESS: Final = StoreAddress()
BUCKET: Final = StoreAddress(bucket_will_do=True)
RUN: Final = RunPlace()
NEW_RUN: Final = OutPlace(fresh=True)
"""For ``--out`` of a command that records a run."""
REPORTS: Final = OutPlace(fresh=False)
"""For ``--out`` of a command that writes reports: they may go to a run that is stored."""
FILE: Final = FilePlace(partial(OneFile, fetch=cached_file))
NAME: Final = NamePlace(cached_file)
SCENARIO: Final = NamePlace(cached_scenario)
"""With the files that it names."""
NEW_FILE: Final = FilePlace(partial(Lent, lend=written_for), dir_okay=False)
EXPORT: Final = FilePlace(partial(Lent, lend=exported_for), file_okay=False)
APPLIED: Final = FilePlace(partial(Lent, lend=applied_from))
ROLLBACK: Final = FilePlace(partial(Lent, lend=rolled_back_from))
LEDGER: Final = LedgerPlace(path_type=Path)
KUBECONFIG: Final = Local(why="it opens clusters, and may name files beside it", path_type=Path)
ROLLBACK_HERE: Final = Local(why="it must be on this disk before anything is changed", path_type=Path)
MANIFESTS_HERE: Final = Local(why="they may hold the target's tokens", path_type=Path, file_okay=False)
RUN_HERE: Final = Local(why="it is what is sent", path_type=Path)
FOLDER_HERE: Final = Local(why="it is where it is fetched to", path_type=Path, file_okay=False)


class Storing(click.Command):
    """A command whose runs and folders may be addresses; its function sees paths only."""

    def invoke(self, ctx: click.Context) -> Any:
        """Fetch, call, send. What is written is sent however the call ends; its exit code stays."""
        with ExitStack() as stack:
            ctx.params = {name: _fetched(value) for name, value in ctx.params.items()}
            for name, value in ctx.params.items():
                if isinstance(value, Lent):
                    ctx.params[name] = stack.enter_context(value.lend(value.address))
                if isinstance(value, Outgoing):
                    ctx.params[name] = stack.enter_context(recorded_for(value.address, fresh=value.fresh))
            return super().invoke(ctx)


def _fetched(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_fetched(one) for one in value)
    if isinstance(value, OneFile):
        return value.fetch(value.address)
    return str(cached_run(value)) if isinstance(value, Address) else value
