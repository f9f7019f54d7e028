"""The account that was read bounds the choice: its quota, less what runs there; what is paid for already counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from advisor.clouds.counted import paid
from advisor.clouds.snapshot import Group, NodeGroup, Place, Reservation
from advisor.demands.rise import Rise
from advisor.offers.allowance import Allowance
from advisor.offers.catalog import load, load_catalog
from advisor.offers.offer import Offer
from advisor.pages.offerpage import buying_lines, quota_text, spot_text
from advisor.pages.planning import offer_rows
from advisor.plans.asked import Asked
from advisor.plans.choice import Choice
from advisor.texts import LANGS
from tests.advisor.questions import all_finite, capacities, capacity, demand, launch, planned
from tests.clouds.town import PLACE

EC2 = load("ec2").shop
OFFERS = {offer.name: offer for offer in load_catalog("ec2")}
C7G = OFFERS["c7g.4xlarge"]
ENDS = datetime(2026, 12, 5, 15, 0, tzinfo=UTC)
STANDARD, STANDARD_SPOT, GPU = "L-1216C47A", "L-34B43A08", "L-DB2E81BA"
VCPUS = {"c7g.4xlarge": 16, "m7g.large": 2, "g5.xlarge": 4}


def place(**fields: Any) -> Place:
    told = {"region": PLACE, "running": {}, "spot": {}, "vcpus": VCPUS, "quotas": {STANDARD: 1000}}
    return Place.model_validate(told | fields)


def serving(count: int, kind: str = "c7g.4xlarge", buying: str = "ON_DEMAND") -> dict[str, Any]:
    """A managed node group with so many nodes."""
    scaled = Group(name="eks-edge", minimum=1, desired=count, maximum=99, in_service={kind: count}, zones=())
    managed = {"minimum": 1, "desired": count, "maximum": 99, "kinds": (kind,), "groups": ("eks-edge",)}
    group = NodeGroup.model_validate(
        {"cluster": "live", "name": "edge", "status": "ACTIVE", "buying": buying} | managed
    )
    return {"groups": (scaled,), "node_groups": (group,)}


def reserved(*free: int, **fields: Any) -> tuple[Reservation, ...]:
    """So many free of each zone."""
    return tuple(
        Reservation(kind="c7g.4xlarge", zone=f"{PLACE}{'abcdef'[at]}", total=count + 1, free=count, **fields)
        for at, count in enumerate(free)
    )


def costing(usd: float, name: str) -> Offer:
    """The machine of c7g.4xlarge under another name and price."""
    fact = {"value": usd, "source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    return Offer.model_validate(C7G.model_dump() | {"name": name, "usd_per_hour": {PLACE: fact}})


def asked(
    account: Place | None,
    *names: str,
    node: Offer = C7G,
    offers: tuple[Offer, ...] = (),
    ends: datetime | None = ENDS,
    **how: object,
) -> Asked:
    """In Jakarta, 30 Gbit/s on nodes that carry 3: 10, and 15 so that a zone of three may be lost."""
    return Asked(
        demand(),
        capacities(capacity("bit/s", 3)),
        launch(**{"zones": 3, **how}),
        9.0,
        rise=Rise(0.1, (0.0, 60.0, 600.0), (0.0, 0.3, 0.9)),
        node=node,
        offers=(*(OFFERS[name] for name in names), *offers),
        places={"aws": PLACE},
        shops=(EC2,),
        event_seconds=7200,
        ends=ends,
        account=account,
    )


def chosen(account: Place | None, *names: str, **how: Any) -> Choice:
    return planned(asked(account, *names, **how)).offers


# Who says what may run


def test_the_account_goes_before_the_catalogue_and_the_scenario_before_both() -> None:
    fact = {"value": 64, "source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    listed = Offer.model_validate(C7G.model_dump() | {"quota_vcpus": {PLACE: fact}, "quota_spot_vcpus": {PLACE: fact}})
    used = place(running={"m7g.large": 50}, quotas={STANDARD: 1000, STANDARD_SPOT: 32})

    def told(account: Place | None, *, spot: bool = False, **how: Any) -> Allowance:
        return asked(account, node=listed, **how).allowance(listed, 15, spot=spot)

    catalog = told(None)
    assert (catalog.source, catalog.quota, catalog.used, catalog.left) == ("catalog", 64, None, 64)
    account = told(used)
    assert (account.source, account.code, account.quota, account.used) == ("account", STANDARD, 1000, 100)
    assert account.left == 900
    said = told(used, quota_vcpus={"id": 5000})
    assert (said.source, said.left, said.used) == ("launch", 5000, 100)
    spot = told(used, spot=True, quota_vcpus={"id": 5000})
    assert (spot.source, spot.code, spot.left) == ("account", STANDARD_SPOT, 32)
    other = asked(used, quota_vcpus={"br": 5000}).allowance(C7G, 15)
    assert other.source == "account", "the scenario speaks of another region"


def test_what_the_account_does_not_say_stays_unknown_and_is_never_zero() -> None:
    nothing = asked(place(quotas={}, running=None)).allowance(C7G, 15)
    assert (nothing.source, nothing.quota, nothing.used, nothing.left) == ("unknown", None, None, None)
    assert not nothing.short(10**9)
    unused = asked(place(running=None)).allowance(C7G, 15)
    assert (unused.source, unused.quota, unused.used, unused.left) == ("account", 1000, None, 1000)
    unmet = asked(place(running={"c9x.large": 3})).allowance(C7G, 15)
    assert (unmet.used, unmet.left) == (None, 1000), "how many vCPUs a type has was not told"
    best = chosen(place(quotas={}, running=None)).best
    assert best is not None
    assert best.quota is not None
    assert (best.quota.known, best.quota.source) == (None, "unknown")
    assert "--desired-value 240" in best.quota.command


def test_an_account_says_nothing_of_other_providers_hardware() -> None:
    mine = Offer(name="c7g.4xlarge", vcpus=C7G.vcpus)
    found = asked(place(running={"m7g.large": 400}), node=mine).allowance(mine, 15)
    assert (found.source, found.used, found.code) == ("unknown", None, "")


# The choice


@pytest.mark.parametrize(("running", "fits"), [(0, True), (380, True), (381, False), (5000, False)])
def test_the_best_offer_is_one_that_fits_beside_what_runs(running: int, fits: bool) -> None:
    """15 nodes take 240 of 1,000 vCPUs; 380 × 2 leave just that."""
    choice = chosen(place(running={"m7g.large": running}))
    assert (choice.best is not None) is fits
    if choice.best is not None:
        assert choice.best.quota is not None
        assert (choice.best.quota.vcpus, choice.best.quota.used, choice.best.quota.command) == (240, 2 * running, "")
        return
    (refused,) = choice.refused
    assert refused.reason.key == "offer_over_account"
    assert f"beside the {2 * running:,} that run there already" in refused.reason.text
    assert f"Ask for a quota of {240 + 2 * running:,} vCPUs" in refused.remedy.text
    assert choice.beyond is not None
    assert choice.beyond.quota is not None
    assert f"--desired-value {240 + 2 * running}" in choice.beyond.quota.command


def test_a_quota_that_is_wholly_used_or_zero_is_no_quota_that_is_unknown() -> None:
    for account in (place(quotas={STANDARD: 0}), place(running={"m7g.large": 500})):
        choice = chosen(account)
        assert choice.best is None
        assert choice.refused
        assert all_finite(choice.model_dump())


def test_another_family_takes_the_place_of_one_that_its_own_quota_forbids() -> None:
    """The same machine under a name whose family has 8 vCPUs left, and dearer under one that has a thousand."""
    cheap = Offer.model_validate(C7G.model_dump() | {"name": "g5g.4xlarge"})
    account = place(running={"g5.xlarge": 14}, quotas={STANDARD: 1000, GPU: 64})
    question = asked(account, "c7g.4xlarge", node=cheap)
    found = planned(question).offers
    assert found.best is not None
    assert found.best.offer.name == "c7g.4xlarge"
    (refused,) = [one for one in found.refused if one.about == "g5g.4xlarge"]
    assert refused.reason.values["code"] == GPU
    assert refused.reason.values["used"] == "56"
    roomy = asked(account.model_copy(update={"quotas": {STANDARD: 16, GPU: 4000}}), "c7g.4xlarge", node=cheap)
    best = planned(roomy).offers.best
    assert best is not None
    assert best.quota is not None
    assert (best.offer.name, best.quota.code) == ("g5g.4xlarge", GPU)
    assert f"--quota-code {GPU}" in EC2.command(best.quota.code, PLACE, 1)


def test_the_limit_in_the_list_is_the_quota_with_what_runs_beside() -> None:
    found = planned(asked(place(running={"m7g.large": 350})))
    (row,) = [one for one in found.constraints if one.name == "quota"]
    assert (row.asked.mid, row.carried.mid) == (700 + 240, 1000)
    assert row.slack == pytest.approx(0.06)
    short = planned(asked(place(running={"m7g.large": 450})))
    (row,) = [one for one in short.constraints if one.name == "quota"]
    assert row.slack < 0


def test_a_pair_keeps_to_what_is_left() -> None:
    names = ("c7g.8xlarge", "c7gn.4xlarge", "c6in.4xlarge", "m7g.4xlarge", "c7g.2xlarge")
    for left in (0, 48, 240, 400, 2000):
        account = place(running={"m7g.large": (5000 - left) // 2}, quotas={STANDARD: 5000})
        mix = chosen(account, *names).mix
        if mix is not None:
            sizes = {name: offer.vcpus.value for name, offer in OFFERS.items() if offer.vcpus is not None}
            assert sum(part.nodes * sizes[part.offer] for part in mix.parts) <= left


@pytest.mark.parametrize(
    ("running", "spot", "why"),
    [
        ({}, 6, "mix_spot_setting"),
        ({"m7g.large": 8}, 3, "mix_spot_account"),
        ({"m7g.large": 40}, 0, "mix_spot_account"),
        ({"g5.xlarge": 40}, 6, "mix_spot_setting"),
    ],
)
def test_spot_instances_are_no_more_than_what_is_left_of_their_quota(
    running: dict[str, int], spot: int, why: str
) -> None:
    """96 vCPUs are two rows of three nodes; only standard families count against it."""
    account = place(spot=running, quotas={STANDARD: 5000, STANDARD_SPOT: 96})
    mix = chosen(account, spare_nodes=9, buying={"spot": "30%", "spot_lost": "50%"}).mix
    assert mix is not None
    assert sum(part.nodes for part in mix.parts if part.purchase == "spot") == spot
    assert mix.reasons[-1].key == why
    assert mix.quota is not None
    assert (mix.quota.code, mix.quota.known, mix.quota.source) == (STANDARD_SPOT, 96, "account")


# What is the plan's own already


def test_nodes_that_serve_today_count_once() -> None:
    """10 of the 15 run already: 1,000 − (760 − 160) leaves 400, and the quota that is needed is 600 + 240."""
    account = place(running={"c7g.4xlarge": 10, "m7g.large": 300}, **serving(10))
    best = chosen(account).best
    assert best is not None
    assert best.quota is not None
    assert (best.serving, best.quota.used, best.quota.vcpus, best.quota.total) == (10, 600, 240, 840)
    short = chosen(account.model_copy(update={"quotas": {STANDARD: 800}})).beyond
    assert short is not None
    assert short.quota is not None
    assert "--desired-value 840" in short.quota.command
    alone = chosen(place(running={"c7g.4xlarge": 10, "m7g.large": 300})).best
    assert alone is not None
    assert alone.quota is not None
    assert (alone.serving, alone.quota.used) == (0, 760), "nodes of no managed group serve somebody else"
    small = asked(place(quotas={STANDARD: 1000}, running={"c7g.4xlarge": 30}, **serving(30))).allowance(C7G, 15)
    assert small.used == 15 * 16, "no more than the plan has nodes are its own"


def test_spot_nodes_that_serve_are_of_the_spot_quota() -> None:
    account = place(running={}, spot={"c7g.4xlarge": 4}, quotas={STANDARD_SPOT: 96}, **serving(4, buying="SPOT"))
    assert asked(account).allowance(C7G, 15, spot=True).used == 0
    assert asked(account).serving(C7G) == 0
    block = place(running={"c7g.4xlarge": 4}, **serving(4, buying="CAPACITY_BLOCK"))
    assert asked(block).serving(C7G) == 0


@pytest.mark.parametrize(
    ("free", "fields", "held"),
    [
        ((9, 0, 0), {}, 5),
        ((2, 2, 2), {}, 6),
        ((9, 9, 9), {}, 15),
        ((9, 9, 9, 9), {}, 15),
        ((9,), {"is_open": False}, 0),
        ((9,), {"ends": ENDS}, 5),
        ((9,), {"ends": ENDS - timedelta(seconds=1)}, 0),
        ((), {}, 0),
    ],
)
def test_a_reservation_holds_no_more_than_the_nodes_of_its_zone(
    free: tuple[int, ...], fields: dict[str, Any], held: int
) -> None:
    account = place(reservations=reserved(*free, **fields))
    assert paid(account, "c7g.4xlarge", 15, 3, ENDS) == held
    assert paid(account, "m7g.large", 15, 3, ENDS) == 0
    if "ends" in fields:
        assert paid(account, "c7g.4xlarge", 15, 3, None) == 0, "nobody knows when the event ends"


def test_what_is_reserved_costs_nothing_on_top_and_is_not_asked_for_again() -> None:
    without, held = chosen(place()), chosen(place(reservations=reserved(2, 2, 2)))
    assert without.best is not None
    assert held.best is not None
    assert held.best.price is not None
    price = held.best.price.value
    assert held.best.paid == 6
    assert without.best.usd_per_hour == pytest.approx(15 * price)
    assert held.best.usd_per_hour == pytest.approx(9 * price)
    assert held.best.quota is not None
    assert (held.best.quota.used, held.best.quota.total) == (0, 240)
    assert held.mix is not None
    assert [(part.purchase, part.nodes) for part in held.mix.parts] == [("reservation", 6), ("on_demand", 9)]
    assert held.mix.usd_per_hour == pytest.approx(9 * price)
    assert [one.key for one in held.mix.reasons][:1] == ["mix_reserved"]


def test_a_type_that_is_reserved_may_be_cheaper_than_a_cheaper_one() -> None:
    names = ("c6g.4xlarge",)
    plain, held = chosen(place(), *names).best, chosen(place(reservations=reserved(9, 9, 9)), *names)
    assert plain is not None
    assert held.best is not None
    assert plain.offer.name == "c6g.4xlarge"
    assert held.best.offer.name == "c7g.4xlarge"
    assert held.best.usd_per_hour == 0
    assert all_finite(held.model_dump())
    assert held.mix is not None
    assert (held.mix.usd_per_hour, held.mix.saves) == (0, 0)
    (other,) = held.alternatives
    assert other.dearer is not None
    assert other.dearer > 0


def test_reserved_nodes_and_spot_instances_stand_together() -> None:
    account = place(reservations=reserved(1, 1, 1), quotas={STANDARD: 5000, STANDARD_SPOT: 500})
    mix = chosen(account, spare_nodes=9, buying={"spot": "30%", "spot_lost": "50%"}).mix
    assert mix is not None
    assert [part.purchase for part in mix.parts] == ["reservation", "on_demand", "spot"]
    assert mix.nodes == sum(part.nodes for part in mix.parts)


@pytest.mark.parametrize("free", [(), (6,), (1, 1, 1), (3, 0, 4, 2), (9, 9, 9)])
def test_what_each_zone_holds_tells_what_is_paid_for(free: tuple[int, ...]) -> None:
    for zones in (1, 2, 3):
        question = asked(place(reservations=reserved(*free)), zones=zones)
        held = question.held(C7G)
        assert len(held) == zones
        for rows in range(12):
            assert sum(min(rows, count) for count in held) == question.paid(C7G, rows * zones)


def test_reserved_nodes_are_bought_with_cheaper_ones_beside_them() -> None:
    """15 × c7g take 9 that are reserved and 6 on demand; as many of a cheaper shape beside the 9 cost less."""
    cheap = costing(0.3, "c6gn.4xlarge")
    account = place(reservations=reserved(3, 3, 3))
    choice = planned(asked(account, node=costing(0.5, "c7g.4xlarge"), offers=(cheap,))).offers
    assert choice.best is not None
    assert (choice.best.offer.name, choice.best.usd_per_hour) == ("c7g.4xlarge", 3.0)
    assert choice.mix is not None
    assert [(part.offer, part.purchase, part.nodes) for part in choice.mix.parts] == [
        ("c7g.4xlarge", "reservation", 9),
        ("c6gn.4xlarge", "on_demand", 6),
    ]
    assert choice.mix.usd_per_hour == pytest.approx(6 * 0.3)
    assert choice.mix.saves == pytest.approx(1 - 1.8 / 3.0)
    assert [one.key for one in choice.mix.reasons][:2] == ["mix_reserved", "mix_two_shapes"]
    assert choice.mix.reasons[0].values["usd"] == "US$4.50"


# The report


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        ("en", ("15 nodes, and count once", "6 of them are reserved already", "6 × c7g.4xlarge stand in free")),
        ("zh", ("这 15 个节点的一部分", "其中 6 个已预留", "6 个 c7g.4xlarge 落在账户空闲的预留之中")),
    ],
)
def test_the_report_says_what_is_the_plans_own(lang: str, sentences: tuple[str, ...]) -> None:
    account = place(running={"c7g.4xlarge": 3}, reservations=reserved(2, 2, 2), **serving(3))
    found = planned(asked(account, "c6g.4xlarge", buying={"architectures": ["arm64"]}))
    lines = " ".join(buying_lines(lang, found)) + " ".join(row["why"] for row in offer_rows(lang, found))
    for sentence in sentences:
        assert sentence in lines
    best = found.offers.best
    assert best is not None
    assert (best.offer.name, best.paid, best.serving) == ("c7g.4xlarge", 6, 3)


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_says_which_quota_was_used(lang: str) -> None:
    running = {"m7g.large": 100}
    sources = {
        "launch": chosen(place(running=running), quota_vcpus={"id": 5000}),
        "account": chosen(place(running=running)),
    }
    words = {
        "en": {"launch": "as launch.quota_vcpus says", "account": "from Service Quotas"},
        "zh": {"launch": "以 launch.quota_vcpus 为准", "account": "来自 Service Quotas"},
    }
    for source, choice in sources.items():
        assert choice.best is not None
        assert choice.best.quota is not None
        assert choice.best.quota.source == source
        text = quota_text(lang, choice.best.quota)
        assert words[lang][source] in text
        assert ("200" in text) is (source == "account")


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "would need 48 vCPUs beside 0"), ("zh", "若要更多竞价实例，需要 48")]
)
def test_the_report_says_would_need_of_spot_instances_that_the_quota_holds_back(lang: str, words: str) -> None:
    """A row of three c7g.4xlarge is 48 vCPUs: with 5 none is bought, and what is not bought needs nothing."""
    wish: dict[str, Any] = {"spare_nodes": 9, "buying": {"spot": "20%", "spot_lost": "50%"}}
    mix = chosen(place(quotas={STANDARD: 5000, STANDARD_SPOT: 5}), **wish).mix
    assert mix is not None
    assert mix.quota is not None
    assert words in spot_text(lang, mix)
    roomy = chosen(place(quotas={STANDARD: 5000, STANDARD_SPOT: 5000}), **wish).mix
    assert roomy is not None
    assert words not in spot_text(lang, roomy)
    assert "5,000" in spot_text(lang, roomy)
