"""The sentences of the backtest: ``texts/LANG.yaml`` here, on top of those of the advice."""

from __future__ import annotations

from advisor.texts import Sentences

_OWN = Sentences("advisor.backtest")
words, fill, say = _OWN.words, _OWN.fill, _OWN.say
