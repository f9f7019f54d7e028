"""Where nodes may stand: a scenario's rule for a region, laid over the provider regions that serve it.

A rule names provider regions and countries. The provider region that usually serves a market is kept where the rule
allows it; where it does not, another of the same provider that the rule names takes its place; where the provider has
none, nothing of it can be bought for that market. What a catalogue does not place in a country is in none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.models import Excuse
from advisor.offers.buying import Shop
from advisor.texts import Message, say
from loadtests.region import Frozen


class Residence(Frozen):
    """What a rule makes of one region."""

    allowed: tuple[str, ...]
    """Provider regions and countries, as the scenario says them."""
    places: dict[str, str]
    """Where each provider's nodes stand now; a provider that may not stand anywhere is left out."""
    reasons: tuple[Message, ...]
    """For each provider that is bought from: kept, moved, or not allowed, and why."""


def resided(allowed: Sequence[str] | None, usual: Mapping[str, str], shops: Sequence[Shop]) -> Residence | None:
    """The provider regions that serve a market under its rule; None where there is no rule."""
    if allowed is None:
        return None
    known = _by_provider(shops)
    places, reasons = {}, []
    for provider in sorted({*usual, *known}):
        shop, before = known.get(provider), usual.get(provider, "")
        place = _place(provider, before, allowed, shop)
        if place:
            places[provider] = place
        if shop is not None:
            reasons.append(_reason(allowed, shop, before, place))
    if not reasons:
        reasons.append(say("residency_own", allowed=", ".join(allowed)))
    return Residence(allowed=tuple(allowed), places=places, reasons=tuple(reasons))


def _by_provider(shops: Sequence[Shop]) -> dict[str, Shop]:
    """All catalogues of a provider as one: the regions that any of them names, each in the country that any says."""
    found: dict[str, Shop] = {}
    for shop in shops:
        before = found.get(shop.provider, shop)
        regions = tuple(sorted({*before.regions, *shop.regions, *shop.countries}))
        both = {"countries": shop.countries | before.countries, "regions": regions}
        found[shop.provider] = before.model_copy(update=both)
    return found


def _place(provider: str, usual: str, allowed: Sequence[str], shop: Shop | None) -> str:
    """The usual place where it is allowed, else the first that is named, else none."""
    countries = {} if shop is None else shop.countries
    if usual and any(_is_in(provider, usual, one, countries) for one in allowed):
        return usual
    regions = () if shop is None else shop.regions
    named = (place for one in allowed for place in regions if _is_in(provider, place, one, countries))
    return next(named, "")


def _is_in(provider: str, place: str, said: str, countries: Mapping[str, str]) -> bool:
    return said in (place, f"{provider}/{place}") or (said.isupper() and countries.get(place) == said)


def _reason(allowed: Sequence[str], shop: Shop, usual: str, place: str) -> Message:
    told = {"provider": shop.provider, "allowed": ", ".join(allowed)}
    before = _with_country(shop, usual) or "-"
    if not place:
        return say("residency_refused", usual=before, **told)
    key = "residency_kept" if place == usual else "residency_moved"
    return say(key, usual=before, place=_with_country(shop, place), **told)


def _with_country(shop: Shop, place: str) -> str:
    country = shop.countries.get(place, "")
    return f"{place} ({country})" if country else place


def nowhere(code: str, residence: Residence | None, providers: Sequence[str]) -> Excuse | None:
    """Why nothing can be planned: no node that could be had may stand where the rule says; None where one may.

    ``providers`` are those of the node rehearsed and of every offer; hardware of one's own has none, and can be put
    anywhere.
    """
    if residence is None or any(not one or one in residence.places for one in providers):
        return None
    told = {"allowed": ", ".join(residence.allowed), "providers": ", ".join(sorted(set(providers)))}
    return Excuse(about=code, reason=say("excuse_residency", **told), remedy=say("remedy_residency", **told))
