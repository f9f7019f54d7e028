"""The backtest: past advice held against what later runs and real events showed, and what that says of the advisor."""

from __future__ import annotations

from advisor.backtest.events import Event, read_events
from advisor.backtest.seen import Seen, seen_in
from advisor.backtest.track import Backtest, backtest

__all__ = ["Backtest", "Event", "Seen", "backtest", "read_events", "seen_in"]
