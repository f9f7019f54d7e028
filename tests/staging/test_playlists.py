from __future__ import annotations

import re

import pytest

from loadtests.staging import clock, media, playlists
from loadtests.staging.media import Stream

NOW = 1_800_000_000.5
STREAMS = media.load()
ids = [stream.folder for stream in STREAMS]


def tags(text: str, name: str) -> list[str]:
    return re.findall(rf"^#{name}:(.*)$", text, flags=re.MULTILINE)


def attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line)}


@pytest.mark.parametrize("stream", STREAMS, ids=ids)
def test_a_media_playlist_obeys_rfc_8216(stream: Stream) -> None:
    text = playlists.media(stream, NOW)
    window = clock.listed(NOW)
    assert text.splitlines()[0] == "#EXTM3U"
    assert tags(text, "EXT-X-TARGETDURATION") == ["2"]
    assert tags(text, "EXT-X-MEDIA-SEQUENCE") == [str(window.start)]
    assert tags(text, "EXTINF") == ["2.000,"] * clock.WINDOW
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        f"{number}.{stream.suffix}" for number in window
    ]
    assert "EXT-X-ENDLIST" not in text


@pytest.mark.parametrize("stream", STREAMS, ids=ids)
def test_every_segment_has_the_date_at_which_it_starts(stream: Stream) -> None:
    dates = tags(playlists.media(stream, NOW), "EXT-X-PROGRAM-DATE-TIME")
    assert dates == [clock.program_date_time(number) for number in clock.listed(NOW)]


@pytest.mark.parametrize("stream", STREAMS, ids=ids)
def test_the_version_is_what_the_tags_need(stream: Stream) -> None:
    """§7: decimals in EXTINF need 3, EXT-X-MAP outside I-frame playlists needs 6."""
    text = playlists.media(stream, NOW)
    version = int(tags(text, "EXT-X-VERSION")[0])
    assert version >= (6 if tags(text, "EXT-X-MAP") else 3)
    assert bool(tags(text, "EXT-X-MAP")) == (stream.suffix == "m4s")


@pytest.mark.parametrize("stream", STREAMS, ids=ids)
def test_the_master_declares_what_the_media_measures(stream: Stream) -> None:
    """§4.3.4.2: BANDWIDTH is the peak segment bit rate, container included."""
    variants = [attributes(line) for line in tags(playlists.master(stream), "EXT-X-STREAM-INF")]
    assert len(variants) == 3
    for variant, rendition in zip(variants, stream.renditions, strict=True):
        sizes = [len(rendition.segment(number)) for number in range(media.SEGMENTS_PER_LOOP)]
        assert int(variant["BANDWIDTH"]) == max(sizes) * 4
        assert abs(int(variant["AVERAGE-BANDWIDTH"]) - sum(sizes) * 2) <= 1
        assert variant["RESOLUTION"] == f"{rendition.facts.width}x{rendition.facts.height}"
        assert variant["FRAME-RATE"] == "25.000"
        assert re.fullmatch(r"avc1\.[0-9a-f]{6},mp4a\.40\.2", variant["CODECS"])


@pytest.mark.parametrize("stream", STREAMS, ids=ids)
def test_the_ladder_climbs(stream: Stream) -> None:
    rates = [rendition.average_bitrate for rendition in stream.renditions]
    assert [rendition.facts.name for rendition in stream.renditions] == ["low", "mid", "high"]
    assert rates == sorted(rates)


def test_two_origins_write_the_same_playlists() -> None:
    for one, other in zip(STREAMS, media.load(), strict=True):
        assert playlists.master(one) == playlists.master(other)
        assert playlists.media(one, NOW) == playlists.media(other, NOW + 1.4)  # the same two seconds
