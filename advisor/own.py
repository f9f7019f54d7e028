"""What is the user's own, beside runs and clusters: files of what may be bought, and the account as it was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.cdns.offer import CdnOffer, load_offer, offer_names, parse_offer
from advisor.clouds.snapshot import Account
from advisor.egress.prices import EgressList, list_names, load_list, parse_list
from advisor.offers.catalog import Read, catalog_names, load, parsed
from loadtests.document import read_yaml
from loadtests.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Catalogues of nodes, CDNs, prices of egress, and the account."""

    catalogs: Sequence[Read] = ()
    cdns: Sequence[CdnOffer] = ()
    egress: Sequence[EgressList] = ()
    account: Account | None = None


def read_files(files: Sequence[Path]) -> Own:
    """Each file as what it is; InputError says file, field, found, expected."""
    found = [read_file(file) for file in files]
    return Own(
        catalogs=tuple(one for one in found if isinstance(one, Read)),
        cdns=tuple(one for one in found if isinstance(one, CdnOffer)),
        egress=tuple(one for one in found if isinstance(one, EgressList)),
    )


def read_named(name: str) -> Read | CdnOffer | EgressList:
    """What ships under a name, or else a file; InputError when there is neither."""
    if name in catalog_names():
        return load(name)
    if name in offer_names():
        return load_offer(name)
    if name in list_names():
        return load_list(name)
    if not Path(name).exists():
        known = ", ".join((*catalog_names(), *offer_names(), *list_names()))
        raise InputError(f"catalogue {name!r} is not known (known: {known}) and no file", hint="name one, or a file")
    return read_file(Path(name))


def read_file(file: Path) -> Read | CdnOffer | EgressList:
    """A catalogue of nodes has ``offers``, a CDN price zones and ``tiers``, a list of egress prices ``per_gb``."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "docs/planning.md shows how to write a catalogue, docs/cdn.md how to write a CDN"
        raise InputError(f"{file}: cannot be read: {error}", hint=hint) from error
    data = read_yaml(str(file), text)
    fields = data if isinstance(data, dict) else {}
    if "per_gb" in fields:
        return parse_list(str(file), text)
    return parse_offer(str(file), text) if "tiers" in fields else parsed(str(file), text)
