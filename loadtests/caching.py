"""How the CDN of the real event is set up, as a scenario says it: what its origin must carry depends on it."""

from __future__ import annotations

from pydantic import PositiveInt

from loadtests.region import Frozen
from loadtests.units import Duration


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
