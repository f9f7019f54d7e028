"""Chat: each message goes to every viewer, so deliveries grow with the square of a crowd that talks.

No protocol of ours sends chat yet, so no run of ours carries messages; a run that another program writes may
(`messages_sent`, `messages_delivered`, `message_delay` in docs/run-format.md).
"""

from __future__ import annotations

from typing import Literal

from advisor.capacities import plateau
from advisor.measured.measure import LOADED, Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Excuse, Model
from advisor.texts import say


class ChatFanout(Model):
    """Messages delivered per second: sent, times those whom each reached."""

    delay: float = 2.0
    """Seconds (p95) from sending to arrival that chat may take (assumed: later, replies no longer fit the picture)."""

    @property
    def unit(self) -> Literal["messages/s"]:
        """Deliveries per second."""
        return "messages/s"

    def rate(self, second: Second) -> float:
        """Deliveries."""
        return float(second.messages_delivered)

    def is_broken(self, second: Second) -> bool:
        """Whether chat came late, or stopped while it was being sent."""
        late = second.message_delay is not None and second.message_delay > self.delay
        return late or (second.messages_sent > 0 and second.messages_delivered == 0)

    def fit(self, measurement: Measurement) -> Capacity | Excuse:
        """The plateau of deliveries while chat was late; on a run without messages, that none were rehearsed."""
        if any(second.messages_sent or second.messages_delivered for second in measurement.whole(LOADED)):
            return plateau.fit(self, measurement)
        return Excuse(
            about="chat_fanout", reason=say("excuse_no_chat"), remedy=say("remedy_rehearse_chat"), is_aside=True
        )
