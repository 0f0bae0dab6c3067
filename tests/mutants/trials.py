"""Try mutants in forks of one collected test session.

The tests are collected once. A first fork runs them all and notes which functions each test calls. Then each mutant
gets a fork of its own: it plants the mutant, runs the tests that call its function, those of its own package and the
fast ones first, and ends at the first failure. The parent never runs a test, so each fork begins with clean modules.
"""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FrameType

import pytest
from mutmut.mutation.data import SourceFileMutationData
from mutmut.utils.format_utils import get_module_from_key, mangled_name_from_mutant_name

from tests.mutants.generation import MUTANTS, verdicts_of
from tests.mutants.planting import mutated_functions, plant

SURVIVED, KILLED, NO_TESTS, NOT_PLANTED = 0, 1, 33, 35
"""mutmut's exit codes; a negative code is the signal that ended the fork."""

UNKILLED = (SURVIVED, NO_TESTS, NOT_PLANTED)

CALLS = MUTANTS / "calls.json"
MEMORY_MORE = 1 << 30
"""Bytes that a mutant may take beyond what the session has."""

ORIGINALS = 3
"""Functions whose unchanged code is tried first."""

TEST_TIME_MAX_S = 30
"""Seconds after which a test that waits for something fails. The limit of processor time does not see it."""

LEFT_OUT = (
    # each takes longer than all tests of a mutant may, and on a busy machine longer than one test may
    "tests/runtime/http/test_api_fuzzing.py",
    "tests/runtime/http/test_names_in_paths.py::test_each_name_that_a_body_gives",
    # these measure time, so on a busy machine they would kill mutants that they do not notice
    "tests/core/catalog/test_areas.py::test_lookup_among_two_thousand_areas",
    "tests/core/planning/test_measured_sourcing.py",
)
"""Beginnings of the names of tests that judge no mutant."""

PYTEST_ARGUMENTS = (
    *("-q", "-x", "-s", "--tb=no", "--no-header", "--no-summary", "-p", "no:cacheprovider"),
    *(f"--timeout={TEST_TIME_MAX_S}", f"--basetemp={MUTANTS / 'tmp'}", "-o", "tmp_path_retention_policy=none"),
    *(f"--deselect={beginning}" for beginning in LEFT_OUT),
)


Notes = dict[str, tuple[str, float, list[str]]]
"""Of each test: the digest of its file, its processor time in seconds, and the functions that it calls."""


@dataclass
class Calls:
    """Which tests call which function, and how long each test takes, in seconds."""

    tests_of: dict[str, list[str]]
    duration_s: dict[str, float]

    def chosen(self, mutant: str, budget_s: float, slow_first: bool = False) -> list[str]:
        """Tests for a mutant: those of its own package first, then the fast ones, as many as fit the budget."""
        order, slow_s = (-1, budget_s / 4) if slow_first else (1, math.inf)
        home = "tests/" + get_module_from_key(mutant).removeprefix("replica.").rpartition(".")[0].replace(".", "/")
        ranked = sorted(
            self.tests_of.get(mangled_name_from_mutant_name(mutant), ()),
            key=lambda test: (
                not test.startswith(home),
                self.duration_s[test] > slow_s,
                order * self.duration_s[test],
                test,
            ),
        )
        chosen: list[str] = []
        total_s = 0.0
        for test in ranked:
            if not chosen or total_s + self.duration_s[test] <= budget_s:
                chosen.append(test)
                total_s += self.duration_s[test]
        return chosen


