"""Names to addresses: overrides, memory, one look-up for all who ask at once."""

from __future__ import annotations

import socket
import threading

import pytest

from loadtests.engine.names import KEEP, Addresses, Names, literal, read_overrides, system_lookup
from tests.engine.hostile import wait_for

HERE: Addresses = ((socket.AF_INET, ("127.0.0.1", 80)),)


def test_all_who_ask_at_once_share_one_look_up() -> None:
    asked, heard, gate = list[str](), list[Addresses | OSError](), threading.Event()

    def lookup(host: str, port: int) -> Addresses:
        asked.append(host)
        gate.wait(5)
        return HERE

    names = Names(lookup=lookup)
    for _ in range(3):
        names.ask("live.test", 80, heard.append)
    names.deliver()
    assert heard == []
    gate.set()
    wait_for(lambda: bool(heard), names.deliver)
    assert heard == [HERE] * 3
    assert asked == ["live.test"]


def test_an_answer_is_kept_for_a_while_and_a_failure_is_not() -> None:
    now = [0.0]
    answers: list[Addresses | OSError] = []

    def lookup(host: str, port: int) -> Addresses:
        if host == "nobody.test":
            raise socket.gaierror(-2, "unknown")
        return HERE

    names = Names(lookup=lookup, clock=lambda: now[0])
    names.ask("live.test", 80, answers.append)
    names.ask("nobody.test", 80, answers.append)
    wait_for(lambda: len(answers) == 2, names.deliver)
    assert names.known("live.test", 80) == HERE
    assert names.known("live.test", 81) is None
    assert names.known("nobody.test", 80) is None
    now[0] = KEEP
    assert names.known("live.test", 80) is None


def test_numeric_hosts_need_no_look_up() -> None:
    names = Names()
    assert names.known("127.0.0.1", 80) == HERE
    assert names.known("::1", 80) == ((socket.AF_INET6, ("::1", 80)),)
    assert literal("[::1]", 1) == (socket.AF_INET6, ("::1", 1))


def test_overrides_are_read_as_curl_reads_them() -> None:
    read = read_overrides(["Live.Test:8080:127.0.0.1,[::1]"])
    assert read == {("live.test", 8080): ((socket.AF_INET, ("127.0.0.1", 8080)), (socket.AF_INET6, ("::1", 8080)))}


@pytest.mark.parametrize("text", ["", "h:80", "h:x:127.0.0.1", "h:80:", "h:80:localhost"])
def test_overrides_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_overrides([text])


def test_the_system_knows_this_machine() -> None:
    assert (socket.AF_INET, ("127.0.0.1", 80)) in [
        (family, address[:2]) for family, address in system_lookup("127.0.0.1", 80)
    ]
    with pytest.raises((OSError, ValueError)):
        system_lookup("a" * 300, 80)
