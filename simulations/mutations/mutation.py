"""Mutations, and how they are planted in the running code and removed again.

A mutation is a mistake that a programmer could make: a few edits of the source of real functions, or of a constant.
Each edit quotes the code that it expects. So a refactoring that moves the code makes the mutation fail, not harmless.

`planted` compiles the edited source and replaces the code object of the function. So every importer of the function
runs the new code, and nothing else about the function changes.
"""

from __future__ import annotations
import __future__

import ast
import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pkgutil import resolve_name
from textwrap import dedent
from types import CodeType, FunctionType

from msgspec import Struct

from replica.core.base.errors import Broken
from simulations.stand_ins import replaced


class Stale(Broken):
    """The code that a mutation quotes has changed: write the mutation again."""


class Edit(Struct, frozen=True):
    """In the source of `target` (`module:Class.function`), replace each `old`, which occurs exactly once, by `new`."""

    target: str
    changes: tuple[tuple[str, str], ...]


class Constant(Struct, frozen=True):
    """Give the constant `target` (`module:NAME`) another value."""

    target: str
    value: object


class Mutation(Struct, frozen=True):
    """One planted bug, and the checkers that may catch it."""

    name: str
    breaks: str
    """What goes wrong, in one line."""
    invariant: int
    """The invariant of the design that it breaks first; 0 for stamps and processes, which have no number there."""
    expected: tuple[str, ...]
    """One of these checkers must catch it."""
    edits: tuple[Edit | Constant, ...]
    scenario: str = ""
    """The stored plan that shows it, if few drawn plans do. Empty: seeds show it."""


def slip(target: str, *changes: tuple[str, str]) -> Edit:
    """An edit of one function, each change as `(old, new)`."""
    return Edit(target, changes)


@contextmanager
def planted(mutation: Mutation) -> Iterator[None]:
    """Plant a mutation while the context lasts. Raises Stale if the code is not as the mutation quotes it."""
    with ExitStack() as stack:
        for edit in mutation.edits:
            match edit:
                case Edit():
                    function = _function(edit.target)
                    stack.enter_context(replaced(function, "__code__", _edited(function, edit)))
                case Constant():
                    module, _, name = edit.target.partition(":")
                    if not hasattr(resolve_name(module), name):
                        raise Stale(f"{module} has no {name}")
                    stack.enter_context(replaced(resolve_name(module), name, edit.value))
        yield


def _function(target: str) -> FunctionType:
    try:
        found = resolve_name(target)
    except (ImportError, AttributeError) as error:
        raise Stale(f"{target} is gone: {error}") from None
    found = inspect.unwrap(found.fget if isinstance(found, property) else found)  # type: ignore[arg-type]
    if inspect.ismethod(found):
        found = found.__func__
    if not isinstance(found, FunctionType):
        raise Stale(f"{target} is no function")
    return found


def _edited(function: FunctionType, edit: Edit) -> CodeType:
    source = dedent(inspect.getsource(function))
    for old, new in edit.changes:
        if source.count(old) != 1:
            raise Stale(f"{edit.target} holds {old!r} {source.count(old)} times, not once")
        source = source.replace(old, new)
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    definition.decorator_list = []
    module = ast.increment_lineno(ast.Module([definition], []), function.__code__.co_firstlineno - 1)
    file, flags = f"<mutated {function.__code__.co_filename}>", __future__.annotations.compiler_flag
    names = dict(function.__globals__)
    exec(compile(module, file, "exec", flags, dont_inherit=True), names)
    code: CodeType = names[function.__name__].__code__
    if code.co_freevars != function.__code__.co_freevars:
        raise Stale(f"{edit.target} is a closure")
    return code
