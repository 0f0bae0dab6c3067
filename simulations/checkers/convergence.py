"""Replicas with equal version vectors have equal state. After healing, the vectors are equal."""

from __future__ import annotations

from replica.core.base.names import CHAIN
from replica.core.catalog.registers import Register
from replica.core.state.replica import Replica
from simulations.checkers.checker import Checker


class ConvergenceChecker(Checker):
    """Machines with the same entries have the same stock, documents and orders, at any time."""

    invariant = 1

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._digests: dict[tuple[str, str], tuple[str, str]] = {}
        self._looked: dict[str, tuple[object, int]] = {}
        """By machine: its replica, and the number of entries that the replica held at the last look."""
        self._states: dict[tuple[str, str], object] = {}
        self._compared: dict[tuple[str, str], object] = {}
        """By pair of hubs: what they held when their orders were compared last."""

    def moment(self) -> None:
        for machine in self.chain.machines.values():
            if machine.node is None:
                continue
            replica = machine.node.replica
            if machine.node.peers.divergences:
                self.fail(f"{machine.name} raised an alarm: {machine.node.peers.divergences}")
            looked = (replica, replica.arrival)
            if self._looked.get(machine.name) == looked:
                continue
            self._looked[machine.name] = looked
            for scope in replica.vectors:
                digest = replica.digest(scope)
                if (scope, replica.vector_digest(scope)) not in self._digests:
                    self._check_digest(replica, scope, digest)
                known, by = self._digests.setdefault((scope, replica.vector_digest(scope)), (digest, machine.name))
                if known != digest:
                    self.fail(f"{machine.name} and {by} hold the same entries of {scope}, but their states differ")
        self._compare_orders()

    def _compare_orders(self) -> None:
        """Hubs with the same entries have the same orders. Compares rarely, because a digest reads all orders."""
        hubs = [(hub.name, hub.node.replica) for hub in self.chain.hubs if hub.node is not None]
        for index, (name, replica) in enumerate(hubs):
            for other, others in hubs[:index]:
                held, is_equal = (replica, replica.arrival, others), replica.vectors == others.vectors
                if is_equal and self._compared.get((name, other)) != held:
                    self._compared[name, other] = held
                    if replica.orders.digest() != others.orders.digest():
                        self.fail(f"{name} and {other} hold the same entries, but their orders differ")

    def _check_digest(self, replica: Replica, scope: str, digest: str) -> None:
        """Two different states have different digests; otherwise a digest would hide a difference."""
        stocks = replica.ledger.stocks(scope)
        cells = [(item, route.name, total) for item in sorted(stocks) for route, total in stocks[item].cells.items()]
        documents = [_print(one) for one in replica.documents.registers() if one.scope == scope]
        state = (sorted(cells), sorted(documents))
        if self._states.setdefault((scope, digest), state) != state:
            self.fail(f"two states of {scope} have the digest {digest}")

    def finish(self) -> None:
        self._compared.clear()
        self.moment()
        for scope in [CHAIN, *sorted({location for location, _ in self.history.pairs})]:
            subscribers = self.chain.subscribers(scope)
            vectors = {
                machine.name: machine.node.replica.vector_digest(scope)
                for machine in subscribers
                if machine.node is not None
            }
            if len(vectors) != len(subscribers) or len(set(vectors.values())) > 1:
                self.fail(f"version vectors of {scope} differ at the end: {vectors}")


def _print(register: Register) -> tuple[str, str, int, str, tuple[int, int, str], bytes]:
    return (register.kind, register.key, register.rank, register.at, register.precedence, register.value or b"")
