"""One location as the node that decides there sees it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from replica.core.base.errors import RightsExhausted
from replica.core.base.names import FREE, QUARANTINE, account
from replica.core.catalog.skus import Catalog
from replica.core.ledger.cells import Ledger
from replica.core.stock.transfers import Transfers


class LocationView(Struct, frozen=True):
    """One location as the node that works there sees it."""

    location: str
    ledger: Ledger
    catalog: Catalog
    transfers: Transfers
    free: str
    """The account of the node's own free units."""
    quarantine: str
    """The account of the node's units that wait for inspection."""

    @classmethod
    def of(cls, location: str, node: str, ledger: Ledger, catalog: Catalog, transfers: Transfers) -> LocationView:
        """The location as this node sees it."""
        return cls(
            location=location,
            ledger=ledger,
            catalog=catalog,
            transfers=transfers,
            free=account(node, FREE),
            quarantine=account(node, QUARANTINE),
        )


def check_covered(view: LocationView, source: str, taken: Mapping[str, int]) -> None:
    """Refuse a promise that takes more units than an account has. Raises RightsExhausted."""
    short = []
    for item, wanted in taken.items():
        balance = view.ledger.stock(view.location, item).balance(source)
        if wanted > balance:
            short.append({"item": item, "wanted": wanted, "free": max(0, balance)})
    if short:
        raise RightsExhausted(short)


class Taken:
    """What the lines of one fact take from the node's own accounts, in their order, and what they overdraw.

    Units that the fact itself brings into an account count for all its lines (`add`), so a line that raises an item
    and one that lowers it need no rights of their own.
    """

    __slots__ = ("_left", "_view", "breach")

    def __init__(self, view: LocationView) -> None:
        self._view = view
        self._left: dict[tuple[str, str], int] = {}
        self.breach: dict[str, int] = {}
        """By item: the units that the fact took past the rights of the node."""

    def left(self, account: str, item: str) -> int:
        """The units that the next lines may take from an account, at least 0."""
        known = self._left.get((account, item))
        if known is None:
            return max(0, self._view.ledger.stock(self._view.location, item).balance(account))
        return known

    def add(self, account: str, item: str, units: int) -> None:
        """Note units that the fact brings into an account. Do this before any line takes units."""
        self._left[account, item] = self.left(account, item) + units

    def take(self, account: str, item: str, units: int) -> int:
        """Take units whatever there is. Return how many of them were not there."""
        left = self.left(account, item)
        self._left[account, item] = max(0, left - units)
        short = max(0, units - left)
        if short:
            self.breach[item] = self.breach.get(item, 0) + short
        return short
