"""A user's own question: ``segments=2s``, ``ladder.id=-highest``. Every counterfactual reads its own words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from advisor.counterfactuals import Counterfactual, counterfactuals
from loadtests.errors import InputError

_PART: Final = re.compile(r"(?P<word>[a-z_]+)(?:\.(?P<region>[A-Za-z0-9_-]+))?=(?P<value>.+)")


@dataclass(frozen=True, slots=True)
class Supposition:
    """One change, in one region or in all."""

    region: str | None
    change: Counterfactual


def suppositions(texts: Sequence[str], regions: Sequence[str]) -> tuple[Supposition, ...]:
    """Read every ``--suppose``, in order; InputError names the one that is wrong and what is known."""
    return tuple(_supposition(text.strip(), regions) for text in texts)


def known_words() -> dict[str, type[Counterfactual]]:
    """Who reads which word."""
    return {example.partition("=")[0]: kind for kind in counterfactuals() for example in kind.words}


def _supposition(text: str, regions: Sequence[str]) -> Supposition:
    match = _PART.fullmatch(text)
    if match is None:
        raise InputError(f"suppose: expected WORD[.REGION]=VALUE, found {text!r}", hint=_hint())
    words = known_words()
    word, region = match["word"], match["region"]
    if word not in words:
        near = difflib.get_close_matches(word, words, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"suppose: no word {word!r} in {text!r}{guess}", hint=_hint())
    if region is not None and region not in regions:
        raise InputError(
            f"suppose: region {region!r} in {text!r} is not planned for ({', '.join(regions)})",
            hint=f"name one of them, or leave it out: {word}={match['value']}",
        )
    try:
        return Supposition(region, words[word].read(word, match["value"].strip()))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise InputError(f"suppose: {text!r}: {problem['msg']}", hint=_hint(word)) from error
    except ValueError as error:
        raise InputError(f"suppose: {text!r}: {error}", hint=_hint(word)) from error


def _hint(word: str = "") -> str:
    examples = sorted(example for kind in counterfactuals() for example in kind.words)
    if word:
        return "write it as --suppose " + next(one for one in examples if one.partition("=")[0] == word)
    return f"one of: {', '.join(examples)}"
