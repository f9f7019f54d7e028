"""All tokens issued so far become invalid at once."""

from __future__ import annotations

from typing import ClassVar

from loadtests.faults import Fault, Need, StageOrder, Step


class TokenExpiry(Fault):
    """Whatever carries an old token is answered 403 until its viewer has fetched the master playlist again."""

    needs: ClassVar[tuple[Need, ...]] = ("staging", "tokens")
    """Of the stage."""

    def begins(self) -> Step:
        """Refuse what was issued before."""
        return Step("all tokens issued so far are refused", StageOrder(do="expire"))
