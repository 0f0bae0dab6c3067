"""What a mutation is, and how it is put into the running code and taken out again.

A mutation is a slip somebody could make: a few edits of the source of real functions, or of a constant. Each edit says
what it expects to find, so a refactoring that moves the code breaks the mutation loudly instead of making it harmless.

The edited source is compiled, and the function gets the new code in place of its own. So whoever imported the function
under whatever name runs the new code, and nothing else about the function changes.
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
from typing import Any

from msgspec import Struct

from replica.core.base.errors import Broken


class Stale(Broken):
    """The code is no longer what a mutation was written for: write the mutation anew."""


class Edit(Struct, frozen=True):
    """In the source of `target`, named `module:Class.function`, each `old`, found exactly once, becomes `new`."""

    target: str
    changes: tuple[tuple[str, str], ...]


class Constant(Struct, frozen=True):
    """The constant `target`, named `module:NAME`, has another value."""

    target: str
    value: object


class Mutation(Struct, frozen=True):
    """One planted bug, and who must see it."""

    name: str
    breaks: str
    """What goes wrong, in one line."""
    invariant: int
    """Which one of the design it breaks first; 0 for stamps and processes, which are not numbered there."""
    expected: tuple[str, ...]
    """Checkers of which one must find it."""
    edits: tuple[Edit | Constant, ...]


def slip(target: str, *changes: tuple[str, str]) -> Edit:
    """An edit of one function, each change as `(old, new)`."""
    return Edit(target, changes)


@contextmanager
def planted(mutation: Mutation) -> Iterator[None]:
    """Plant a mutation for as long as the context lasts. Raises Stale when the code is not what it was written for."""
    with ExitStack() as stack:
        for edit in mutation.edits:
            match edit:
                case Edit():
                    function = _function(edit.target)
                    stack.enter_context(_replaced(function, "__code__", _edited(function, edit)))
                case Constant():
                    module, _, name = edit.target.partition(":")
                    stack.enter_context(_replaced(resolve_name(module), name, edit.value))
        yield


@contextmanager
def _replaced(owner: Any, name: str, value: object) -> Iterator[None]:
    if not hasattr(owner, name):
        raise Stale(f"{owner} has no {name}")
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


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
