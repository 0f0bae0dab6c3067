"""Write the mutants of a module by mutmut's operators, and note those that the type checker rejects.

`mutants/` holds, for each module: a copy with all mutants of each function (`.py`), where each mutant stands in it
(`.spans`), and the verdicts (`.meta`). The formats are mutmut's, so `mutmut show` and `mutmut browse` read them.
A verdict stays as long as its function does not change.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.mutation.file_mutation import (
    MutatedFile,
    MutationVisitor,
    combine_mutations_to_source,
)
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import get_ignored_lines
from mutmut.type_checking import run_type_checker
from mutmut.utils.file_utils import change_cwd
from mutmut.utils.format_utils import get_mutant_name, mangled_name_from_mutant_name

MUTANTS = Path("mutants")

_TESTS_OF_THE_RUNTIME = ("tests/contract", "tests/edge_node", "tests/hub", "tests/runtime")

TESTS_OF = {
    "replica/core": ("tests/core",),
    "replica/runtime/journal": _TESTS_OF_THE_RUNTIME,
    "replica/runtime/http": _TESTS_OF_THE_RUNTIME,
    "replica/runtime/background": _TESTS_OF_THE_RUNTIME,
    "replica/runtime/peering": _TESTS_OF_THE_RUNTIME,
    "replica/runtime/driver.py": _TESTS_OF_THE_RUNTIME,
    "replica/runtime/node.py": _TESTS_OF_THE_RUNTIME,
}
"""Where the modules are that have mutants, and the tests that may kill these."""

REJECTED_BY_TYPES = 37
"""mutmut's exit code of a mutant that the type checker rejects."""

TYPE_CHECK = [
    *(sys.executable, "-m", "mypy", "--output=json", "--no-error-summary", "--config-file=../pyproject.toml"),
    *("--no-warn-unused-ignores", "--disable-error-code=no-redef", "--disable-error-code=has-type"),
    *("-p", "replica"),
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


def modules() -> list[Path]:
    """All modules that may have mutants."""
    found = [path for room in TESTS_OF for path in _modules_in(Path(room))]
    return [path for path in found if path.name != "__init__.py"]


def _modules_in(room: Path) -> list[Path]:
    return [room] if room.suffix else sorted(room.rglob("*.py"))


def tests_of(paths: Sequence[Path]) -> list[str]:
    """The directories of the tests that may kill mutants of these modules."""
    named = [tests for room, tests in TESTS_OF.items() if any(path.is_relative_to(room) for path in paths)]
    return sorted({directory for tests in named for directory in tests})


def verdicts_of(path: Path) -> SourceFileMutationData:
    """What is known of the mutants of one module."""
    found = SourceFileMutationData(path=path)
    found.load()
    return found


def generate(paths: Iterable[Path], processes: int) -> None:
    """Write the mutants of those modules that changed since, and drop the verdicts of changed functions."""
    for path in Path("replica").rglob("*.py"):
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
    hashes = _hashes_of_mutants(mutated)
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


def _hashes_of_mutants(mutated: MutatedFile) -> dict[str, str]:
    """One hash for each function and all its mutants: the number of a mutant means something only beside the others."""
    lines = mutated.code.splitlines()
    texts: dict[str, list[str]] = {}
    for name, span in mutated.line_span_by_function_name.items():
        texts.setdefault(mangled_name_from_mutant_name(name), []).extend(lines[span.start - 1 : span.end])
    return {name: sha256("\n".join(text).encode()).hexdigest()[:12] for name, text in texts.items()}


def _reject_by_types(paths: Iterable[Path]) -> None:
    """Run the type checker once over all mutants, and note which of them it rejects.

    An error that the unchanged code of a function has as well says nothing of its mutants: it arises because a class
    holds many copies of one method.
    """
    with change_cwd(MUTANTS):
        errors = run_type_checker(TYPE_CHECK)
    for path in paths:
        known, spans = verdicts_of(path), MutantLineSpans.load(path)
        assert spans is not None
        at_line = {
            line: name for name, span in spans.span_by_function_name.items() for line in range(span.start, span.end + 1)
        }
        found: dict[str, dict[str, None]] = {}
        for error in errors:
            if error.file_path == (MUTANTS / path).absolute() and error.line_number in at_line:
                found.setdefault(at_line[error.line_number], {})[error.error_description] = None
        for name, descriptions in found.items():
            key = get_mutant_name(path, name)
            original = found.get(f"{mangled_name_from_mutant_name(name)}__mutmut_orig", {})
            own = [description for description in descriptions if description not in original]
            if key in known.exit_code_by_key and own:
                known.exit_code_by_key[key] = REJECTED_BY_TYPES
                known.type_check_error_by_key[key] = own[0]
        known.save()
