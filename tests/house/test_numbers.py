"""The house numbers: short functions, short files, few parameters, broad excepts only at a border."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

from tests.house.tree import module_name, read, sources, syntax, told

FUNCTION_LINES: Final = 60
FILE_LINES: Final = 400
PARAMETERS: Final = 7

BROAD_EXCEPTS: Final = {
    "loadtests.engine.loop": "one viewer's fault must not end the run; it is counted",
    "loadtests.engine.paces": "the same for a viewer that is woken for its last mile",
    "surgecast.store.together": "a thread's fault is raised again by whoever waits for it",
    "loadtests.lanes": "one viewer's fault must not end the run; it is counted",
}

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    """Every function of a file with its dotted name."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            name = f"{prefix}.{child.name}" if isinstance(child, ast.ClassDef | Function) else prefix
            if isinstance(child, Function):
                yield name, child
            yield from walk(child, name)

    return walk(syntax(path), module_name(path))


def length(function: Function) -> int:
    """Lines from ``def`` to the end, without the docstring."""
    documented = ast.get_docstring(function) is not None
    first = function.body[0]
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def parameters(function: Function) -> int:
    """Parameters but for ``self`` and ``cls``."""
    named = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(argument.arg not in {"self", "cls"} for argument in named)


def test_no_function_is_longer_than_the_house_allows() -> None:
    long = [
        f"{name}: {length(one)} lines"
        for path in sources()
        for name, one in functions(path)
        if length(one) > FUNCTION_LINES
    ]
    assert not long, told(long)


def test_no_file_is_longer_than_the_house_allows() -> None:
    long = [f"{path}: {lines} lines" for path in sources() if (lines := len(read(path).splitlines())) > FILE_LINES]
    assert not long, told(long)


def test_no_function_takes_more_parameters_than_the_house_allows() -> None:
    wrong = [
        f"{name}: {parameters(one)} parameters"
        for path in sources()
        for name, one in functions(path)
        if parameters(one) > PARAMETERS
    ]
    assert not wrong, told(wrong)


def test_functions_are_short_in_the_middle_too() -> None:
    lengths = sorted(length(one) for path in sources() for _, one in functions(path))
    assert lengths[len(lengths) // 2] <= 9
    assert lengths[len(lengths) * 9 // 10] <= 30


def broad(path: Path) -> Iterator[int]:
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = [node.type] if not isinstance(node.type, ast.Tuple) else node.type.elts
            names = {ast.unparse(one) if one else "" for one in caught}
            reraises = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if names & {"", "Exception", "BaseException"} and not reraises:
                yield node.lineno


def test_broad_excepts_stand_only_at_a_border() -> None:
    found = {f"{path}:{line}": module_name(path) for path in sources() for line in broad(path)}
    wrong = [place for place, module in found.items() if module not in BROAD_EXCEPTS]
    assert not wrong, told(wrong)
    assert set(BROAD_EXCEPTS) == set(found.values()), "an exception that is no longer needed"


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path) for path in sources() if not ast.get_docstring(syntax(path))]
    assert not silent, told(silent)
