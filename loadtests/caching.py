"""How the CDN of the real event is set up, as a scenario says it: what its origin must carry depends on it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, PositiveInt, field_validator

from loadtests.cities import atlas
from loadtests.region import Frozen
from loadtests.units import Bitrate, Duration, Share

CdnName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""A CDN, or one of its zones: a name, never a path, because a run is not trusted."""
Gigabytes: TypeAlias = Annotated[float, Field(ge=0, le=1e12)]
PerSecond: TypeAlias = Annotated[float, Field(gt=0, le=1e12)]


class Caching(Frozen):
    """Between viewers and origin; what is left out is read from the rehearsal, or the advice says what it lacks."""

    locations: PositiveInt | None = None
    """Edge locations that serve one region, each with a cache of its own. Ask the CDN; no figure is assumed."""
    collapsing: bool = True
    """Whether of the requests that miss together one goes on; CloudFront, nginx (`proxy_cache_lock`) and Varnish do."""
    shield: bool = False
    """Whether edge locations ask one cache before the origin."""
    playlist_ttl: Duration | None = None
    """How long the CDN keeps a playlist, where it is not as the origin's headers say."""
    renditions: PositiveInt | None = None
    """Media playlists of the stream, where the preflight has not counted them."""
    offers: tuple[CdnName, ...] = ("cloudfront",)
    """CDNs that may be bought: files of ``advisor/cdns/offers``; the default is the one whose price regions carry."""
    allowed: dict[str, tuple[CdnName, ...]] = Field(default_factory=dict)
    """Per region of the scenario, the only CDNs that may serve it, by law or by contract; elsewhere all offers may."""
    used_gb: dict[CdnName, dict[CdnName, Gigabytes]] = Field(default_factory=dict)
    """Per CDN and price zone, GB that were delivered in its billing period before the event."""
    most_egress: dict[CdnName, Annotated[Bitrate, Field(gt=0)]] = Field(default_factory=dict)
    """Per CDN, what it has agreed to carry at the peak, of all regions together."""
    most_requests: dict[CdnName, PerSecond] = Field(default_factory=dict)
    """The same in requests per second."""
    largest_share: Share = Field(default=1.0, gt=0, le=1)
    """Of the peak's bits, the most that one CDN may carry."""
    watched: Duration | None = Field(default=None, gt=0)
    """How long the whole audience watches at the real event; without it volume is that of the surge as rehearsed."""
    origin: str = ""
    """Where the origin stands: a city, or a cloud region such as ``aws:ap-southeast-1``."""

    @field_validator("origin")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if value:
            atlas().find(value)
        return value
