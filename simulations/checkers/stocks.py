"""The stock of all locations, added up from the moves of all entries, each counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from replica.core.base.names import FREE, HELD, QUARANTINE, bucket_of, owner_of
from replica.core.log.entry import Entry
from simulations.history import Pair


class Stocks:
    """The balance of every internal account, by location and item."""

    def __init__(self) -> None:
        self._balances: dict[Pair, dict[str, int]] = {}

    def add(self, entry: Entry) -> None:
        """Add the moves of an entry that was not added before."""
        for move in entry.content.moves:
            balances = self._balances.setdefault((entry.stream.scope, move.item), {})
            for account, units in ((move.source, -move.quantity), (move.target, move.quantity)):
                if owner_of(account) is not None:
                    balances[account] = balances.get(account, 0) + units

    def pairs(self) -> Iterator[Pair]:
        """Every location and item, in order of names."""
        yield from sorted(self._balances)

    def balance(self, pair: Pair, account: str) -> int:
        """The units in an account."""
        return self._balances.get(pair, {}).get(account, 0)

    def available(self, pair: Pair) -> int:
        """The units in the building that are neither held nor in quarantine; below zero if more are promised."""
        return sum(self.rights(pair).values())

    def rights(self, pair: Pair) -> dict[str, int]:
        """The units that each node may promise, in all its accounts except held and quarantine."""
        return self._by_owner(pair, lambda bucket: bucket not in (HELD, QUARANTINE))

    def free(self, pair: Pair) -> dict[str, int]:
        """The free units of each node, below zero where it sold past its rights."""
        return self._by_owner(pair, lambda bucket: bucket == FREE)

    def _by_owner(self, pair: Pair, counts: Callable[[str], bool]) -> dict[str, int]:
        found: dict[str, int] = {}
        for account, units in self._balances.get(pair, {}).items():
            owner = owner_of(account)
            if owner is not None and counts(bucket_of(account)):
                found[owner] = found.get(owner, 0) + units
        return found
