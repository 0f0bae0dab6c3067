"""Write the mutants of a module by mutmut's operators, and note those that the type checker rejects.

`mutants/` holds, for each module: a copy with all mutants of each function (`.py`), where each mutant stands in it
(`.spans`), and the verdicts (`.meta`). The formats are mutmut's, so `mutmut show` and `mutmut browse` read them.
A verdict stays as long as its function does not change.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from multiprocessing import get_context
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.configuration import config
from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.mutation.file_mutation import (
    MutationVisitor,
    combine_mutations_to_source,
    compute_function_hashes,
    filter_mutants_with_type_checker,
)
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import get_ignored_lines
from mutmut.utils.format_utils import get_mutant_name, mangled_name_from_mutant_name

MUTANTS = Path("mutants")
CORE = Path("replica/core")
REJECTED_BY_TYPES = 37
"""mutmut's exit code of a mutant that the type checker rejects."""

TYPE_CHECK = [
    *(sys.executable, "-m", "mypy", "--output=json", "--no-error-summary", "--config-file=../pyproject.toml"),
    *("--no-warn-unused-ignores", "--disable-error-code=no-redef", "--disable-error-code=has-type"),
    *("-p", "replica.core"),
]
"""Without the errors that arise only because a class holds many copies of one method."""


class _Visitor(MutationVisitor):
    """mutmut's choice of nodes, with properties and without prose.

    mutmut skips a property because its trampoline cannot wrap one; we exchange code objects instead. A text with a
    space is meant for a reader, as is all that a `Broken` says, and tests do not fix its words.
    """

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        match node:
            case cst.FunctionDef(decorators=[cst.Decorator(decorator=cst.Name("property"))]):
                return False
            case cst.Raise(exc=cst.Call(func=cst.Name("Broken"))):
                return True
            case cst.SimpleString():
                return " " in node.raw_value
            case _:
                return super()._skip_node_and_children(node)


def modules_of_the_core() -> list[Path]:
    """All modules of `replica/core` that hold code."""
    return [path for path in sorted(CORE.rglob("*.py")) if path.name != "__init__.py"]


def verdicts_of(path: Path) -> SourceFileMutationData:
    """What is known of the mutants of one module."""
    found = SourceFileMutationData(path=path)
    found.load()
    return found


def generate(paths: Iterable[Path], processes: int) -> None:
    """Write the mutants of those modules that changed since, and drop the verdicts of changed functions."""
    for path in [Path("replica/__init__.py"), *CORE.rglob("*.py")]:
        copy = MUTANTS / path
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    changed = [path for path in paths if path.stat().st_mtime >= (MUTANTS / path).stat().st_mtime]
    with get_context("spawn").Pool(processes) as pool:
        pool.map(_write_mutants, changed, chunksize=1)
    if changed:
        _reject_by_types(changed)


def _write_mutants(path: Path) -> None:
    source = path.read_text()
    wrapper = MetadataWrapper(cst.parse_module(source))
    visitor = _Visitor(mutation_operators, get_ignored_lines(str(path), source, wrapper))
    module = wrapper.visit(visitor)
    mutated = combine_mutations_to_source(module, visitor.mutations)
    (MUTANTS / path).write_text(mutated.code)
    MutantLineSpans(path=path, span_by_function_name=mutated.line_span_by_function_name).save()

    known = verdicts_of(path)
    hashes = compute_function_hashes(source)
    unchanged = {name for name, value in hashes.items() if known.hash_by_function_name.get(name) == value}
    keys = [get_mutant_name(path, name) for name in mutated.mutant_names]
    known.exit_code_by_key = {
        key: known.exit_code_by_key.get(key)
        if mangled_name_from_mutant_name(key).rpartition(".")[2] in unchanged
        else None
        for key in keys
    }
    known.hash_by_function_name = hashes
    known.save()


def _reject_by_types(paths: Iterable[Path]) -> None:
    """Run the type checker once over all mutants, and note which of them it rejects."""
    settings = config()
    settings.type_check_command = TYPE_CHECK
    rejected = filter_mutants_with_type_checker()
    if unmutated := [name for name in rejected if name.endswith("_orig")]:
        raise AssertionError(f"the type checker rejects code without any mutation: {unmutated}")
    for path in paths:
        known = verdicts_of(path)
        for key in known.exit_code_by_key:
            if key in rejected:
                known.exit_code_by_key[key] = REJECTED_BY_TYPES
                known.type_check_error_by_key[key] = rejected[key].error.error_description
        known.save()
