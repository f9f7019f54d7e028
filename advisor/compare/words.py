"""The sentences of comparisons: ``texts/LANG.yaml`` here, on top of those of the advice."""

from __future__ import annotations

from advisor.texts import Sentences

_OWN = Sentences("advisor.compare")
words, fill, say, told = _OWN.words, _OWN.fill, _OWN.say, _OWN.told
