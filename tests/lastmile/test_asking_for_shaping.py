"""What a scenario may ask for: each thing that is missing or said twice has a sentence of its own."""

from __future__ import annotations

from typing import Any

import pytest

from loadtests.region import Access, load_region
from loadtests.scenario import BUNDLED, read_scenario
from loadtests.shaping_checks import check_shaping
from tests.lastmile.scenes import scene

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"pop": ""}, "regions.id.pop: needed for the path to it, such as aws:ap-southeast-3"),
    ({"pop": "atlantis"}, "regions.id.pop: no such city, found 'atlantis'; expected one of jakarta, "),
    ({"pop": "aws:moon-1", "shaping": "off"}, "regions.id.pop: no such city, found 'aws:moon-1'"),
    (
        {"generators": "in_region"},
        "regions.id.shaping: generators in the region walk its path for real; say difference",
    ),
    ({"shaping": "difference"}, "regions.id.generator_rtt: shaping: difference from elsewhere needs it"),
    ({"generator_rtt": "5ms"}, "regions.id.generator_rtt: belongs to shaping: difference, found full"),
    ({"generator_rtt": "5ms", "shaping": "off"}, "regions.id.generator_rtt: belongs to shaping: difference, found off"),
    ({"shaping": "difference", "generator_rtt": "5ms", "pop": ""}, "regions.id.pop: needed for the path to it"),
    ({"shaping": "half"}, "Input should be 'full', 'difference' or 'off'"),
    ({"shaping": True}, "Input should be 'full', 'difference' or 'off'"),
    ({"generators": "moon"}, "Input should be 'in_region' or 'elsewhere'"),
]


@pytest.mark.parametrize(("audience", "message"), REFUSED)
def test_what_cannot_be_shaped_is_refused(audience: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        scene(**audience)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "audience",
    [
        {},
        {"shaping": False, "pop": ""},
        {"shaping": "difference", "generators": "in_region", "pop": ""},
        {"shaping": "difference", "generators": "in_region", "generator_rtt": "3ms"},
        {"shaping": "difference", "generator_rtt": "3ms"},
        {"shaping": "off", "generators": "in_region"},
    ],
)
def test_what_can_be_shaped_is_taken_and_comes_back_from_its_own_text(audience: dict[str, Any]) -> None:
    asked = scene(**audience)
    assert type(asked).model_validate_json(asked.model_dump_json()) == asked


def test_nobody_is_shaped_who_did_not_ask_for_it() -> None:
    for audience in read_scenario(BUNDLED).regions.values():
        assert audience.shaping == "off"


def test_a_region_without_the_facts_says_which() -> None:
    bare = Access(throughput_median=load_region("id").access["mobile"].throughput_median)
    region = load_region("id").model_copy(update={"access": {"mobile": bare}, "mobile_share": None})
    people = scene().regions["id"]
    with pytest.raises(ValueError, match=r"regions.id.shaping: access.mobile of the region has no rtt_median, spread"):
        check_shaping(region, people)
    mixed = scene(access="mixed").regions["id"]
    with pytest.raises(ValueError, match=r"regions.id.cohorts.people.access: id has no mobile_share"):
        check_shaping(region, mixed)
    check_shaping(region, people.model_copy(update={"shaping": "off"}))
