"""The servers that all tests here share: nginx with two live streams from ffmpeg, and an unlimited staged origin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loadtests.staging import Cluster
from tests.real import encoder
from tests.real.nginx import Nginx, serving
from tests.real.processes import fresh_port


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """nginx serving ``live/`` (MPEG-TS) and ``cmaf/`` (fMP4), each three renditions written by ffmpeg as we watch."""
    media = tmp_path_factory.mktemp("media")
    encoder.encode(media)
    with serving(tmp_path_factory.mktemp("nginx")) as server:
        encoders = [
            encoder.stream(media, server.www / folder, suffix=suffix)
            for folder, suffix in (("live", "ts"), ("cmaf", "m4s"))
        ]
        yield server
        for process in encoders:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="session")
def origin() -> Iterator[Cluster]:
    """One staged node without limits."""
    with Cluster(1, port=fresh_port()) as cluster:
        yield cluster
