"""Plant one mutant in this process: its function runs the mutant's code from then on."""

from __future__ import annotations
import __future__

import ast
import importlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import FunctionType

from mutmut.mutation.data import MutantLineSpans
from mutmut.mutation.file_mutation import compute_function_hashes
from mutmut.utils.format_utils import get_module_from_key, get_mutant_name, orig_function_and_class_names_from_key

from tests.mutants.generation import modules


def plant(mutant: str) -> None:
    """Exchange the code and the defaults of the function that `mutant` names.

    Whoever imported the function sees the change, because the function object stays the same.

    Raises:
        ValueError: the mutant's code cannot stand in for the function's.
    """
    function = function_of(mutant)
    changed = _compiled(mutant)
    function.__code__ = changed.__code__
    function.__defaults__ = changed.__defaults__
    function.__kwdefaults__ = changed.__kwdefaults__


def mutated_functions() -> Iterator[tuple[str, FunctionType]]:
    """Each function and method, with the name that its mutants have before their number."""
    for path in modules():
        for name in compute_function_hashes(path.read_text()):
            with suppress(KeyError, TypeError):  # a cached function, or a class within a class: never mutated
                mutants = get_mutant_name(path, name)
                yield mutants, function_of(f"{mutants}__mutmut_")


def function_of(mutant: str) -> FunctionType:
    """The function that a mutant changes."""
    name, owner = orig_function_and_class_names_from_key(mutant)
    module = importlib.import_module(get_module_from_key(mutant))
    return _plain(vars(vars(module)[owner] if owner else module)[name])


def _plain(found: object) -> FunctionType:
    match found:
        case FunctionType():
            return found
        case property(fget=FunctionType() as getter):
            return getter
        case staticmethod(__func__=FunctionType() as function) | classmethod(__func__=FunctionType() as function):
            return function
        case _:
            raise TypeError(f"{found!r} has no code to exchange")


def _compiled(mutant: str) -> FunctionType:
    """The mutant as a function, compiled where its original stands: in the same class and with the same names."""
    name, owner = orig_function_and_class_names_from_key(mutant)
    module = importlib.import_module(get_module_from_key(mutant))
    path = get_module_from_key(mutant).replace(".", "/") + ".py"
    (source,) = _spans(path).read_function_sources([mutant.rpartition(".")[2]])
    (definition,) = ast.parse(dedent(source)).body
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    definition.name = name
    definition.decorator_list = []
    body: ast.stmt = definition
    if owner is not None:
        body = ast.ClassDef(name=owner, bases=[], keywords=[], body=[definition], decorator_list=[])
    tree = ast.fix_missing_locations(ast.Module([body], []))
    scope = dict(vars(module))
    exec(compile(tree, str(Path("mutants") / path), "exec", __future__.annotations.compiler_flag, True), scope)
    return _plain(vars(scope[owner])[name] if owner is not None else scope[name])


@cache
def _spans(path: str) -> MutantLineSpans:
    spans = MutantLineSpans.load(path)
    if spans is None:
        raise FileNotFoundError(f"mutants/{path}.spans")
    return spans
