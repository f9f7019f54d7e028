"""hls.js in a real browser plays both packagings for twenty seconds without a stall."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from loadtests.faults import StageOrder
from loadtests.staging import Cluster, Node
from loadtests.staging.live import Live
from tests.needs import needs, needs_file
from tests.staging.conftest import free_port

FOLDER = Path(__file__).parent / "browser"
WATCH_MS = 20_000
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-renderer-backgrounding",  # both players run at once, one of them behind the other
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
)


class Quiet(SimpleHTTPRequestHandler):
    """Serves the player's page without a log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass


@contextmanager
def page_server() -> Iterator[str]:
    """Serve the player from another origin than the stream, so that CORS is put to the test."""
    handler = functools.partial(Quiet, directory=str(FOLDER))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/player.html"
        server.shutdown()
        thread.join()


def open_player(page: Page, player: str, url: str) -> Page:
    page.goto(f"{player}?url={url}")
    page.wait_for_function("report().playing", timeout=15_000)
    return page


def watch(node: Node, profile: Path, midway: Callable[[], None] = lambda: None) -> dict[str, dict[str, Any]]:
    """Play every packaging at the same time, with something done ``midway``; return what each player saw."""
    origin = f"http://{node.address}:{node.port}"
    with page_server() as player, sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=needs("chromium"), headless=True, args=[*QUIET]
        )
        pages = {
            folder: open_player(browser.new_page(), player, f"{origin}/{folder}/master.m3u8")
            for folder in ("live", "cmaf")
        }
        began = {folder: page.evaluate("report().time") for folder, page in pages.items()}
        pages["cmaf"].wait_for_timeout(WATCH_MS / 3)
        midway()
        pages["cmaf"].wait_for_timeout(WATCH_MS * 2 / 3)
        seen = {folder: page.evaluate("report()") | {"began": began[folder]} for folder, page in pages.items()}
        browser.close()
    return seen


@pytest.mark.slow
def test_hls_js_plays_both_packagings_without_a_stall(node: Node, tmp_path: Path) -> None:
    needs("chromium")
    needs_file(FOLDER / "node_modules/hls.js/dist/hls.min.js", "run `npm ci` in tests/staging/browser")
    assert_smooth(watch(node, tmp_path))


@pytest.mark.slow
def test_hls_js_plays_an_encrypted_stream_behind_tokens_across_a_new_key(tmp_path: Path) -> None:
    needs("chromium")
    needs_file(FOLDER / "node_modules/hls.js/dist/hls.min.js", "run `npm ci` in tests/staging/browser")
    with Cluster(1, port=free_port(), live=Live(tokens=120.0, keys=True)) as cluster:
        seen = watch(cluster.nodes[0], tmp_path, lambda: cluster.obey(StageOrder(do="rotate")))
        (counts,) = cluster.metrics()
    assert_smooth(seen)
    assert counts.of(kind="key", status=200) >= 4, "two packagings, two keys"
    assert counts.of(status=403) == 0


def assert_smooth(players: dict[str, dict[str, Any]]) -> None:
    for folder, seen in players.items():
        print(folder, seen)
        assert seen["fatal"] == [], folder
        assert seen["stalls"] == 0, folder
        assert seen["time"] - seen["began"] >= 17, folder
