"""Runs commands against a staged origin inside a network namespace with few local ports, some of them taken.

``unshare -n python namespace.py '{"folder": …, "ports": "32768 32799", "taken": 1, "scenario": …, "commands": …}'``
prints exit code, messages and output of each command as JSON; ``SCENARIO`` in it is the scenario's file.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from loadtests.limits import PORT_RANGE
from loadtests.staging import Cluster
from tests.real.scenarios import plan, write

SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
PORT = 5000


def raise_loopback() -> None:
    """``ip link set lo up``, where there is no ``ip``."""
    with socket.socket() as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def main() -> None:
    order = json.loads(sys.argv[1])
    folder = Path(order["folder"])
    raise_loopback()
    PORT_RANGE.write_text(order["ports"], encoding="ascii")
    outcomes = []
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(1, port=PORT))
        scenario = write(folder, plan(cluster.url, target={"resolve": [*cluster.resolve]}, **order["scenario"]))
        for _ in range(order["taken"]):
            stack.enter_context(socket.create_connection(("127.0.0.1", PORT), source_address=("127.0.0.1", 0)))
        for command in order["commands"]:
            words = [word.replace("SCENARIO", str(scenario)) for word in command]
            done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
            outcomes.append([done.returncode, done.stderr, done.stdout])
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
