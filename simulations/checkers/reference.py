"""Each write did what the reference model says: units, breaches, and what the answer shows as available."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replica.core.base.errors import Refused
from replica.core.base.names import CHAIN
from replica.core.log.entry import DOCUMENT
from replica.core.state.commands import Command
from replica.runtime.ports import Stored
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Checker
from simulations.history import Ask, History
from simulations.machine import Machine
from simulations.reference.answers import difference
from simulations.reference.journal import Entry
from simulations.reference.replay import Replay
from simulations.translation import body_of, expected_refusal, is_derived, kind_of, plain, refusal_of


class ReferenceChecker(Checker):
    """What a node answers follows from its journal by the reference model.

    An entry says what its request leads to, given what the node had before it. A refusal is what the request leads to
    at some moment between the request and the answer. Of an event of an order, the entry that answers it is checked;
    other entries of the same event follow from it. The model plays the journal of each node: of a store, the part of
    its location. Returns that name their sale are left out, because the model does not know which of the sales lost
    to a duplicate.
    """

    invariant = 5

    def __init__(self, chain: SimulatedChain, history: History) -> None:
        super().__init__(chain, history)
        self._replays: dict[str, Replay] = {}
        self._asks: dict[bytes, Ask] = {}
        self._noted = 0
        self._writers: dict[str, dict[str, None]] = {}
        """By machine: the writers of the entries that it had."""
        self._earlier: dict[str, dict[str, None]] = {}
        """By machine: the writers on disks that it lost. Their entries come back in any order, from hubs."""

    def replaced(self, machine: Machine) -> None:
        self._replays.pop(machine.name, None)
        self._earlier[machine.name] = dict(self._writers.get(machine.name, {}))

    def entry(self, machine: Machine, stored: Stored) -> None:
        if not is_played(machine, stored):
            return
        replay = self._replay(machine)
        entry = plain(stored, len(replay.journal.entries) + 1)
        self._writers.setdefault(machine.name, {})[entry.writer] = None
        is_decided_here = entry.node == machine.name and entry.writer not in self._earlier.get(machine.name, ())
        asked = self._asked(entry, stored.entry.content.key) if is_decided_here and entry.key else None
        wrong = replay.play(entry, asked)
        if asked is not None:
            self.history.tally("held to the reference")
            if "event" in asked:
                self.history.tally(f"order {entry.facts['act']} held to the reference")
        if wrong:
            self.fail(f"{machine.name} wrote {entry.kind} {entry.key} for {asked}: {wrong}")

    def refused(self, ask: Ask, refused: Refused, machine: Machine, since: int) -> None:
        command = ask.asked
        if not isinstance(command, Command) or not is_derived(refused, command) or machine.name != machine.role.name:
            return
        asked = body_of(command)
        if asked is None:
            return
        shown = refusal_of(refused)
        expected = expected_refusal(self._replay(machine), command, asked)
        if difference(expected, shown):
            expected = self._refusal_before(machine, since, command, asked, shown)
        self.history.tally("refusals held to the reference")
        wrong = difference(expected, shown)
        if wrong:
            self.fail(f"{machine.name} refused {asked} with {shown}, and had to answer {expected}: {wrong}")

    def _refusal_before(
        self, machine: Machine, since: int, command: Command, asked: Mapping[str, Any], shown: Mapping[str, Any]
    ) -> Any:
        """The refusal at the first moment since a number of entries that explains what was shown, or the last one."""
        replay = new_replay(machine, self.chain)
        expected: Any = None
        for index, stored in enumerate(machine.disk.stored):
            if index >= since:
                expected = expected_refusal(replay, command, asked)
                if not difference(expected, shown):
                    break
            if is_played(machine, stored):
                replay.hear(plain(stored, len(replay.journal.entries) + 1))
        else:
            expected = expected_refusal(replay, command, asked)
        return expected

    def _replay(self, machine: Machine) -> Replay:
        if machine.name not in self._replays:
            self._replays[machine.name] = new_replay(machine, self.chain)
        return self._replays[machine.name]

    def _asked(self, entry: Entry, key: bytes) -> Mapping[str, Any] | None:
        """The request that an entry was written for in its normal form, if the model can decide it."""
        asks = self.history.asks
        for ask in asks[self._noted :]:
            if not ask.is_impostor:
                self._asks[ask.key] = ask
        self._noted = len(asks)
        found = self._asks.get(key)
        if found is None or not isinstance(found.asked, Command):
            return None
        return body_of(found.asked) if kind_of(found.asked) == entry.kind else None


def new_replay(machine: Machine, chain: SimulatedChain) -> Replay:
    """The empty journal of a machine."""
    role, met = machine.role, [store.name for store in chain.stores]
    return Replay(machine.name, open_catalogue=True, own=role.locations, met=met, is_hub=role.role == "hub")


def is_played(machine: Machine, stored: Stored) -> bool:
    """Whether the model plays an entry: a store has only the entries of its location, and documents."""
    scope = stored.entry.stream.scope
    is_document = scope == CHAIN and stored.entry.content.kind == DOCUMENT
    return machine.role.role == "hub" or scope in machine.role.locations or is_document
