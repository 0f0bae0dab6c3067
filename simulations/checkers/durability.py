"""Entries that clients or peers may rely on are durable."""

from __future__ import annotations

from replica.core.log.entry import Entry, Stream
from simulations.checkers.checker import Checker
from simulations.history import Ask


class DurabilityChecker(Checker):
    """Every answer, acknowledgement and figure depends only on durable entries."""

    invariant = 2

    def answered(self, ask: Ask, entry: Entry) -> None:
        self._check_kept(ask.machine, entry)

    def shown(self, machine: str, scope: str, vector: dict[str, int]) -> None:
        for writer, sequence in vector.items():
            if self.chain.machines[machine].disk.head(Stream(writer, scope)) < sequence:
                self.fail(f"{machine} showed number {sequence} of {writer} {scope}, which is not durable there")

    def moment(self) -> None:
        machines = self.chain.machines
        for machine in machines.values():
            peers = machine.node.peers.known.values() if machine.node is not None else ()
            for peer in peers:
                for stream, sequence in peer.durable.items():
                    if peer.name in machines and machines[peer.name].disk.head(stream) < sequence:
                        self.fail(f"{machine.name} wrongly believes that {peer.name} holds {sequence} of {stream}")

    def finish(self) -> None:
        for ask in self.history.asks:
            if ask.entry is None:
                continue
            here = self.chain.subscribers(ask.entry.stream.scope)
            if self.chain.machines[ask.machine] in here:  # a retry may have gone to a store that never hears of it
                self._check_kept(ask.machine, ask.entry)

    def _check_kept(self, name: str, entry: Entry) -> None:
        kept = self.chain.machines[name].disk.entry(entry.stream, entry.sequence)
        if kept is None or kept.hash != entry.hash:
            self.fail(f"{name} acknowledged number {entry.sequence} of {entry.stream}, which it does not hold")
