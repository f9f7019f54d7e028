"""Seats in a real Locust runner: counted as Locust counts them, without a look at each."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import json
from locust.env import Environment
from locust.runners import Runner
from loadtests.wiring.seats import LiveViewer, count_seats
looked_at = vars(Runner)["user_classes_count"].__get__
count_seats()
runner = Environment(user_classes=[LiveViewer]).create_local_runner()
seen = []
for count in (3, 5, 2):
    runner.start(count, spawn_rate=10)
    runner.spawning_greenlet.join()
    seen.append([runner.user_classes_count, looked_at(runner)])
runner.quit()
print(json.dumps(seen))
"""


def test_the_short_count_is_locusts_own() -> None:
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    seen = json.loads(answer.stdout.splitlines()[-1])
    assert seen == [[{"LiveViewer": count}, {"LiveViewer": count}] for count in (3, 5, 2)]
