"""Playlists as they are met in the world, and as they are not: what is read, what is refused and why."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests import playlist
from loadtests.playlist import Master, Media, PlaylistError, parse

URL = "https://cdn.test/live/show/index.m3u8?token=a/b"

MASTER = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
## made by an encoder that likes comments

#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="English, stereo",DEFAULT=YES,URI="audio/en.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2800000,AVERAGE-BANDWIDTH=2500000,RESOLUTION=1280x720,CODECS="avc1.64001f,mp4a.40.2",AUDIO="aac"
v2/index.m3u8?x=1
#EXT-X-STREAM-INF:BANDWIDTH=96000,CODECS="mp4a.40.5"
/audio-only.m3u8

#EXT-X-STREAM-INF: BANDWIDTH=900000, CODECS="avc1.4d401e,mp4a.40.2", NAME="a=b,c"
https://other.test/v1.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,URI="iframes.m3u8"
"""

MEDIA = """\N{ZERO WIDTH NO-BREAK SPACE}#EXTM3U\r
#EXT-X-VERSION:7\r
#EXT-X-TARGETDURATION:6\r
#EXT-X-MEDIA-SEQUENCE:2680\r
#EXT-X-DISCONTINUITY-SEQUENCE:4\r
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=18.0,PART-HOLD-BACK=1.0\r
#EXT-X-MAP:URI="init-a.mp4"\r
#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/1,2",IV=0x0\r
#EXT-X-PROGRAM-DATE-TIME:2024-05-01T12:00:00.250+02:00\r
#EXTINF:5.96,A title, with a comma\r
seg 2680.m4s\r
#EXTINF:6,\r
//edge.test/2681.m4s\r
#EXT-X-DISCONTINUITY\r
#EXT-X-MAP:URI="../ads/init-b.mp4"\r
#EXT-X-CUE-OUT:30\r
#EXTINF:4.04\r
../ads/1.m4s#t=0\r
"""


def media(*lines: str) -> Media:
    parsed = parse("\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:2", *lines]), URL)
    assert isinstance(parsed, Media)
    return parsed


def test_a_master_playlist_is_a_ladder_sorted_by_bandwidth() -> None:
    master = parse(MASTER, URL)
    assert isinstance(master, Master)
    assert [(variant.bandwidth, variant.bitrate) for variant in master.variants] == [
        (96_000, 96_000.0),
        (900_000, 900_000.0),
        (2_800_000, 2_500_000.0),
    ]
    assert [variant.url for variant in master.variants] == [
        "https://cdn.test/audio-only.m3u8",
        "https://other.test/v1.m3u8",
        "https://cdn.test/live/show/v2/index.m3u8?x=1",
    ]
    assert master.variants[2].resolution == (1280, 720)
    assert master.variants[2].codecs == "avc1.64001f,mp4a.40.2"
    assert master.separate_audio


def test_audio_only_variants_are_chosen_only_where_there_is_nothing_else() -> None:
    master = parse(MASTER, URL)
    assert isinstance(master, Master)
    assert [master.choose(step).bandwidth for step in ("lowest", "middle", "highest")] == [
        900_000,
        2_800_000,
        2_800_000,
    ]
    radio = Master(master.variants[:1], separate_audio=False)
    assert radio.choose("highest").bandwidth == 96_000


def test_a_media_playlist_with_everything() -> None:
    parsed = parse(MEDIA.encode(), URL)
    assert isinstance(parsed, Media)
    base, noon = "https://cdn.test/live/", 1714557600.25
    init = f"{base}show/init-a.mp4"
    assert [(segment.sequence, segment.url, segment.init_url) for segment in parsed.segments] == [
        (2680, f"{base}show/seg%202680.m4s", init),
        (2681, "https://edge.test/2681.m4s", init),
        (2682, f"{base}ads/1.m4s", f"{base}ads/init-b.mp4"),
    ]
    assert [segment.duration for segment in parsed.segments] == [5.96, 6.0, 4.04]
    assert [segment.offset for segment in parsed.segments] == pytest.approx([0.0, 5.96, 11.96])
    assert [segment.program_time for segment in parsed.segments] == pytest.approx([noon, noon + 5.96, noon + 11.96])
    assert [segment.discontinuity for segment in parsed.segments] == [False, False, True]
    assert [segment.discontinuity_sequence for segment in parsed.segments] == [4, 4, 5]
    assert (parsed.target_duration, parsed.media_sequence, parsed.end_sequence) == (6.0, 2680, 2683)
    assert (parsed.ended, parsed.encrypted, parsed.hold_back) == (False, True, 18.0)
    assert parsed.duration == pytest.approx(16.0)


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("", 1, "not a playlist"),
        ("<!DOCTYPE html>", 1, "begins with '<!DOCTYPE html>'"),
        ("#EXTM3U\n", 0, "neither EXT-X-STREAM-INF nor EXT-X-TARGETDURATION"),
        ("#EXTM3U\n#EXTINF:2,\na.ts", 0, "neither"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:two", 2, "EXT-X-TARGETDURATION is not between 0 and 3600 seconds: 'two'"),
        ("#EXTM3U\n#EXTINF:nan,\na.ts", 2, "EXTINF is not between"),
        ("#EXTM3U\n#EXTINF:1e999,\na.ts", 2, "EXTINF is not between"),
        ("#EXTM3U\n#EXTINF:-1,\na.ts", 2, "EXTINF is not between"),
        ("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:-1", 2, "not a whole number"),
        (f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{'9' * 21}", 2, "not a whole number"),
        ("#EXTM3U\n#EXTINF:2,\na.ts\n#EXT-X-MEDIA-SEQUENCE:3", 4, "after the first segment"),
        ("#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd", 3, "not an http(s) address: 'file:///etc/passwd'"),
        ("#EXTM3U\n#EXTINF:2,\ndata:video/mp4;base64,AAAA", 3, "not an http(s) address"),
        ("#EXTM3U\n#EXTINF:2,\nhttp://[::1", 3, "Invalid IPv6 URL"),
        ('#EXTM3U\n#EXT-X-MAP:URI="ftp://x/i.mp4"', 2, "not an http(s) address"),
        ("#EXTM3U\n#EXT-X-MAP:FOO=1", 2, "EXT-X-MAP without URI"),
        ('#EXTM3U\n#EXT-X-MAP:URI="i.mp4",BYTERANGE="700@0"', 2, "byte ranges are not supported"),
        ("#EXTM3U\n#EXT-X-BYTERANGE:700@0", 2, "byte ranges are not supported"),
        ("#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3", 2, "delta updates"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=1x1\na.m3u8", 3, "BANDWIDTH is not a whole number"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1\na.m3u8", 3, "RESOLUTION is not a whole number"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:===", 2, "malformed attribute list"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8", 0, "both a master and a media"),
        (f"#EXTM3U\n#{'x' * 20_000}", 2, "longer than 16384"),
        ("#EXTM3U" + "\n" * playlist.MAX_LINES, 0, "more than 100000 lines"),
        ("#EXTM3U" + "\n#EXTINF:1,\na.ts" * (playlist.MAX_SEGMENTS + 1), 43203, "more than 21600 segments"),
        ("#EXTM3U" + "\n#EXT-X-STREAM-INF:BANDWIDTH=1\na" * (playlist.MAX_VARIANTS + 1), 515, "more than 256 variants"),
    ],
)
def test_what_is_refused_says_where_and_why(text: str, line: int, cause: str) -> None:
    with pytest.raises(PlaylistError) as caught:
        parse(text, URL)
    assert caught.value.line == line
    assert cause in caught.value.cause
    assert str(caught.value).startswith(f"line {line}: " if line else caught.value.cause)


