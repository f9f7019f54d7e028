"""Nothing in the repository belongs to one machine: no path of ours, no registry, nothing that a secret could be."""

from __future__ import annotations

import json
import os
import re
from itertools import chain

from tests.house.tree import ROOT, files, read, text_of, told

MACHINE_PATHS = tuple(f"/{name}/" for name in ("work", "root"))
REGISTRIES = tuple(
    ".".join(words)
    for words in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "npmmirror", "com"),
        ("registry", "yarnpkg", "com"),
        ("mirrors", "aliyun", "com"),
        ("tuna", "tsinghua", "edu"),
        ("mirrors", "tencent", "com"),
        ("devpi", "net"),
    )
)
INDEX_OPTIONS = tuple(f"--{name}" for name in ("index-url", "extra-index-url", "find-links", "trusted-host"))
SECRETS = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|gh[pousr]_[A-Za-z0-9]{36}")
LARGEST = 500_000


def lines_with(*words: str) -> list[str]:
    found = []
    for path in files():
        text = text_of(path) or ""
        if any(word in text for word in words):
            found += [
                f"{path}:{number}: {line[:120]}"
                for number, line in enumerate(text.splitlines(), 1)
                if any(word in line for word in words)
            ]
    return found


def test_no_file_holds_a_path_of_one_machine() -> None:
    found = lines_with(*MACHINE_PATHS)
    assert not found, told(found)


def test_no_file_names_a_package_registry() -> None:
    found = lines_with(*REGISTRIES)
    assert not found, told(found)


def test_locks_name_no_index() -> None:
    locks = [path for path in files() if path.suffix == ".lock"]
    assert len(locks) == 4
    assert [str(path) for path in locks if any(option in read(path) for option in INDEX_OPTIONS)] == []


def test_npm_locks_are_pinned_by_hash_and_do_not_say_where_from() -> None:
    for path in (path for path in files() if path.name == "package-lock.json"):
        packages = json.loads(read(path))["packages"]
        installed = {name: entry for name, entry in packages.items() if name}
        assert [name for name, entry in installed.items() if "resolved" in entry] == []
        assert [name for name, entry in installed.items() if "integrity" not in entry] == []


def test_no_file_holds_a_secret() -> None:
    found = [str(path) for path in files() if SECRETS.search(text_of(path) or "")]
    assert not found, told(found)


def test_files_are_small_and_scripts_can_be_run() -> None:
    assert [str(path) for path in files() if (ROOT / path).stat().st_size > LARGEST] == []
    scripts = [path for path in files() if (text_of(path) or "").startswith("#!")]
    assert [str(path) for path in scripts if not os.access(ROOT / path, os.X_OK)] == []


def test_names_of_files_are_plain_and_no_folder_is_a_drawer() -> None:
    drawers = {"core", "utils", "util", "common", "helpers", "services", "misc"}
    assert [str(path) for path in files() if drawers & {part.removesuffix(".py") for part in path.parts}] == []
    assert [str(path) for path in files() if not re.fullmatch(r"[\w./-]+", str(path), re.ASCII)] == []


def test_text_files_end_with_one_newline_and_have_no_trailing_blanks() -> None:
    wrong = []
    for path in files():
        text = text_of(path)
        if not text or "golden" in path.parts or path.name == "LICENSE":
            continue
        if not text.endswith("\n") or text.endswith("\n\n"):
            wrong.append(f"{path}: does not end with one newline")
        wrong += [
            f"{path}:{number}: blanks at the end"
            for number, line in enumerate(text.split("\n"), 1)
            if line != line.rstrip()
        ]
    assert not wrong, told(wrong)


def test_what_is_planned_says_so() -> None:
    for folder in ("k8s", "terraform"):
        only = [path for path in files() if path.parts[0] == folder]
        if [str(path) for path in only] == [f"{folder}/README.md"]:
            assert "nothing here yet" in read(only[0])


def test_the_licence_is_the_one_that_the_package_declares() -> None:
    words = " ".join(read("LICENSE").split())
    assert words.startswith("Apache License Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in words
    assert 'license = "Apache-2.0"' in read("pyproject.toml")


def test_the_changelog_keeps_its_form() -> None:
    headings = re.findall(r"^## (.+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    kinds = set(re.findall(r"^### (.+)$", read("CHANGELOG.md"), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in chain(headings[1:]))
