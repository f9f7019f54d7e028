"""The private door to a stage: a socket in a folder of this user's own, one line of JSON in, one out.

`surgecast rehearse` owns the stage and runs the load as a child process. Faults keep to the run's own clock, so it is
the load that sends them, to the path in its environment (`loadtests.faults.CONTROL`). Nothing listens on a network,
and who may not enter the folder may not ask.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import Final

from pydantic import ValidationError

from loadtests.errors import SurgecastError
from loadtests.faults import StageOrder
from loadtests.staging.cluster import Cluster

LONGEST_LINE: Final = 64 * 1024


class _Door(ThreadingMixIn, UnixStreamServer):
    """Answers several at a time: a node that takes long to start does not hold up another fault."""

    daemon_threads = True

    def __init__(self, path: Path, cluster: Cluster) -> None:
        self.cluster = cluster
        super().__init__(str(path), _Asked)


class _Asked(StreamRequestHandler):
    """One order."""

    server: _Door

    def handle(self) -> None:
        """Obey, and say what stood in the way: an empty problem means that it holds."""
        problem = ""
        try:
            self.server.cluster.obey(StageOrder.model_validate_json(self.rfile.readline(LONGEST_LINE)))
        except ValidationError as error:
            problem = f"not an order: {error}"
        except SurgecastError as error:
            problem = error.message
        except OSError as error:
            problem = f"the stage cannot do it: {error}"
        self.wfile.write(json.dumps({"problem": problem}).encode() + b"\n")


@contextmanager
def control(cluster: Cluster) -> Iterator[Path]:
    """Take orders for a stage while the context lasts; the path of the socket."""
    with tempfile.TemporaryDirectory(prefix="surgecast-") as folder:  # made with mode 0700
        path = Path(folder) / "stage"
        with _Door(path, cluster) as door:
            thread = Thread(target=door.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
            thread.start()
            yield path
            door.shutdown()
            thread.join()
