"""Write HLS playlists (RFC 8216) for an instant; pure text."""

from __future__ import annotations

from collections.abc import Callable

from loadtests.staging.clock import SEGMENT_SECONDS, listed, program_date_time
from loadtests.staging.media import Rendition, Stream


def master(stream: Stream, query: str = "") -> str:
    """Write the master playlist, the lowest rendition first; players start there. ``query`` follows every address."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{stream.version}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rendition in stream.renditions:
        lines += [_variant(rendition), f"{rendition.facts.name}/index.m3u8{query}"]
    return "\n".join(lines) + "\n"


def media(stream: Stream, now: float, query: str = "", key_of: Callable[[int], int] | None = None) -> str:
    """Write the media playlist of any rendition of ``stream`` at ``now`` (Unix seconds); they differ in place only.

    ``query`` follows every address; ``key_of`` says which key a segment is encrypted with, None: with none.
    """
    window = listed(now)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{stream.version}",
        f"#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}",
        f"#EXT-X-MEDIA-SEQUENCE:{window.start}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if stream.renditions[0].init is not None:
        lines.append(f'#EXT-X-MAP:URI="init.mp4{query}"')
    known = None
    for number in window:
        if key_of is not None and (key := key_of(number)) != known:
            lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="../keys/{key}.key{query}"')
            known = key
        lines += _segment(number, f"{stream.suffix}{query}")
    return "\n".join(lines) + "\n"


def _variant(rendition: Rendition) -> str:
    facts = rendition.facts
    return (
        f"#EXT-X-STREAM-INF:BANDWIDTH={rendition.peak_bitrate},AVERAGE-BANDWIDTH={rendition.average_bitrate},"
        f'CODECS="{facts.codecs}",RESOLUTION={facts.width}x{facts.height},FRAME-RATE={facts.frame_rate:.3f}'
    )


def _segment(number: int, suffix: str) -> list[str]:
    return [
        f"#EXT-X-PROGRAM-DATE-TIME:{program_date_time(number)}",
        f"#EXTINF:{SEGMENT_SECONDS:.3f},",
        f"{number}.{suffix}",
    ]
