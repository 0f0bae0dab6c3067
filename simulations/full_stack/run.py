"""One run of a plan with whole nodes: the same phases and checkers, and checks over HTTP at the end."""

from __future__ import annotations

import gc
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import aiohttp.connector
import aiosqlite.core
import structlog
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_app import _cached_build_middleware

import replica.runtime.http.metrics
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Violation
from simulations.clients import Client
from simulations.full_stack.answers import Answers
from simulations.full_stack.clients import StackClient
from simulations.full_stack.loop import StackLoop
from simulations.full_stack.machine import StackMachine
from simulations.full_stack.network import ByteNetwork
from simulations.full_stack.verdict import judge
from simulations.full_stack.worker import NoThread, Worker
from simulations.full_stack.workloads import stack_workload
from simulations.loop import current_host
from simulations.machine import Machine, Role
from simulations.plan import Plan
from simulations.run import Result, Run
from simulations.stand_ins import replaced

MEMORY = Path("/dev/shm")
"""The directory for files, in memory, because the time of an fsync does not matter here."""

COMMIT_S = (0.005, 0.03, 0.1)
"""Times of the slowest commits of a run. With longer commits, a crash cuts off more of them."""


class StackChain(SimulatedChain):
    """Machines that run whole nodes."""

    loop: StackLoop

    def __init__(self, plan: Plan, loop: StackLoop, note: Any, root: Path) -> None:
        self.root = root
        super().__init__(plan, loop, note)
        random = Random(f"{plan.seed}/disks")
        slowest_s = random.choice(COMMIT_S)
        for machine in self.machines.values():
            machine.disk.write_s = partial(random.uniform, slowest_s / 10, slowest_s)

    def make_network(self, random: Random) -> ByteNetwork:
        self.loop.network = ByteNetwork(self.loop, random)
        return self.loop.network

    def make_machine(self, role: Role, random: Random, versions: tuple[int, int] | None) -> StackMachine:
        return StackMachine(role, self.loop, random, self.note, versions, self.root)


class StackRun(Run):
    """A run with whole nodes, with a directory of its own, in memory if possible."""

    loop: StackLoop
    chain: StackChain

    def __init__(self, plan: Plan, *arguments: Any, **options: Any) -> None:
        self._directory = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, prefix="shelfsync-")
        super().__init__(plan, *arguments, **options)
        self._errors = _Errors()

    def make_loop(self, random: Random) -> StackLoop:
        return StackLoop(random)

    def make_chain(self) -> StackChain:
        return StackChain(self.plan, self.loop, self._note, Path(self._directory.name))

    def make_client(self, machine: Machine, number: int) -> StackClient:
        assert isinstance(machine, StackMachine)
        return StackClient(self.chain, self.history, machine, number)

    def make_workload(self, name: str, machine: Machine, number: int) -> Client | None:
        assert isinstance(machine, StackMachine)
        return stack_workload(name, self.chain, self.history, machine, number)

    def play(self) -> Result:
        gc.collect()  # the garbage of earlier runs, with the objects of all their processes, must not log in this one
        with self._directory, self._errors.listening(), self._stand_ins(), _interpreter_kept():
            result = super().play()
        _cached_build_middleware.cache_clear()  # it keeps the latest handlers, and with them whole chains
        result.counts.update(self._rarities())
        return result

    def _rarities(self) -> dict[str, int]:
        machines = [machine for machine in self.chain.machines.values() if isinstance(machine, StackMachine)]
        return {
            "lives": sum(len(machine.lives) for machine in machines),
            "torn commits": sum(machine.disk.torn for machine in machines),
            "slow stops": sum(machine.slow_stops for machine in machines),
        }

    async def _play(self) -> None:
        for machine in self.chain.machines.values():
            assert isinstance(machine, StackMachine)
            machine.on_answer = Answers(machine, self.chain, self.history).check
        await super()._play()
        await judge(self.chain, self.history)
        self._check_processes()

    def _check_processes(self) -> None:
        super()._check_processes()
        for error in self._errors.records:
            raise Violation("Process", 0, f"a library logged an error: {error}")

    @contextmanager
    def _stand_ins(self) -> Iterator[None]:
        """Replace the threads and the clock that libraries use besides the loop by virtual ones.

        Also replace the metrics of this process, whose memory differs in each run.
        """
        with (
            replaced(aiosqlite.core, "Thread", NoThread),
            replaced(aiosqlite.core, "SimpleQueue", self._make_worker),
            replaced(aiohttp.connector, "monotonic", self.loop.time),
            replaced(replica.runtime.http.metrics, "ProcessCollector", lambda registry: None),
        ):
            yield

    def _make_worker(self) -> Worker:
        host = current_host()
        assert host is not None
        machine = self.chain.machines[host.name]
        assert isinstance(machine, StackMachine)
        worker = Worker(self.loop, machine.disk)
        machine.disk.workers.append(worker)
        return worker


class _Errors(logging.Handler):
    """Errors that libraries log. They are bugs in the node that no exception shows."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)):
            self.records.append(logging.Formatter().format(record))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect logged errors. The logs of the nodes themselves are off."""
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)


@contextmanager
def _interpreter_kept() -> Iterator[None]:
    """Turn off garbage collection, because it runs finalizers at random times. Then restore all settings."""
    was_enabled, thresholds, interval = gc.isenabled(), gc.get_threshold(), sys.getswitchinterval()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)
        if was_enabled:
            gc.enable()


def play(plan: Plan) -> Result:
    """Play a plan with whole nodes."""
    return StackRun(plan).play()
