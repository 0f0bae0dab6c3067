"""One key, one effect; a refusal, none; and every repetition gets the first answer."""

from __future__ import annotations

from replica.core.names import node_of
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.checkers.pn_counter import Outcome
from simulations.machine import Machine


class ExactlyOnce(Checker):
    """No key has two entries anywhere, and none that was refused has one."""

    invariant = 3

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._entries: dict[bytes, dict[str, bytes]] = {}
        """By key, and by node where more than one was asked."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        key, own = stored.entry.content.key, stored.entry.hash
        node = node_of(stored.entry.stream.writer) if key in self.history.elsewhere else ""
        if key and self._entries.setdefault(key, {}).setdefault(node, own) != own:
            self.fail(f"the key {key!r} has two entries")

    def moment(self) -> None:
        for ask, entry in self.history.conflicts:
            self.fail(f"{ask.machine} gave {ask.key!r} another answer: number {entry.sequence} of {entry.stream}")

    def finish(self) -> None:
        self.moment()
        for ask in self.history.asks:
            if ask.is_impostor:
                continue
            if ask.outcome is Outcome.REFUSED and ask.key in self._entries:
                self.fail(f"{ask.machine} refused {ask.key!r}, and did it")
            if ask.entry is not None and ask.entry.hash not in self._entries.get(ask.key, {}).values():
                self.fail(f"{ask.machine} acknowledged {ask.key!r}, and nobody has its entry")
