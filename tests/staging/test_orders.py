"""A stage that changes while it runs: nodes die and come back, capacity shrinks, tokens expire, keys rotate."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from loadtests.errors import InputError
from loadtests.faults import StageOrder
from loadtests.staging import Cluster, Node
from loadtests.staging.clock import newest
from loadtests.staging.control import control
from loadtests.staging.live import Live
from loadtests.staging.media import load
from loadtests.staging.site import Site
from tests.needs import needs
from tests.staging.client import connected, segment
from tests.staging.conftest import free_port

SECRET = Live(secret="a stage's own")


@pytest.fixture
def stage() -> Iterator[Cluster]:
    with Cluster(2, port=free_port(), egress=8e6, live=Live(tokens=60.0, keys=True)) as cluster:
        yield cluster


def site(**live: object) -> Site:
    found = Site(load())
    found.live = SECRET.model_copy(update=live)
    return found


# -- nodes ----------------------------------------------------------------------------------------------------------


def test_a_killed_node_resets_its_connections_and_comes_back_as_the_others_are() -> None:
    """A client in the middle of a body gets a reset, not an end; the node that comes back knows the cut."""

    async def broken(node: Node, cluster: Cluster) -> BaseException | None:
        async with connected(node, receive_buffer=8192) as client:
            await client.ask(segment("high"))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(cluster.obey, StageOrder(do="kill", node=1))
            try:
                while await client.reader.read(4096):
                    pass
            except ConnectionResetError as error:
                return error
        return None

    with Cluster(2, port=free_port(), egress=1e6) as cluster:
        node = cluster.nodes[1]
        assert isinstance(asyncio.run(broken(node, cluster)), ConnectionResetError)
        with socket.socket() as probe:
            assert probe.connect_ex((node.address, node.port)) != 0
        assert [counts.address for counts in cluster.metrics()] == ["127.0.0.1"]
        cluster.check()
        with pytest.raises(InputError, match="node 1 does not run"):
            cluster.obey(StageOrder(do="kill", node=1))
        cluster.obey(StageOrder(do="share", share=0.5))
        cluster.obey(StageOrder(do="start", node=1))
        assert len(cluster.metrics()) == 2
        assert delivered(node, 3.0) == pytest.approx(0.5e6, rel=0.2)
        with pytest.raises(InputError, match="node 1 runs already"):
            cluster.obey(StageOrder(do="start", node=1))


def delivered(node: Node, seconds: float) -> float:
    """Bit/s that four connections get of a node: fewer than it would refuse. Bodies alone."""

    async def pull(until: float) -> int:
        size = 0
        async with connected(node, receive_buffer=8192) as client:
            while time.monotonic() < until:
                await client.ask(segment("low"))
                head = (await client.reader.readuntil(b"\r\n\r\n")).decode()
                assert head.startswith("HTTP/1.1 200"), head
                rest = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
                while rest and time.monotonic() < until:
                    size += len(part := await client.reader.read(min(rest, 4096)))
                    rest -= len(part)
                if rest:
                    return size
        return size

    async def all_of_them() -> int:
        until = time.monotonic() + seconds
        return sum(await asyncio.gather(*(pull(until) for _ in range(4))))

    return 8 * asyncio.run(all_of_them()) / seconds


def test_capacity_is_cut_and_given_back_while_it_serves() -> None:
    with Cluster(1, port=free_port(), egress=4e6) as cluster:
        (node,) = cluster.nodes
        cluster.obey(StageOrder(do="share", share=0.25))
        assert delivered(node, 3.0) == pytest.approx(1e6, rel=0.25)
        cluster.obey(StageOrder(do="share", share=1.0))
        assert delivered(node, 3.0) == pytest.approx(4e6, rel=0.25)


def test_orders_that_make_no_sense_are_refused(stage: Cluster) -> None:
    with pytest.raises(InputError, match="there is no node 2"):
        stage.obey(StageOrder(do="kill", node=2))


def test_the_door_answers_nonsense_in_words(stage: Cluster) -> None:
    with control(stage) as door:
        for line in (b"hello\n", b'{"do": "explode"}\n', b'{"do": "kill", "node": 9}\n', b"\n"):
            with socket.socket(socket.AF_UNIX) as caller:
                caller.connect(str(door))
                caller.sendall(line)
                assert json.loads(caller.makefile().readline())["problem"]
        assert door.parent.stat().st_mode & 0o077 == 0
    assert not door.parent.exists()


# -- tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_opens_everything_until_it_expires() -> None:
    where, now = site(tokens=60.0), 1_800_000_000.5
    master = where.answer("GET", "/live/master.m3u8", now).body.decode()
    (address, *_) = [line for line in master.splitlines() if not line.startswith("#")]
    path, _, query = address.partition("?")
    assert query.startswith("token=1800000000500-")
    asked = [("/live/low/index.m3u8", now), (f"/live/low/{newest(now)}.ts", now), ("/cmaf/low/init.mp4", now)]
    for place, at in asked:
        assert where.answer("GET", place, at, query).status == 200, place
        assert where.answer("GET", place, at).status == 403, place
        assert where.answer("GET", place, at, query[:-1] + ("0" if query[-1] != "0" else "1")).status == 403, place
        assert where.answer("GET", place, at, "token=é-ß").status == 403, place
        assert where.answer("GET", place, at + 60.0, query).status == 403, place
        assert where.answer("OPTIONS", place, at).status == 200, place
    playlist = where.answer("GET", "/live/low/index.m3u8", now, query).body.decode()
    assert all(line.endswith(f".ts?{query}") for line in playlist.splitlines() if not line.startswith("#"))
    assert path == "low/index.m3u8"


def test_what_was_issued_before_an_expiry_is_refused_and_what_comes_after_is_not() -> None:
    now = 1_800_000_000.0
    old = site(tokens=60.0).answer("GET", "/live/master.m3u8", now).body.decode()
    where = site(tokens=60.0, tokens_since=now + 1)
    new = where.answer("GET", "/live/master.m3u8", now + 2).body.decode()
    statuses = []
    for master in (old, new):
        query = master.splitlines()[-1].partition("?")[2]
        statuses.append(where.answer("GET", "/live/low/index.m3u8", now + 2, query).status)
    assert statuses == [403, 200]


def test_without_tokens_and_keys_the_stream_is_as_it_was() -> None:
    plain, now = Site(load()), time.time()
    assert b"?" not in plain.answer("GET", "/live/master.m3u8", now).body
    assert b"EXT-X-KEY" not in plain.answer("GET", "/live/low/index.m3u8", now).body
    assert plain.answer("GET", "/live/keys/0.key", now).status == 404


# -- keys -----------------------------------------------------------------------------------------------------------


def decrypted(body: bytes, key: bytes, number: int) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(number.to_bytes(16, "big"))).decryptor()
    plain = decryptor.update(body) + decryptor.finalize()
    return plain[: -plain[-1]]


def test_segments_are_encrypted_with_the_key_that_the_playlist_names() -> None:
    now = 1_800_000_000.5
    last = newest(now)
    where, plain = site(keys=True, rotations=(last - 1,)), Site(load())
    playlist = where.answer("GET", "/live/low/index.m3u8", now).body.decode()
    assert re.findall(r'EXT-X-KEY:METHOD=AES-128,URI="\.\./keys/(\d)\.key"', playlist) == ["0", "1"]
    assert playlist.index("keys/1.key") > playlist.index(f"{last - 2}.ts")
    for number, name in ((last - 2, "0"), (last - 1, "1"), (last, "1")):
        key = where.answer("GET", f"/live/keys/{name}.key", now)
        body = where.answer("GET", f"/live/low/{number}.ts", now).body
        assert len(key.body) == 16
        assert decrypted(body, key.body, number) == plain.answer("GET", f"/live/low/{number}.ts", now).body
    assert where.answer("GET", "/live/keys/2.key", now).status == 404


def test_every_node_has_the_same_key_and_a_rotation_makes_another(stage: Cluster) -> None:
    def keys_of(node: Node) -> list[bytes]:
        base = f"http://{node.address}:{node.port}/live"
        with urlopen(f"{base}/master.m3u8", timeout=5) as answer:
            query = answer.read().decode().splitlines()[-1].partition("?")[2]
        with urlopen(f"{base}/low/index.m3u8?{query}", timeout=5) as answer:
            names = re.findall(r'URI="\.\./(keys/\d\.key\?[^"]+)"', answer.read().decode())
        found = []
        for name in names:
            with urlopen(f"{base}/{name}", timeout=5) as answer:
                found.append(answer.read())
        return found

    before = [keys_of(node) for node in stage.nodes]
    assert before[0] == before[1]
    stage.obey(StageOrder(do="rotate"))
    time.sleep(2.1)
    after = [keys_of(node) for node in stage.nodes]
    assert after[0] == after[1] == [*before[0], after[0][-1]]
    assert after[0][-1] not in before[0]


@pytest.mark.slow
def test_ffmpeg_plays_an_encrypted_stream_behind_tokens_across_a_rotation(stage: Cluster, tmp_path: Path) -> None:
    node = stage.nodes[0]
    command = [needs("ffmpeg"), "-v", "error", "-xerror", "-allowed_extensions", "ALL"]
    command += ["-extension_picky", "0"] if _knows_picky() else []
    command += ["-i", f"http://{node.address}:{node.port}/cmaf/master.m3u8", "-t", "8", "-c", "copy"]
    with subprocess.Popen([*command, str(tmp_path / "out.mp4")], stderr=subprocess.PIPE, text=True) as player:
        time.sleep(2.0)
        stage.obey(StageOrder(do="rotate"))
        _, said = player.communicate(timeout=40)
    assert player.returncode == 0, said
    assert said == ""


def _knows_picky() -> bool:
    listed = subprocess.run([needs("ffmpeg"), "-h", "demuxer=hls"], capture_output=True, text=True, check=False)
    return "extension_picky" in listed.stdout


def test_keys_without_the_package_are_refused_in_words() -> None:
    """In a Python of its own that cannot find cryptography."""
    code = (
        "import sys\nsys.modules['cryptography'] = None\n"
        "from loadtests.staging import Cluster\nfrom loadtests.staging.live import Live\n"
        "try:\n    Cluster(1, live=Live(keys=True))\nexcept Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("InputError staging.keys: segments cannot be encrypted")
    assert "pip install 'surgecast[keys]'" in done.stdout