@pytest.mark.parametrize(
    ("lines", "segments", "sentence"),
    [
        ([], 0, "a stream that has not begun"),
        (["#EXT-X-WHAT-IS-THIS:1", "#EXTINF:2,", "a.ts"], 1, "unknown tags are ignored"),
        (["stray.ts", "#EXTINF:2,", "a.ts"], 1, "an address without EXTINF is none of ours"),
        (["#EXTINF:2,", "#EXT-X-DISCONTINUITY", "", "# comment", "a.ts"], 1, "tags may stand in any order"),
        (["#EXT-X-PROGRAM-DATE-TIME:yesterday", "#EXTINF:2,", "a.ts"], 1, "an unreadable date is no date"),
        (["#EXTINF:0,", "a.ts"], 1, "nothing forbids an empty segment"),
    ],
)
def test_what_is_let_pass(lines: list[str], segments: int, sentence: str) -> None:
    assert len(media(*lines).segments) == segments, sentence


def test_a_date_without_zone_is_utc_and_holds_from_there_on() -> None:
    parsed = media(
        "#EXTINF:2,", "a", "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10", "#EXTINF:2,", "b", "#EXTINF:2,", "c"
    )
    assert [segment.program_time for segment in parsed.segments] == [None, 10.0, 12.0]


def test_a_target_duration_of_zero_counts_as_one_second() -> None:
    parsed = parse("#EXTM3U\n#EXT-X-TARGETDURATION:0", URL)
    assert isinstance(parsed, Media)
    assert parsed.target_duration == 1.0


def test_the_same_bytes_are_read_once() -> None:
    assert parse(MEDIA.encode(), URL) is parse(MEDIA.encode(), URL)
    assert parse(MEDIA.encode(), URL) is not parse(MEDIA.encode(), "https://cdn.test/elsewhere/index.m3u8")


TAGS = [*(f"#{name}" for name in playlist._TAGS), "#EXTM3U", "#EXT-X-UNKNOWN", ""]
VALUES = st.one_of(
    st.sampled_from(["", "0", "1", "2.5", "-1", "nan", 'URI="a"', "BANDWIDTH=1", "a.ts", "METHOD=AES-128", "9" * 30]),
    st.text(max_size=20),
)


@settings(deadline=None, max_examples=500)
@given(st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from([":", "", "\n"]), VALUES), max_size=20), st.text())
def test_no_text_breaks_it(lines: list[tuple[str, str, str]], tail: str) -> None:
    """Anything is a Master, a Media or a PlaylistError, and what is read is sound."""
    text = "#EXTM3U\n" + "\n".join("".join(line) for line in lines) + tail
    try:
        parsed = parse(text, URL)
    except PlaylistError:
        return
    if isinstance(parsed, Media):
        assert parsed.target_duration >= 1.0
        assert [segment.sequence for segment in parsed.segments] == list(
            range(parsed.media_sequence, parsed.end_sequence)
        )
    for url in [item.url for item in (parsed.segments if isinstance(parsed, Media) else parsed.variants)]:
        assert url.startswith(("http://", "https://"))
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url


@given(st.binary(max_size=200), st.text(max_size=30))
def test_no_bytes_break_it(body: bytes, url: str) -> None:
    for start in (b"", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"):
        with suppress(PlaylistError):
            assert isinstance(parse(start + body, url), Master | Media)
