"""Why something of an account could not be read, in words that say how to mend it."""

from __future__ import annotations

from advisor.clouds.aws import Refused
from advisor.models import Excuse
from advisor.texts import say


def excuse(refused: Refused, place: str = "", code: str = "") -> Excuse:
    """With the IAM action, the region that was asked about, and AWS's own words where ours are not enough.

    ``code`` is that of the quota, where one was asked for.
    """
    why = ": ".join(filter(None, (code, str(refused).rstrip("."))))
    values = {"action": refused.action, "place": place or refused.region, "why": why}
    return Excuse(
        about=refused.action,
        reason=say(f"account_{refused.kind}", **values),
        remedy=say(f"remedy_account_{refused.kind}", **values),
    )
