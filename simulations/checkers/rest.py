"""At rest all counters of waiting things are zero, and no link carried what its receiver had."""

from __future__ import annotations

from collections.abc import Iterator

from simulations.checkers.checker import Checker
from simulations.machine import Machine


class RestChecker(Checker):
    """At rest nothing waits in any queue of a node, nothing is under way, and all granted rights have arrived."""

    invariant = 10

    def due(self) -> Iterator[str]:
        for machine in self.chain.machines.values():
            for what, number in self._waiting(machine).items():
                if number:
                    yield f"{machine.name} has {number} {what}"

    def _waiting(self, machine: Machine) -> dict[str, int]:
        node = machine.node
        if node is None:
            return {"processes to start": 1}
        driver, peers, replica = node.driver, node.peers, node.replica
        waiting = {
            "requests in the inbox": driver.waiting,
            "entries without a commit": replica.uncommitted,
            "items to look at for the rebalancer": node.rebalancer.waiting,
            "callers that wait for rights": node.rights.waiting,
            "grants that did not arrive": len(node.rights.arriving),
            "requests of peers to answer": node.rights_answers.waiting,
            "links past one for each peer": peers.live - len(peers.connected),
            "watchers past one for each link": driver.watching - len(peers.connected),
        }
        for peer in peers.connected:
            assert peer.link is not None
            session, between = peer.link.session, f"between it and {peer.name}"
            ours, theirs = session.unanswered
            waiting |= {
                f"unanswered requests for rights {between}": ours + theirs,
                f"unacknowledged bytes {between}": session.unacknowledged_bytes,
                f"unacknowledged entries {between}": peer.unacknowledged(replica),
                f"missing entries {between}": session.entries_behind(),
                f"frames before their commit {between}": peer.link.merges_waiting,
            }
        return waiting


class ResentChecker(Checker):
    """No node sends an entry that the receiver had on its disk when the session began."""

    invariant = 10

    def moment(self) -> None:
        for machine in self.chain.machines.values():
            if machine.node is not None and machine.node.peers.resent:
                self.fail(f"peers sent {machine.name} {machine.node.peers.resent} entries that it had told them it has")
