"""The sink is a live stream: its playlist moves, its segments change their weight; its certificate is believed."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from loadtests.playlist import Master, Media, parse
from loadtests.rating.certificate import G, N, P, der, integer, times, write_chain
from loadtests.rating.sink import Diet, Stream

DIET = Diet(pace=1.0, light=1000, heavy=50_000, budget=100_000)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.5

    def __call__(self) -> float:
        return self.now


def body(answer: bytes) -> bytes:
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(rest)}".encode() in head
    return rest


def test_the_playlist_is_a_live_one_that_moves_with_the_clock() -> None:
    clock = Clock()
    stream = Stream(DIET, clock)
    master = parse(body(stream.answer(b"/master.m3u8", 1)), "http://x/master.m3u8")
    assert isinstance(master, Master)
    url = master.choose("highest").url
    first = parse(body(stream.answer(b"/live.m3u8", 1)), url)
    clock.now += 1
    second = parse(body(stream.answer(b"/live.m3u8", 1)), url)
    assert isinstance(first, Media)
    assert isinstance(second, Media)
    assert second.end_sequence == first.end_sequence + 1
    assert not first.ended
    assert 700 < len(body(stream.answer(b"/live.m3u8", 1))) < 1500


def test_every_listed_segment_is_served_and_no_other() -> None:
    stream = Stream(DIET, Clock())
    media = parse(body(stream.answer(b"/live.m3u8", 1)), "http://x/live.m3u8")
    assert isinstance(media, Media)
    for segment in media.segments:
        path = segment.url.removeprefix("http://x").partition("?")[0].encode()
        assert stream.answer(path, 1).startswith(b"HTTP/1.1 200")
    assert stream.answer(b"/000000999999.ts", 1).startswith(b"HTTP/1.1 404")
    assert stream.answer(b"/x", 1).startswith(b"HTTP/1.1 404")


def test_heavy_segments_share_a_budget_and_light_ones_do_not() -> None:
    sizes = [DIET.size(number, 4) for number in range(8)]
    assert sizes == [1000, 1000, 25_000, 1000, 1000, 25_000, 1000, 1000]
    assert DIET.size(2, 1) == 50_000
    assert DIET.size(2, 10_000) == 1000


# The certificate


def test_the_curve_is_the_curve() -> None:
    assert (
        G[1] ** 2 - G[0] ** 3 + 3 * G[0] - 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    ) % P == 0
    assert times(N) is None
    assert times(N - 1) == (G[0], P - G[1])


def test_der_lengths_and_integers_are_canonical() -> None:
    assert der(0x04, bytes(127))[:2] == b"\x04\x7f"
    assert der(0x04, bytes(300))[:4] == b"\x04\x82\x01\x2c"
    assert integer(0) == b"\x02\x01\x00"
    assert integer(128) == b"\x02\x02\x00\x80"


@pytest.mark.parametrize(("host", "believed"), [("sink.test", True), ("other.test", False)])
def test_a_strict_client_believes_the_certificate_for_its_host_only(host: str, believed: bool, tmp_path: Path) -> None:
    authority = write_chain(tmp_path, "sink.test")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "chain.pem")
    client = ssl.create_default_context(cafile=str(authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(back, there, server_hostname=host), server.wrap_bio(there, back, server_side=True)

    def shake() -> None:
        for _ in range(4):
            for end in ends:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue

    if believed:
        shake()
        assert ends[0].version() == "TLSv1.3"
    else:
        with pytest.raises(ssl.SSLCertVerificationError):
            shake()
