"""The base of all checkers. A checker sees every entry that becomes durable and every answer, and finds violations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from replica.core.base.errors import Refused
from replica.core.log.entry import Entry
from replica.runtime.ports import Stored
from simulations.addressed import AddressedCommand, Surveyed
from simulations.chain import SimulatedChain
from simulations.history import Ask, History, PageRead
from simulations.machine import Machine


class Violation(Exception):
    """A guarantee does not hold. `invariant` is its number in the design, or 0 if it has none."""

    def __init__(self, checker: str, invariant: int, detail: str) -> None:
        super().__init__(f"{checker}: {detail}")
        self.checker = checker
        self.invariant = invariant
        self.detail = detail


class Checker:
    """One guarantee. A checker checks safety during the run, and everything else at the end."""

    invariant = 0

    def __init__(self, chain: SimulatedChain, history: History) -> None:
        self.chain = chain
        self.history = history

    def entry(self, machine: Machine, stored: Stored) -> None:
        """An entry became durable on a machine. Called once for each entry, in the machine's arrival order."""

    def appeared(self, entry: Entry) -> None:
        """An entry became durable for the first time on any machine. Called after its causes within its scope."""

    def replaced(self, machine: Machine) -> None:
        """A machine got another disk. Then `entry` is called for all entries of the new disk."""

    def answered(self, ask: Ask, entry: Entry) -> None:
        """A client got the answer that its request is done."""

    def refused(self, ask: Ask, refused: Refused, machine: Machine, since: int) -> None:
        """A client got a refusal. `since`: how many entries were durable at the machine when it asked."""

    def shown(self, machine: str, scope: str, vector: dict[str, int]) -> None:
        """A client saw the version vector of a scope at a machine: the last number of each stream, by writer."""

    def read(self, reader: str, machine: str, cursor: str, page: PageRead) -> None:
        """A reader sent a cursor to a machine, and got a page of its journal, or was told to begin again."""

    def figures(self, machine: str, shown: Mapping[str, Any], after: Entry | None) -> None:
        """A client got a document about stock: an explained item, or the availability of a SKU.

        `after`: the entry of a request whose answer the same client got from this machine before it asked.
        """

    def quoted(self, machine: Machine, shown: Mapping[str, Any]) -> None:
        """A client got a quote from a machine, or the answer to a sale for the second time."""

    def sourced(self, machine: Machine, asked: AddressedCommand, surveyed: Surveyed, shown: Mapping[str, Any]) -> None:
        """A client was told from where an order to an address would be sent."""

    def moment(self) -> None:
        """Called often during the run."""

    def away(self, core: Collection[str], since_s: float) -> None:
        """Called when these machines were healed at a time, agreed, and ran for `away_s` without the others.

        Since then nobody asked them for anything. So what they can do alone must be done.
        """

    def due(self) -> Iterator[str]:
        """What the contract promises and has not happened yet. Called again and again once the world is quiet.

        The world is quiet when everything is healed, delivered and answered, and all deadlines have passed. The run
        waits until nothing is due at any checker, for a bounded time. Else the first thing that is due is a violation.
        """
        return iter(())

    def finish(self) -> None:
        """Called once, when everything is healed, delivered and answered."""

    def fail(self, detail: str) -> None:
        """Raise a violation."""
        raise Violation(type(self).__name__, self.invariant, detail)
