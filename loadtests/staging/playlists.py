"""Write HLS playlists (RFC 8216) for an instant; pure text."""

from __future__ import annotations

from loadtests.staging.clock import SEGMENT_SECONDS, listed, program_date_time
from loadtests.staging.media import Rendition, Stream


def master(stream: Stream) -> str:
    """Write the master playlist, the lowest rendition first; players start there."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{stream.version}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rendition in stream.renditions:
        lines += [_variant(rendition), f"{rendition.facts.name}/index.m3u8"]
    return "\n".join(lines) + "\n"


def media(stream: Stream, now: float) -> str:
    """Write the media playlist of any rendition of ``stream`` at ``now`` (Unix seconds); they differ in place only."""
    window = listed(now)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{stream.version}",
        f"#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}",
        f"#EXT-X-MEDIA-SEQUENCE:{window.start}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if stream.renditions[0].init is not None:
        lines.append('#EXT-X-MAP:URI="init.mp4"')
    for number in window:
        lines += _segment(number, stream.suffix)
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
