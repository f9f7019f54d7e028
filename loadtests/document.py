"""A YAML document as people write it: refused, with file and line, when it cannot be read or says a key twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from loadtests.errors import InputError


class _EachKeyOnce(yaml.SafeLoader):
    """In YAML a key stands once in a mapping; PyYAML would let the last of several win, silently."""

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        """Look at the keys as they are written: those merged in with ``<<`` may be said again."""
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line, word = key.start_mark.line + 1, (key.tag, key.value)
            if word in lines:
                raise InputError(
                    f"{self.name}:{line}: key {key.value!r} is written twice, first in line {lines[word]}",
                    hint="keep one of the two; both cannot hold",
                )
            lines[word] = line
        return node


def compose(file: str, text: str) -> yaml.Node | None:
    """The document with the lines that its parts are from; None when it is empty; InputError when it is no YAML."""
    with _told(file):
        loader = _EachKeyOnce(text)
        loader.name = file
        return loader.get_single_node()


def value_of(file: str, node: yaml.Node | None) -> object:
    """A part of a document as plain values; InputError when one of them cannot be, such as a month 13."""
    with _told(file):
        return None if node is None else yaml.SafeLoader("").construct_document(node)


def read_yaml(file: str, text: str) -> object:
    """A whole document as plain values."""
    return value_of(file, compose(file, text))


@contextmanager
def _told(file: str) -> Iterator[None]:
    try:
        yield
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # the latter: a month 13, endless brackets
        raise InputError(f"{file}: not YAML: {error}", hint="check indentation and quotes at that line") from error
