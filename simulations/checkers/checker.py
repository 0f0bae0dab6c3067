"""What every checker is: told of all that becomes durable and of all that clients learn, it says what must not be."""

from __future__ import annotations

from replica.core.log.entry import Entry
from replica.runtime.ports import Stored
from simulations.chain import SimulatedChain
from simulations.history import Ask, History
from simulations.machine import Machine


class Violation(Exception):
    """A guarantee does not hold. `invariant` is its number in the design, 0 for what is not numbered there."""

    def __init__(self, checker: str, invariant: int, detail: str) -> None:
        super().__init__(f"{checker}: {detail}")
        self.checker = checker
        self.invariant = invariant
        self.detail = detail


class Checker:
    """One guarantee. Safety is checked as things happen and at every moment, the rest when all is over."""

    invariant = 0

    def __init__(self, chain: SimulatedChain, history: History) -> None:
        self.chain = chain
        self.history = history

    def entry(self, machine: Machine, stored: Stored) -> None:
        """An entry became durable on a machine; called once each, in its arrival order."""

    def appeared(self, entry: Entry) -> None:
        """An entry is durable somewhere for the first time; called after those it rests on within its scope."""

    def replaced(self, machine: Machine) -> None:
        """A machine has another disk: what it held is gone, and all that is on this one is shown from its start."""

    def answered(self, ask: Ask, entry: Entry) -> None:
        """A client is told that its request is done."""

    def shown(self, machine: str, scope: str, vector: dict[str, int]) -> None:
        """A client is shown what a machine holds of a scope: how far each stream goes, by writer."""

    def moment(self) -> None:
        """Some time has passed."""

    def finish(self) -> None:
        """All is healed, delivered and answered."""

    def fail(self, detail: str) -> None:
        """Raise a violation."""
        raise Violation(type(self).__name__, self.invariant, detail)
