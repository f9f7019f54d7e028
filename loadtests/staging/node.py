"""One node as a process: bind, serve with uvicorn, leave on SIGTERM or when the parent is gone."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import uvicorn

from loadtests.errors import InputError
from loadtests.staging.declared import Capacity
from loadtests.staging.live import CRASH, DONE, Live
from loadtests.staging.media import load
from loadtests.staging.origin import Origin
from loadtests.staging.site import Site
from loadtests.staging.wire import WiredProtocol

BACKLOG: Final = 4096
"""Connections that may wait to be accepted; Linux's own ceiling (net.core.somaxconn) since 5.4."""

CONNECTIONS: Final = 65_536
"""Connections to make room for: one address and port can have no more from one client address."""

KEEP_ALIVE_SECONDS: Final = 90
"""How long an idle connection stays open. Players come back every 2 s; nginx's default, 75 s, is the usual floor."""

PARENT_CHECK_SECONDS: Final = 0.5
"""How often a node looks whether its parent still lives."""

CRASHED: Final = 137
"""Exit code of a node that was told to crash: 128 + SIGKILL, as a shell says it."""

GRACE_SECONDS: Final = 2
"""How long open responses may take to end when the node is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a node is started with; ``latency`` in seconds, ``parent`` a process id."""

    host: str
    port: int
    capacity: Capacity
    latency: float = 0.0
    parent: int | None = None
    told: bool = False
    """Whether standard input says how the stage is now (`live`)."""


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening address; say what to do when that cannot be done."""
    # asyncio switches Nagle's algorithm off only where the protocol is named; without it a body waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_bind(host, port, error) from error
    return listener


def _cannot_bind(host: str, port: int, error: OSError) -> InputError:
    if error.errno == errno.EADDRINUSE:
        hint = f"stop what listens there (`lsof -i :{port}` names it) or choose another with --port"
        return InputError(f"port {port} on {host} is taken", hint=hint)
    if error.errno == errno.EADDRNOTAVAIL:
        hint = f"macOS: run `sudo ifconfig lo0 alias {host}`, or use one node"
        return InputError(f"this machine has no address {host}", hint=hint)
    return InputError(f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another port with --port")


def run(settings: Settings) -> None:
    """Serve until stopped."""
    with bind(settings.host, settings.port) as listener:
        _allow_many_connections()
        asyncio.run(_serve(settings, listener))


def _allow_many_connections() -> None:
    """Raise this process's limit of open files, one per connection, as far as it may."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS if most == resource.RLIM_INFINITY else min(CONNECTIONS, most)
    with suppress(ValueError, OSError):  # macOS has a second, lower limit; then the usual one must do
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, wanted), most))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    origin = Origin(Site(load()), settings.capacity, latency=settings.latency)
    server = Server(_config(origin))
    origin.count_connections(lambda: len(server.server_state.connections))
    gc.freeze()  # what is loaded by now stays: no collection needs to look at it again
    watches = [asyncio.create_task(_leave_with(settings.parent, server))]
    if settings.told:
        orders = await _orders()
        await _obey(orders, origin, server)
        watches.append(asyncio.create_task(_keep_obeying(orders, origin, server)))
    await server.serve(sockets=[listener])
    for watch in watches:
        watch.cancel()


async def _orders() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _keep_obeying(orders: asyncio.StreamReader, origin: Origin, server: Server) -> None:
    while await _obey(orders, origin, server):
        pass


async def _obey(orders: asyncio.StreamReader, origin: Origin, server: Server) -> bool:
    """Do what the next line says; False when no line will follow."""
    line = (await orders.readline()).decode().strip()
    if line == CRASH:
        _crash(server)
    if line:
        origin.change(Live.model_validate_json(line))
        os.write(sys.stdout.fileno(), DONE)
    return bool(line)


def _crash(server: Server) -> None:
    """End as a crash ends a process on another machine: whoever is connected gets a reset, not the rest of a body."""
    for protocol in server.server_state.connections:
        connection = protocol.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os._exit(CRASHED)


def _config(origin: Origin) -> uvicorn.Config:
    return uvicorn.Config(
        origin,
        http=WiredProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which ends quietly on a signal instead of raising it once more."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def _leave_with(parent: int | None, server: Server) -> None:
    """Stop the server when the process that started this one has died and somebody else adopted us."""
    while parent is not None and os.getppid() == parent:
        await asyncio.sleep(PARENT_CHECK_SECONDS)
    if parent is not None:
        server.should_exit = True