@dataclass
class Trials:
    """A pytest plugin that tries mutants instead of running the collected tests.

    Args:
        mutants: names, in the order in which they are tried.
        budget_s: seconds of tests that a mutant gets.
        slow_first: whether the slow tests go first, because the mutants passed the fast ones before; the slowest, which
            need more than a quarter of the budget, go last.
        processes: number of forks at a time.
    """

    mutants: list[str]
    budget_s: float
    processes: int
    slow_first: bool = False
    items: dict[str, pytest.Item] = field(default_factory=dict)
    verdicts: dict[Path, SourceFileMutationData] = field(default_factory=dict)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own loop."""
        self.items = {item.nodeid: item for item in session.items}
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all forks
        gc.freeze()
        calls = self._calls()
        self._try_originals(calls)
        running: dict[int, str] = {}
        begun_s, tried = time.monotonic(), 0
        try:
            for mutant in self.mutants:
                tests = calls.chosen(mutant, self.budget_s, self.slow_first)
                if not tests:
                    self._note(mutant, NO_TESTS)
                    continue
                while len(running) >= self.processes:
                    self._reap(running)
                    tried += 1
                    if tried % 25 == 0:
                        self._save()
                        rate = tried / (time.monotonic() - begun_s) * 60
                        print(f"{tried} of {len(self.mutants)} mutants, {rate:.0f} a minute", flush=True)
                running[self._fork(mutant, tests, calls.duration_s)] = mutant
            while running:
                self._reap(running)
        finally:
            self._save()
        return True

    def _try_originals(self, calls: Calls) -> None:
        """Plant the unchanged code of a few functions. A test that fails then would count every mutant as killed."""
        for name in dict.fromkeys(map(mangled_name_from_mutant_name, self.mutants[:ORIGINALS])):
            original = f"{name}__mutmut_orig"
            pid = self._fork(original, calls.chosen(original, self.budget_s), calls.duration_s)
            if code := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
                pytest.exit(f"the tests of {name} fail without any mutant ({code})", returncode=1)

    def _fork(self, mutant: str, tests: Iterable[str], duration_s: Mapping[str, float]) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = NOT_PLANTED
        try:
            _silence()
            _limit_memory()
            plant(mutant)
            code = KILLED
            code = self._first_failure(tests, duration_s)
        finally:
            os._exit(code)

    def _first_failure(self, tests: Iterable[str], duration_s: Mapping[str, float]) -> int:
        for test in tests:
            _limit_time(5 + 10 * duration_s[test])
            if self._fails(self.items[test]):
                return KILLED
        return SURVIVED

    def _fails(self, item: pytest.Item) -> bool:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return bool(item.session.testsfailed)

    def _reap(self, running: dict[int, str]) -> None:
        pid, status = os.wait()
        self._note(running.pop(pid), os.waitstatus_to_exitcode(status))

    def _note(self, mutant: str, code: int) -> None:
        path = Path(get_module_from_key(mutant).replace(".", "/") + ".py")
        known = self.verdicts.setdefault(path, verdicts_of(path))
        known.exit_code_by_key[mutant] = code

    def _save(self) -> None:
        for known in self.verdicts.values():
            known.save()

    def _calls(self) -> Calls:
        """Read what was noted of each test; run the tests of new and changed files in a fork, and note them."""
        known: Notes = json.loads(CALLS.read_text()) if CALLS.exists() else {}
        digests = {test: _digest(item.path) for test, item in self.items.items()}
        new = [test for test in self.items if test not in known or known[test][0] != digests[test]]
        if new:
            print(f"noting which functions {len(new)} tests call", flush=True)
            pid = os.fork()
            if not pid:
                code = 1
                try:
                    _silence()
                    CALLS.write_text(json.dumps(known | self._observed(new, digests)))
                    code = 0
                finally:
                    os._exit(code)
            if os.waitpid(pid, 0)[1]:
                pytest.exit("the notes could not be written", returncode=1)
            known = json.loads(CALLS.read_text())
            failed = [test for test in new if test not in known or known[test][0] != digests[test]]
            if failed:
                pytest.exit(f"{failed[0]} fails without any mutant; run it by pytest first", returncode=1)
        noted = {test: known[test] for test in self.items}
        tests_of: dict[str, list[str]] = {}
        for test, (_, _, functions) in noted.items():
            for function in functions:
                tests_of.setdefault(function, []).append(test)
        return Calls(tests_of, {test: duration_s for test, (_, duration_s, _) in noted.items()})

    def _observed(self, tests: Iterable[str], digests: Mapping[str, str]) -> Notes:
        """Run the tests, and note what each of them calls, up to the first that fails."""
        names = {id(function.__code__): name for name, function in mutated_functions()}
        called: set[str] = set()

        def on_event(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and (name := names.get(id(frame.f_code))) is not None:
                called.add(name)

        observed: Notes = {}
        for test in tests:
            called.clear()
            begun_s = time.process_time()
            threading.setprofile(on_event)
            sys.setprofile(on_event)
            failed = self._fails(self.items[test])
            sys.setprofile(None)
            threading.setprofile(None)
            if failed:
                return observed
            observed[test] = (digests[test], round(time.process_time() - begun_s, 4), sorted(called))
        return observed


@cache
def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]


def _silence() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_MORE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _limit_time(seconds: float) -> None:
    """End this process by a signal if it uses more processor time from now on."""
    limit = int(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
