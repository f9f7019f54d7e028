from __future__ import annotations

import pytest

from loadtests.staging import clock, media
from loadtests.staging.site import Reply, Site

NOW = 1_800_000_001.0
LAST = clock.newest(NOW)
SITE = Site(media.load())


def get(path: str, now: float = NOW) -> Reply:
    return SITE.answer("GET", path, now)


def header(answer: Reply, name: bytes) -> str:
    return dict(answer.headers)[name].decode()


@pytest.mark.parametrize(
    ("path", "kind", "content_type", "cache"),
    [
        ("/live/master.m3u8", "master", "application/vnd.apple.mpegurl", "public, max-age=1"),
        ("/cmaf/high/index.m3u8", "playlist", "application/vnd.apple.mpegurl", "public, max-age=1"),
        (f"/live/mid/{LAST}.ts", "segment", "video/mp2t", "public, max-age=31536000, immutable"),
        (f"/cmaf/mid/{LAST}.m4s", "segment", "video/mp4", "public, max-age=31536000, immutable"),
        ("/cmaf/low/init.mp4", "init", "video/mp4", "public, max-age=31536000, immutable"),
    ],
)
def test_what_is_there(path: str, kind: str, content_type: str, cache: str) -> None:
    answer = get(path)
    assert (answer.status, answer.kind, SITE.kind(path)) == (200, kind, kind)
    assert header(answer, b"content-type") == content_type
    assert header(answer, b"cache-control") == cache
    assert header(answer, b"content-length") == str(len(answer.body))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "other"),
        ("/live", "other"),
        ("/live/index.m3u8", "other"),
        ("/live/tiny/index.m3u8", "other"),
        ("/live/low/../low/index.m3u8", "other"),
        ("/live/low/init.mp4", "segment"),
        (f"/live/low/{LAST + 1}.ts", "segment"),
        (f"/live/low/{LAST - clock.WINDOW - clock.GRACE}.ts", "segment"),
        (f"/live/low/{LAST}.m4s", "segment"),
        (f"/live/low/0{LAST}.ts", "segment"),
        (f"/live/low/{LAST}", "segment"),
        ("/live/low/-1.ts", "segment"),
        ("/live/low/٣.ts", "segment"),
        ("/live/low/²." + "ts", "segment"),
        (f"/live/low/{'9' * 5000}.ts", "segment"),
        ("/live/low/.ts", "segment"),
        ("/live/low/", "segment"),
    ],
)
def test_what_is_not_there_is_not_cached(path: str, kind: str) -> None:
    answer = get(path)
    assert (answer.status, answer.kind) == (404, kind)
    assert header(answer, b"cache-control") == "no-store"


def test_expired_segments_are_served_for_a_while() -> None:
    oldest = LAST - clock.WINDOW - clock.GRACE + 1
    assert get(f"/live/low/{oldest}.ts").status == 200


def test_a_playlist_lists_a_new_segment_at_the_second_it_ends() -> None:
    end = clock.starts_at(LAST + 2)
    assert f"\n{LAST + 1}.ts\n" not in get("/live/low/index.m3u8", end - 0.001).body.decode()
    assert get("/live/low/index.m3u8", end).body.decode().endswith(f"\n{LAST + 1}.ts\n")


def test_two_origins_give_the_same_bytes_at_the_same_instant() -> None:
    other = Site(media.load())
    folders = (("live", "ts"), ("cmaf", "m4s"))
    names = [(folder, name) for folder, suffix in folders for name in ("index.m3u8", f"{LAST}.{suffix}")]
    for path in [f"/{folder}/{quality}/{name}" for folder, name in names for quality in ("low", "mid", "high")]:
        assert get(path).status == 200
        assert get(path) == other.answer("GET", path, NOW + 0.5)


def test_a_hot_segment_is_made_once() -> None:
    path = f"/live/high/{LAST}.ts"
    assert get(path).body is get(path).body


def test_every_answer_may_be_read_by_any_page() -> None:
    for path in ("/live/master.m3u8", "/nothing", f"/live/low/{LAST}.ts"):
        assert header(get(path), b"access-control-allow-origin") == "*"


def test_options_tells_a_browser_what_is_allowed() -> None:
    answer = SITE.answer("OPTIONS", f"/live/low/{LAST}.ts", NOW)
    assert (answer.status, answer.kind) == (200, "segment")
    assert header(answer, b"access-control-allow-methods") == "GET, HEAD, OPTIONS"


def test_other_methods_are_refused() -> None:
    answer = SITE.answer("POST", "/live/master.m3u8", NOW)
    assert answer.status == 405
    assert header(answer, b"allow") == "GET, HEAD, OPTIONS"
