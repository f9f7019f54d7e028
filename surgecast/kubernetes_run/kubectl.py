"""kubectl as one small callable, and what it says when it refuses, in our words."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, NamedTuple

from loadtests.errors import InputError, SurgecastError

PATIENCE: Final = 120.0
"""Seconds that one call may take: an API server far away, and an admission webhook that is slow (assumed)."""


class Answer(NamedTuple):
    """How a call ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Calls the program with a context; each call is a process of its own."""

    context: str = ""
    namespace: str = ""
    program: str = "kubectl"

    def __call__(self, *words: str) -> Answer:
        """Run it to its end; InputError where there is no such program."""
        try:
            done = subprocess.run(  # noqa: S603 - our own words
                self.command(*words), capture_output=True, text=True, timeout=PATIENCE, check=False, errors="replace"
            )
        except subprocess.TimeoutExpired as error:
            return Answer(124, "", f"no answer to `kubectl {words[0]}` within {PATIENCE:g} s ({error.timeout:g} s)")
        return Answer(done.returncode, done.stdout, done.stderr)

    def asked(self, *words: str) -> str:
        """What it says on standard output; an error of ours where it fails."""
        answer = self(*words)
        if answer.code:
            raise explained(answer, words)
        return answer.out

    def object(self, *words: str) -> dict[str, Any]:
        """What it says as JSON."""
        text = self.asked(*words, "-o", "json")
        try:
            found = json.loads(text)
        except ValueError as error:
            raise SurgecastError(f"`kubectl {' '.join(words)}` did not answer in JSON: {text[:80]!r}") from error
        assert isinstance(found, dict)
        return found

    def stream(self, *words: str, out: IO[bytes] | int, err: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
        """Start it with its output going elsewhere."""
        return subprocess.Popen(self.command(*words), stdout=out, stderr=err)  # noqa: S603 - our own words

    def command(self, *words: str) -> list[str]:
        """The whole command."""
        program = shutil.which(self.program)
        if program is None:
            raise InputError(
                "there is no kubectl on PATH",
                hint="install it (kubernetes.io, 'Install Tools'), or write the files with --render DIR",
            )
        where = ["--context", self.context] if self.context else []
        where += ["--namespace", self.namespace] if self.namespace else []
        return [program, *where, *words]

    def shown(self, *words: str) -> str:
        """The same for a person to type."""
        where = ["--context", self.context] if self.context else []
        return " ".join(["kubectl", *where, *(["-n", self.namespace] if self.namespace else []), *words])


_FORBIDDEN: Final = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[\w./-]+)" in API group "(?P<group>[\w.-]*)"'
    r'(?: in the namespace "(?P<namespace>[\w-]+)"| (?P<scope>at the cluster scope))?'
)
_ABSENT: Final = re.compile(r'no matches for kind "(?P<kind>\w+)" in version "(?P<version>[\w./]+)"')
_CONTEXT: Final = re.compile(
    r'context "(?P<name>[^"]+)" does not exist|context was not found for specified context: (?P<other>\S+)'
)
_UNREACHED: Final = (
    "Unable to connect to the server",
    "connection refused",
    "was refused",
    "i/o timeout",
    "no such host",
    "TLS handshake timeout",
    "no answer to",
)
_UNKNOWN_USER: Final = (
    "You must be logged in",
    "(Unauthorized)",
    "Unauthorized",
    "the server has asked for the client to provide credentials",
)


def explained(answer: Answer, words: Sequence[str]) -> SurgecastError:
    """What a refusal of kubectl's means."""
    said = " ".join(answer.err.split())
    if found := _FORBIDDEN.search(said):
        where = f"in namespace {found['namespace']}" if found["namespace"] else "at the cluster scope"
        resource = f"{found['resource']}.{found['group']}" if found["group"] else found["resource"]
        return InputError(
            f"this context's user may not {found['verb']} {resource} {where}",
            hint=f"ask for a role with apiGroups: ['{found['group']}'], resources: ['{found['resource']}'], "
            f"verbs: ['{found['verb']}']",
        )
    if found := _ABSENT.search(said):
        return InputError(
            f"this cluster has no {found['kind']} in {found['version']}",
            hint="install what brings it, or a version of Kubernetes that has it (1.30 or newer)",
        )
    if found := _CONTEXT.search(said):
        return InputError(
            f"kubectl knows no context {found['name'] or found['other']}", hint="kubectl config get-contexts"
        )
    if "exceeded quota" in said:
        return InputError(
            f"a quota of the namespace is in the way: {_short(said)}", hint="fewer --workers, or more quota"
        )
    if any(words in said for words in _UNKNOWN_USER):
        return InputError(f"the cluster does not know this context's user: {_short(said)}", hint="log in again")
    if any(words in said for words in _UNREACHED):
        return InputError(f"the cluster cannot be reached: {_short(said)}", hint="is the context the one you meant?")
    return SurgecastError(
        f"`kubectl {' '.join(words)}` ended with {answer.code}: {_short(said) or 'it said nothing'}",
        hint="kubectl's own words; call it by hand to see more",
    )


def _short(text: str, most: int = 400) -> str:
    return text if len(text) <= most else f"{text[:most]} …"


def confirmed(context: str, kubectl: Kubectl) -> Kubectl:
    """With the context that was named; InputError that lists those that are there where none or another was."""
    there = kubectl("config", "get-contexts", "-o", "name").out.split()
    current = kubectl("config", "current-context").out.strip()
    if context in there:
        return Kubectl(context, kubectl.namespace, kubectl.program)
    known = ", ".join(f"{name} (current)" if name == current else name for name in there)
    if not context:
        raise InputError(
            "no context was named: a load run is not sent to whatever cluster happens to be current",
            hint=f"add --context NAME; there are: {known}" if there else "there is no context: set KUBECONFIG",
        )
    raise InputError(
        f"kubectl knows no context {context}", hint=f"there are: {known}" if there else "there is none: set KUBECONFIG"
    )
