"""How connections are opened: names, addresses, and what is no web address at all."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from loadtests.engine.channel import SystemSocket
from loadtests.engine.names import Addresses
from loadtests.session import Failed, Get, Got
from tests.engine.asking import OK, ask, asking, players, sums, visit
from tests.engine.conftest import MakeLoop, Serve
from tests.engine.hostile import wait_for
from tests.engine.scripts import always


def closed_port() -> int:
    """A port that refuses."""
    with SystemSocket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def found(*hosts: str) -> Callable[[str, int], Addresses]:
    """A resolver that knows these addresses for every name."""
    return lambda _, port: tuple((socket.AF_INET, (host, port)) for host in hosts)


def test_nothing_listens(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    url = f"http://127.0.0.1:{closed_port()}/"
    (reply,) = ask(loop, server, Get(url, "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason == "connect"
    assert "refused" in reply.detail
    assert sums(loop).errors == {"connect": 1}
    assert loop.health.dropped == 0


def test_a_refused_connection_is_none_that_was_lost(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    ask(loop, server, Get(f"http://127.0.0.1:{closed_port()}/", "playlist"), "/")
    assert players(loop).reconnects == 0


@pytest.mark.parametrize("number", range(4))
def test_viewers_begin_at_different_addresses_and_go_on_where_one_refuses(
    number: int, make_loop: MakeLoop, serve: Serve
) -> None:
    """127.0.0.2 refuses; every viewer still gets an answer, and only the odd ones had to try twice."""
    server = serve(always(OK))
    loop = make_loop(lookup=found("127.0.0.1", "127.0.0.2"))
    (reply,) = ask(loop, server, Get(f"http://twins.test:{server.port}/", "playlist", read=True), number=number)
    assert isinstance(reply, Got)
    assert server.requests[0].splitlines()[1] == f"Host: twins.test:{server.port}"


def test_viewers_spread_over_the_addresses_by_their_number(make_loop: MakeLoop, serve: Serve) -> None:
    first = serve(always(OK))
    second = serve(always(OK), host="127.0.0.2", port=first.port)
    loop = make_loop(resolve=[f"twins.test:{first.port}:127.0.0.1,127.0.0.2"])
    for number in range(6):
        loop.admit(visit(loop, number), asking([Get(f"http://twins.test:{first.port}/", "playlist")], []))
    wait_for(lambda: loop.is_idle, first.step, second.step, loop.step)
    assert (first.accepted, second.accepted) == (3, 3)


def test_an_override_is_followed_without_asking_anybody(make_loop: MakeLoop, serve: Serve) -> None:
    def lookup(host: str, port: int) -> Addresses:
        raise AssertionError(host)

    server = serve(always(OK))
    loop = make_loop(resolve=[f"Live.Test:{server.port}:127.0.0.1"], lookup=lookup)
    (reply,) = ask(loop, server, Get(f"http://LIVE.test:{server.port}/", "playlist"))
    assert isinstance(reply, Got)


@pytest.mark.parametrize("problem", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve(problem: Exception, make_loop: MakeLoop, serve: Serve) -> None:
    asked = []

    def lookup(host: str, port: int) -> Addresses:
        asked.append((host, port))
        raise problem

    loop, server = make_loop(lookup=lookup), serve(always(OK))
    replies = ask(loop, server, *[Get("http://nobody.test/", "playlist")] * 2)
    assert [reply.reason for reply in replies if isinstance(reply, Failed)] == ["dns", "dns"]
    assert asked == [("nobody.test", 80)] * 2
    assert sums(loop).errors == {"dns": 2}


def test_a_name_without_addresses(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(lookup=found()), serve(always(OK))
    (reply,) = ask(loop, server, Get("http://nobody.test/", "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason == "dns"


def test_ipv6(make_loop: MakeLoop, serve: Serve) -> None:
    try:
        server = serve(always(OK), host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    (reply,) = ask(make_loop(), server, "/")
    assert isinstance(reply, Got)
    assert server.requests[0].splitlines()[1] == f"Host: [::1]:{server.port}"


def test_an_address_that_cannot_be_used_is_passed_over(make_loop: MakeLoop, serve: Serve) -> None:
    """A link-local address without its link: the next one answers, and nothing is counted against anybody."""

    def lookup(host: str, port: int) -> Addresses:
        return ((socket.AF_INET6, ("fe80::1", port)), (socket.AF_INET, ("127.0.0.1", port)))

    server, loop = serve(always(OK)), make_loop(lookup=lookup)
    (reply,) = ask(loop, server, Get(f"http://both.test:{server.port}/", "playlist"))
    assert isinstance(reply, Got)
    assert loop.health.dropped == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/x",
        "file:///etc/passwd",
        "//h/x",
        "x.ts",
        "",
        "http://",
        "http:///x",
        "http://h:0/",
        "http://h:99999/",
        "http://h:x/",
        "http://[::1/",
        "http://a b/",
        "http://a\x00b/",
        "http://a\x7fb/",
        "http://a<b/",
        "http://h/" + "x" * 9000,
        "http://h/\ud800",
        "http://" + "\xe4" * 100 + "/",
    ],
)
def test_what_is_no_web_address_is_never_asked_for(url: str, make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    (reply,) = ask(loop, server, Get(url, "playlist"))
    assert isinstance(reply, Failed)
    assert reply.reason == "protocol"
    recorded = sums(loop)
    assert (recorded.count, recorded.errors) == (0, {"protocol": 1})


def test_control_characters_never_reach_the_request(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(), serve(always(OK))
    path = "/a b\r\nX-Evil: 1\x00\x0b\\\xe9?q=\r\n\x1f#part"
    (reply,) = ask(loop, server, Get(server.url(path), "playlist"))
    assert isinstance(reply, Got)
    lines = server.requests[0].split("\r\n")
    assert lines[0] == "GET /a%20bX-Evil:%201%00%0B%5C%C3%A9?q=%1F HTTP/1.1"
    assert [line.partition(":")[0] for line in lines[1:]] == ["Host", "User-Agent", "Accept", "Accept-Encoding"]


def test_a_host_nobody_claims_gets_no_request(make_loop: MakeLoop, serve: Serve) -> None:
    loop, server = make_loop(hosts=frozenset({"live.test"})), serve(always(OK))
    (reply,) = ask(loop, server, "/")
    assert isinstance(reply, Failed)
    assert reply.reason == "unclaimed_host"
    assert server.accepted == 0
