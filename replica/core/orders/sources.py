"""Sources: what the orders of one channel may take at a node, and from which accounts."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

from msgspec import Struct

from replica.core.base.names import FREE, account
from replica.core.catalog.skus import Recipe
from replica.core.ledger.cells import Ledger, Stock
from replica.core.orders.allocations import Allocation
from replica.core.orders.sourcing import WantedLine
from replica.core.rights.policies import Policies, Policy
from replica.core.rights.quotas import channel_account, kept_back


class Source(Struct, frozen=True):
    """What the orders of one channel may take at a node, and from which accounts."""

    ledger: Ledger
    policies: Policies
    node: str
    channel: str
    """Empty where the node has no quotas for channels, or the order names none."""
    hosted: tuple[str, ...]
    """Locations that the node owns because no store does. It promises their units online and keeps some back."""
    pool: Container[str] | None = None
    """The locations whose stock the channel sells as one; None: all."""

    def account(self, location: str, item: str) -> str:
        """The account that they take from."""
        return self._account(self.policies.policy(location, item) if self.channel else None)

    def units(self, location: str, item: str) -> int:
        """Units that they may take."""
        stock = self.ledger.stocks(location).get(item)
        return self.standing(stock)[1] if stock is not None else 0

    def reading(self) -> Callable[[str, str], int]:
        """The same as a function that reads many pairs: without policies and a pool, units are those that are free."""
        if self.policies or self.pool is not None:
            return self.units
        at_location, free = self.ledger.at_location, account(self.node, FREE)

        def units(location: str, item: str) -> int:
            here = at_location.get(location)
            stock = here.stocks.get(item) if here is not None else None
            return max(0, stock.balance(free)) if stock is not None else 0

        return units

    def standing(self, stock: Stock) -> tuple[str, int]:
        """The account from which they take a pair, and how many units they may take."""
        policy = self.policies.policy(stock.location, stock.item)
        taken_from = self._account(policy)
        kept = kept_back(policy) if taken_from == account(self.node, FREE) else 0
        if self.pool is not None and stock.location not in self.pool:
            return taken_from, 0
        if kept and stock.location not in self.hosted:  # last, because a hub may host a thousand locations
            kept = 0
        return taken_from, max(0, stock.balance(taken_from) - kept)

    def units_of_all(self, location: str, item: str) -> int:
        """Units that the orders of all channels together may take."""
        return max(0, self.ledger.stock(location, item).rights(self.node) - self._kept(location, item))

    def _account(self, policy: Policy | None) -> str:
        has_quota = policy is not None and self.channel in policy.channels_ppm
        return channel_account(self.node, self.channel) if has_quota else account(self.node, FREE)

    def _kept(self, location: str, item: str) -> int:
        return kept_back(self.policies.policy(location, item)) if location in self.hosted else 0

    def allocations(
        self, location: str, wanted: Sequence[WantedLine], taken: Mapping[int, int]
    ) -> tuple[Allocation, ...]:
        """A quantity of each line, by its index, as allocations: one for each SKU, of an entry that has no hash yet."""
        counts: dict[tuple[str, Recipe], int] = {}
        for index, quantity in taken.items():
            name = (wanted[index].sku, wanted[index].recipe)
            counts[name] = counts.get(name, 0) + quantity
        allocations = []
        for (sku, recipe), quantity in counts.items():
            sources = tuple(self.account(location, item) for item, _ in recipe)
            mixed = sources if len(dict.fromkeys(sources)) > 1 else ()
            allocation = Allocation(
                entry=b"", sku=sku, quantity=quantity, recipe=recipe, source=sources[0], sources=mixed
            )
            allocations.append(allocation)
        return tuple(allocations)
