"""What the report says of a node: the grounds of a limit in words and as a picture, what is missing folded away."""

from __future__ import annotations

import json

import pytest

from advisor.advice import Advice
from advisor.pages.page import page
from advisor.pages.standing import draw_steps, evidence_text, grounds
from advisor.texts import LANGS


@pytest.mark.parametrize("lang", LANGS)
def test_a_limit_stands_with_step_seconds_budget_and_samples(advice: Advice, lang: str) -> None:
    limit = advice.capacities.saturated[0]
    seen = limit.evidence.limiting
    assert seen is not None
    said = " ".join(grounds(lang, limit))
    assert f"{seen.span[0]}–{seen.span[1]}" in said
    assert f"{seen.samples:,}" in said
    assert "1.63 s" in said
    html = page("report.html.j2", advice, lang, html=True)
    assert said.split("“")[0].strip()[:40] in html


def test_what_is_only_at_least_says_so_and_nothing_of_a_breach(advice: Advice) -> None:
    for capacity in advice.capacities.found:
        if not capacity.saturated:
            assert "higher or equal" in evidence_text(advice, "en", capacity)
            assert list(grounds("en", capacity)) == []


def test_the_picture_has_every_step_and_rings_those_held_out(advice: Advice) -> None:
    limit = advice.capacities.saturated[0]
    steps = limit.evidence.steps
    drawn = str(draw_steps(advice, limit))
    assert drawn.count("<circle") == len(steps)
    assert drawn.count('r="5"') == sum(step.is_held_out for step in steps) > 0
    assert drawn.count('class="cut"') == len(steps)
    assert drawn.count('class="line limit"') == 1
    assert "nan" not in drawn.lower()


def test_chat_that_was_not_rehearsed_is_folded_in_the_page_and_left_out_of_markdown(advice: Advice) -> None:
    html = page("report.html.j2", advice, "en", html=True)
    folded = html[html.index("<details") : html.index("</details>")]
    assert "No chat was rehearsed" in folded
    assert html.count("No chat was rehearsed") == 1
    assert "chat" not in page("report.md.j2", advice, "en", html=False)


def test_all_that_is_shown_is_in_the_advice_for_programs(advice: Advice) -> None:
    found = json.loads(advice.model_dump_json())["capacities"]["found"]
    limit = next(one for one in found if one["saturated"])
    assert {"steps", "limiting", "contest"} <= limit["evidence"].keys()
    assert limit["evidence"]["contest"]["winner"] == "cliff"
