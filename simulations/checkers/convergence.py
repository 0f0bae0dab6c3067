"""Equal version vectors, equal state; and after healing, equal vectors."""

from __future__ import annotations

from replica.core.names import CHAIN
from simulations.checkers.checker import Checker


class Convergence(Checker):
    """Whoever holds the same entries holds the same stock and documents, at any time and at any machine."""

    invariant = 1

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._digests: dict[tuple[str, str], tuple[str, str]] = {}
        self._looked: dict[str, tuple[object, int]] = {}
        """The replica of each machine and how much it held at the last look."""

    def moment(self) -> None:
        for machine in self.chain.machines.values():
            if machine.node is None:
                continue
            replica = machine.node.replica
            if machine.node.peers.divergences:
                self.fail(f"{machine.name} was alarmed: {machine.node.peers.divergences}")
            looked = (replica, replica.arrival)
            if self._looked.get(machine.name) == looked:
                continue
            self._looked[machine.name] = looked
            for scope in replica.vectors:
                digest = replica.digest(scope)
                known, by = self._digests.setdefault((scope, replica.vector_digest(scope)), (digest, machine.name))
                if known != digest:
                    self.fail(f"{machine.name} and {by} hold the same entries of {scope} and not the same state")

    def finish(self) -> None:
        self.moment()
        for scope in [CHAIN, *sorted({location for location, _ in self.history.pairs})]:
            subscribers = self.chain.subscribers(scope)
            vectors = {
                machine.name: machine.node.replica.vector_digest(scope)
                for machine in subscribers
                if machine.node is not None
            }
            if len(vectors) != len(subscribers) or len(set(vectors.values())) > 1:
                self.fail(f"version vectors of {scope} differ in the end: {vectors}")
