"""Readers of the journal get each durable entry of a machine once, in order, or are told to begin again."""

from __future__ import annotations

from replica.core.log.cursors import BEGINNING
from simulations.checkers.checker import Checker
from simulations.history import PageRead
from simulations.journal import SimulatedDisk


class ReadersChecker(Checker):
    """A machine takes only cursors that it gave since it got its disk, and each page follows on the page before."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._given: dict[str, dict[str, int]] = {}
        """By machine: each cursor that it gave, and how many entries the reader had read by then."""
        self._disks: dict[str, SimulatedDisk] = {}

    def read(self, reader: str, machine: str, cursor: str, page: PageRead) -> None:
        disk = self.chain.machines[machine].disk
        if self._disks.get(machine) is not disk:
            self._disks[machine], self._given[machine] = disk, {}
        given = self._given[machine]
        if page.is_reset:
            if cursor in given:
                self.fail(f"{machine} gave {cursor} and refused it when {reader} sent it back")
            given[page.next] = 0
            return
        if cursor != BEGINNING and cursor not in given:
            self.fail(f"{machine} took {cursor} from {reader}, and never gave it")
        number = given.get(cursor, 0)
        disk.refresh()
        expected = [stored.entry.hash.hex() for stored in disk.stored[number : number + len(page.hashes)]]
        if list(page.hashes) != expected:
            self.fail(f"{machine} gave {reader} other entries after {cursor} than its journal has after {number}")
        given[page.next] = number + len(page.hashes)
