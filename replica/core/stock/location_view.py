"""One location as the node that decides there sees it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from replica.core.base.errors import RightsExhausted
from replica.core.base.names import FREE, QUARANTINE, account
from replica.core.catalog.skus import Catalog
from replica.core.ledger.cells import Ledger


class LocationView(Struct, frozen=True):
    """One location as the node that works there sees it."""

    location: str
    ledger: Ledger
    catalog: Catalog
    free: str
    """The account of the node's own free units."""
    quarantine: str
    """The account of the node's units that wait for inspection."""

    @classmethod
    def of(cls, location: str, node: str, ledger: Ledger, catalog: Catalog) -> LocationView:
        """The location as this node sees it."""
        return cls(
            location=location,
            ledger=ledger,
            catalog=catalog,
            free=account(node, FREE),
            quarantine=account(node, QUARANTINE),
        )


def check_covered(view: LocationView, source: str, taken: Mapping[str, int]) -> None:
    short = []
    for item, wanted in taken.items():
        balance = view.ledger.stock(view.location, item).balance(source)
        if wanted > balance:
            short.append({"item": item, "wanted": wanted, "free": max(0, balance)})
    if short:
        raise RightsExhausted(short)
