"""The program that stands in for kubectl: ``fake_kubectl.py FOLDER WORDS...`` answers as ``FOLDER/state.json`` says.

It notes what it was asked, keeps what was applied, and serves a run in pieces where it is told to.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

OPTIONS = ("--context", "--namespace")


def leave(code: int, out: str = "", err: str = "") -> NoReturn:
    sys.stdout.write(out)
    sys.stderr.write(err)
    raise SystemExit(code)


def count(file: Path) -> int:
    """How often this was asked before."""
    number = int(file.read_text()) if file.exists() else 0
    file.write_text(str(number + 1))
    return number


def plain(words: list[str]) -> list[str]:
    """The words without options that stand before the verb."""
    while words and words[0] in OPTIONS:
        words = words[2:]
    return words


def configured(said: str, contexts: list[str]) -> None:
    if said == "config get-contexts -o name":
        leave(0, "".join(f"{name}\n" for name in contexts))
    if said == "config current-context":
        if contexts:
            leave(0, f"{contexts[0]}\n")
        leave(1, err="error: current-context is not set\n")


def applied(home: Path, words: list[str]) -> NoReturn:
    kept = home / f"applied-{count(home / 'applies')}"
    kept.mkdir()
    for file in Path(words[words.index("-k") + 1]).iterdir():
        (kept / file.name).write_text(file.read_text())
    leave(0, "serverside-applied\n")


def inside(home: Path, words: list[str], state: dict[str, Any]) -> NoReturn:
    """What runs in the pod that has the volume."""
    run, program = home / "run.jsonl", words[words.index("--") + 1]
    if not run.exists():
        leave(1, err=f"{program}: {words[-1]}: No such file or directory\n")
    data = run.read_bytes()
    if program == "wc":
        leave(0, f"{len(data)} {words[-1]}\n")
    if program == "sha256sum":
        leave(0, f"{hashlib.sha256(data).hexdigest()}  {words[-1]}\n")
    piece = data[int(words[-2].removeprefix("+")) - 1 :]
    cut = state["piece"] if count(home / "tails") < state["cuts"] else len(piece)
    sys.stdout.buffer.write(piece[:cut])
    sys.stdout.flush()
    leave(int(cut < len(piece)))


def main(home: Path, given: list[str]) -> NoReturn:
    state = json.loads((home / "state.json").read_text())
    with (home / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(given) + "\n")
    words = plain(given)
    said = " ".join(words)
    for beginning, refusal in state["refusals"].items():
        if said.startswith(beginning):
            leave(1, err=f"{refusal}\n")
    configured(said, state["contexts"])
    answer(home, words, state)


def answer(home: Path, words: list[str], state: dict[str, Any]) -> NoReturn:
    match words[0], words[1]:
        case "get", ("namespace" | "job") as kind if not state[kind]:
            leave(1, err=f"Error from server (NotFound): {kind} not found\n")
        case "get", "namespace":
            leave(0, "namespace/surgecast\n")
        case "get", "job":
            leave(0, json.dumps(state["job"]))
        case "get", "pods":
            leave(0, json.dumps({"items": state["pods"][min(count(home / "looks"), len(state["pods"]) - 1)]}))
        case "apply", _:
            applied(home, words)
        case "logs", _:
            leave(0, "[   5 s peak] all: 40 viewers\n")
        case "exec", _:
            inside(home, words, state)
        case (("rollout" | "delete"), _):
            leave(0, "done\n")
    leave(1, err=f"error: unknown command: {' '.join(words)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
