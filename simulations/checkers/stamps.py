"""Stamps never go back, stamps follow their causes, and a wrong clock does not change other clocks."""

from __future__ import annotations

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import CLOCK_AHEAD_MAX_MS
from replica.core.base.names import node_of
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

SLACK_MS = 2_000
"""Error of a clock without a fault, plus the time from a commit to its check."""

DELAY_MS = 30_000
"""Upper bound of the time from the merge of an entry to its check, with a pause and a slow disk."""

CLOCK_FAULTS = ("clock-forward", "clock-back", "clock-drift")


class StampsChecker(Checker):
    """A writer's stamps only grow; with a right clock, they are after every credible stamp that the writer held."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._last: dict[str, int] = {}
        self._believed: dict[str, int] = {}
        faults = [fault for fault in self.chain.plan.faults if fault.kind in CLOCK_FAULTS]
        self._wrong = sorted({name for fault in faults for name in fault.who})

    def entry(self, machine: Machine, stored: Stored) -> None:
        writer, stamp = stored.entry.stream.writer, stored.entry.content.clock
        now_ms = self.chain.wall_ms
        is_own = node_of(writer) == machine.name and writer == machine.writer
        if is_own:  # entries of a lost incarnation come back in any order
            if stamp <= self._last.get(writer, 0):
                self.fail(f"{writer} issued {stamp} after {self._last[writer]}")
            self._last[writer] = stamp
            if machine.name not in self._wrong and stamp <= self._believed.get(machine.name, 0):
                self.fail(f"{writer} issued {stamp} after it held {self._believed[machine.name]}")
            if machine.name not in self._wrong and stamp_ms(stamp) > now_ms + CLOCK_AHEAD_MAX_MS + SLACK_MS:
                self.fail(f"{writer}, whose clock is right, issued a stamp {stamp_ms(stamp) - now_ms} ms ahead")
        if not self.chain.is_passed_over and stamp_ms(stamp) <= now_ms + CLOCK_AHEAD_MAX_MS - DELAY_MS:
            self._believed[machine.name] = max(stamp, self._believed.get(machine.name, 0))

    def replaced(self, machine: Machine) -> None:
        self._believed.pop(machine.name, None)
        self._last = {writer: stamp for writer, stamp in self._last.items() if node_of(writer) != machine.name}
