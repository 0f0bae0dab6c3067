"""Units sit where their request puts them: each kind of entry moves between its own accounts and no others."""

from __future__ import annotations

from replica.core.names import FREE, QUARANTINE, account, bucket_of, node_of, owner_of
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

KNOWN = ("sale", "return", "receipt", "count", "adjustment", "quarantine", "grant")


class Accounts(Checker):
    """Each kind of entry moves units between the accounts that are its own, by a table that is not the code's."""

    invariant = 5

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        node = node_of(entry.stream.writer)
        free, quarantine = account(node, FREE), account(node, QUARANTINE)
        if content.kind not in KNOWN:
            return
        allowed = {
            "sale": [(free, "customer")],
            "return": [("customer", quarantine if content.reason == "quarantine" else free)],
            "receipt": [("supplier", free)],
            "count": [("found", free), (free, "loss")],
            "adjustment": [("found", free), (free, "loss")],
            "quarantine": [(free, quarantine), (quarantine, free), (quarantine, "loss")],
            "grant": [(free, move.target) for move in content.moves if _is_free_of_another(move.target, node)],
        }[content.kind]
        for move in content.moves:
            if (move.source, move.target) not in allowed:
                self.fail(f"a {content.kind} moved from {move.source} to {move.target}")


def _is_free_of_another(target: str, node: str) -> bool:
    return bucket_of(target) == FREE and owner_of(target) != node
