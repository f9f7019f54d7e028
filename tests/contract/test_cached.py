"""Headers as vendors send them, and as nobody should: what is read of them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.cached import LIFETIMES, LONGEST, NOTHING, OLDEST, Cached, CacheState, cached, seconds_of, vendors
from loadtests.engine.head import head_of, read_head
from loadtests.recorder import CohortTally
from loadtests.results import LINE, text_of

CLOUDFRONT = "X-Amz-Cf-Id: LkTZQMFfMypK\nVia: 1.1 e93599.cloudfront.net (CloudFront)"
ALIBABA = "EagleId: 3df09a1b15638622147584175e\nX-Swift-CacheTime: 1765"
L2_MISS, L2_HIT = "Via: cache36.l2cn1818[23,200-0,M], cache14.l2cn1818[39,0]", "Via: cache45.l2cn1832[38,304-0,H]"

SAID = [
    (f"X-Cache: Hit from cloudfront\n{CLOUDFRONT}", "hit", "cloudfront"),
    (f"X-Cache: Miss from cloudfront\n{CLOUDFRONT}", "miss", "cloudfront"),
    (f"X-Cache: RefreshHit from cloudfront\n{CLOUDFRONT}", "revalidated", "cloudfront"),
    (f"X-Cache: Error from cloudfront\n{CLOUDFRONT}", "", "cloudfront"),
    ("X-Cache: Miss from cloudfront", "miss", "cloudfront"),
    ("CF-Cache-Status: HIT\nCF-Ray: 7d0-CGK", "hit", "cloudflare"),
    ("CF-Cache-Status: EXPIRED", "miss", "cloudflare"),
    ("CF-Cache-Status: UPDATING", "stale", "cloudflare"),
    ("CF-Cache-Status: REVALIDATED", "revalidated", "cloudflare"),
    ("CF-Cache-Status: DYNAMIC", "bypass", "cloudflare"),
    ("X-Served-By: cache-jfk1041-JFK, cache-ord1720-ORD\nX-Cache: HIT, HIT\nX-Cache-Hits: 1, 7", "hit", "fastly"),
    ("X-Served-By: cache-jfk1041-JFK, cache-ord1720-ORD\nX-Cache: HIT, MISS", "shield_hit", "fastly"),
    ("X-Served-By: cache-jfk1041-JFK, cache-ord1720-ORD\nX-Cache: MISS, MISS", "miss", "fastly"),
    ("X-Timer: S1455361631.1,VS0,VE0\nX-Varnish: 1 2\nX-Cache: MISS, HIT", "hit", "fastly"),
    ("X-Cache: TCP_MEM_HIT from a118-214-191-15 (AkamaiGHost/6.7.0.2-9183648)", "hit", "akamai"),
    ("X-Cache: TCP_REFRESH_HIT from a1-2.deploy.akamaitechnologies.com", "revalidated", "akamai"),
    ("X-Cache: TCP_REFRESH_FAIL_HIT from a1-2.deploy.akamaitechnologies.com", "stale", "akamai"),
    ("X-Cache: TCP_REFRESH_MISS from a1-2.deploy.akamaitechnologies.com", "miss", "akamai"),
    ("X-Check-Cacheable: YES\nX-Cache: TCP_MISS from a1-2\nX-Cache-Remote: TCP_HIT from a3-4", "shield_hit", "akamai"),
    ("X-Cache: Miss from child, Hit from parent", "shield_hit", "akamai"),
    ("X-Cache: Hit from child", "hit", "akamai"),
    ("X-Cache: NotCacheable from child", "bypass", "akamai"),
    ("X-NWS-LOG-UUID: 13733582990050331190\nX-Cache-Lookup: Cache Hit", "hit", "tencent"),
    ("X-NWS-LOG-UUID: 1\nX-Cache-Lookup: Hit From MemCache", "hit", "tencent"),
    ("X-NWS-LOG-UUID: 1\nX-Cache-Lookup: Cache Miss\nX-Cache-Lookup: Hit From Inner Cluster", "miss", "tencent"),
    (f"X-Cache: HIT TCP_MEM_HIT dirn:-2:-2\n{ALIBABA}\n{L2_MISS}", "hit", "alibaba"),
    (f"X-Cache: HIT TCP_REFRESH_HIT dirn:11:927701954\n{ALIBABA}", "revalidated", "alibaba"),
    (f"X-Cache: MISS TCP_MISS dirn:-2:-2\n{ALIBABA}\n{L2_MISS}", "miss", "alibaba"),
    (f"X-Cache: MISS TCP_MISS dirn:-2:-2\n{ALIBABA}\n{L2_HIT}", "shield_hit", "alibaba"),
    ("x-hcs-proxy-type: 1", "hit", "huawei"),
    ("x-hcs-proxy-type: 0\nX-Cache-Lookup: Hit From Upstream", "miss", "huawei"),
    ("X-Cache-Lookup: Hit From Disktank", "hit", "other"),
    ("X-Azure-Ref: 0abc\nX-Cache: TCP_REMOTE_HIT", "shield_hit", "azure"),
    ("X-Azure-Ref: 0abc\nX-Cache: PRIVATE_NOSTORE", "bypass", "azure"),
    ("X-Cache-Status: UPDATING", "stale", "nginx"),
    ("X-Cache-Status: EXPIRED", "miss", "nginx"),
    ("X-Cache-Status: BYPASS", "bypass", "nginx"),
    ("X-Proxy-Cache: HIT", "hit", "nginx"),
    ("X-Varnish: 1468106086 1468106084\nVia: 1.1 varnish", "hit", "varnish"),
    ("X-Varnish: 1468106086\nAge: 0", "miss", "varnish"),
    ("X-Cache: HIT from proxy.example:3128", "hit", "other"),
    ("Cache-Status: OriginCache; hit; ttl=1100, CDN; fwd=uri-miss", "shield_hit", "cache_status"),
    ("Cache-Status: OriginCache; fwd=uri-miss; stored, CDN; hit; ttl=545", "hit", "cache_status"),
    ("Cache-Status: CDN; hit; ttl=-30", "stale", "cache_status"),
    ("Cache-Status: CDN; fwd=stale; fwd-status=304", "revalidated", "cache_status"),
    ("Cache-Status: CDN; fwd=miss; collapsed", "hit", "cache_status"),
    ("Cache-Status: CDN; fwd=miss; collapsed=?0", "miss", "cache_status"),
    ("Cache-Status: CDN; fwd=bypass", "bypass", "cache_status"),
    ('Cache-Status: "hit; hit, hit"; fwd=uri-miss', "miss", "cache_status"),
    ("Cache-Status: CDN; hit\nX-Cache: MISS", "hit", "cache_status"),
    ("Content-Type: video/mp2t", "", ""),
    ("X-Cache: perhaps", "", ""),
    ("X-Cache: HITCHHIKER'S", "hit", "other"),
]


def of(lines: str) -> Cached:
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"{line}\r\n" for line in lines.split("\n")) + "Content-Length: 0\r\n\r\n"
    return read_head(head.encode()).cached


@pytest.mark.parametrize(("lines", "state", "vendor"), SAID)
def test_headers_as_vendors_send_them_are_read(lines: str, state: str, vendor: str) -> None:
    said = of(lines)
    assert (said.state, said.vendor) == (state, vendor)


@pytest.mark.parametrize(("lines", "state", "vendor"), SAID)
def test_http2_says_the_same(lines: str, state: str, vendor: str) -> None:
    pairs = [line.partition(": ") for line in lines.split("\n")]
    said = head_of(200, [(name.lower().encode(), value.encode()) for name, _, value in pairs]).cached
    assert (said.state, said.vendor) == (state, vendor)


def test_every_vendor_is_spoken_for_and_every_state_is_seen() -> None:
    assert {vendor for _, _, vendor in SAID if vendor} == set(vendors())
    assert {state for _, state, _ in SAID if state} == set(get_args(CacheState))


def test_every_vendor_has_its_source() -> None:
    for code, vendor in vendors().items():
        assert len(vendor.source) > 20, code
        assert vendor.as_of[:2] == "20", code


@pytest.mark.parametrize(
    ("control", "lifetime", "seconds"),
    [
        ("public, max-age=6", "max-age=6", 6),
        ("max-age=6, s-maxage=2", "s-maxage=2", 2),
        ("s-maxage=0", "s-maxage=0", 0),
        ("no-cache, max-age=6", "no-cache", 0),
        ("private, max-age=6", "no-store", 0),
        ("MAX-AGE=5", "max-age=5", 5),
        ("x-max-age=5", "", None),
        ("max-age=99999999999", f"max-age={OLDEST}", OLDEST),
        ("max-age=9999999999", f"max-age={OLDEST}", OLDEST),
        ("max-age=-1", "", None),
        ("public", "", None),
    ],
)
def test_lifetimes_are_those_of_a_shared_cache(control: str, lifetime: str, seconds: float | None) -> None:
    said = of(f"Cache-Control: {control}")
    assert said.lifetime == lifetime
    assert seconds_of(said.lifetime) == seconds


@pytest.mark.parametrize(("age", "read"), [("0", 0), ("1350", 1350), ("9" * 10, OLDEST), ("9" * 11, -1), ("-3", -1)])
def test_ages_are_whole_seconds(age: str, read: int) -> None:
    assert of(f"Age: {age}").age == read


def test_what_says_nothing_costs_nothing() -> None:
    assert of("Content-Type: video/mp2t") is NOTHING


def test_only_the_start_of_a_long_value_is_read() -> None:
    assert of(f"X-Cache: {'x' * LONGEST} hit").state == ""
    assert of(f"X-Cache: hit {'x' * 5000}").state == "hit"


NAMES = sorted({mark for vendor in vendors().values() for mark in vendor.known_by} | {"via", "age", "cache-control"})
WORDS = st.sampled_from([b"hit", b"miss", b"tcp_", b"from a1", b" child", b'"', b"\\", b",", b";", b"=", b"1", b"\xff"])


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(WORDS | st.binary(max_size=8), max_size=60).map(b"".join)))
def test_hostile_headers_give_known_words_only(fields: dict[str, bytes]) -> None:
    said = cached({name.encode(): value for name, value in fields.items()})
    assert said.state in ("", *get_args(CacheState))
    assert said.vendor in ("", *vendors())
    assert len(said.lifetime) < 32
    assert -1 <= said.age <= OLDEST


def test_a_server_that_says_another_lifetime_each_time_fills_no_memory() -> None:
    tally = CohortTally("id", "mobile")
    for seconds in range(1000):
        tally.cached("playlist", Cached(lifetime=f"max-age={seconds}", state="hit", vendor="nginx", age=seconds))
    window = tally.close_second(0)
    assert window is not None
    requests = window.requests["playlist"]
    assert len(requests.lifetimes) == LIFETIMES + 1
    assert sum(requests.lifetimes.values()) == requests.cache_age.count == requests.cache_states["hit"] == 1000
    assert requests.lifetimes["other"] == 1000 - LIFETIMES
    assert LINE.validate_json(text_of(window)) == window


def test_the_page_names_every_vendor() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cdn.md").read_text(encoding="utf-8")
    for code in vendors():
        assert f"\n| `{code}` | " in page
