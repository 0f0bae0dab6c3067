"""What a node shows of its stock, as documents of its API: the stock of an item explained, and availability.

A simulated machine without HTTP answers by these functions. They call what the handlers of the API call.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hub.availability import sku_availability
from replica.core.catalog.locations import Point
from replica.core.state.replica import Replica
from replica.runtime.http.answers import ExplainAnswer, StockAnswer, cell_answers, entry_answer, stock_answer
from replica.runtime.node import Node

MOVEMENTS_MAX = 50
"""Movements that a client asks for at once."""


async def explained(node: Node, location: str, item: str) -> dict[str, Any]:
    """The stock of an item, the cells that add up to it, and the newest entries behind them."""

    def look(replica: Replica) -> tuple[StockAnswer, list[Any], int]:
        stock = replica.ledger.stock(location, item)
        return stock_answer(stock, replica, ""), cell_answers(stock), replica.arrival

    stock, cells, newest = await node.driver.look(look)
    page = await node.journal.moves_of(location, item, newest + 1, MOVEMENTS_MAX)
    movements = [entry_answer(stored) for stored in page.stored]
    answer = ExplainAnswer(stock, cells, movements, str(page.through) if page.through else None)
    shown: dict[str, Any] = msgspec.to_builtins(answer)
    return shown


async def available(node: Node, sku: str, channel: str, near: tuple[float, float] | None) -> dict[str, Any]:
    """The availability of a SKU at all locations, nearest first if a point is given. Raises Refused."""
    point = Point(*near) if near is not None else None
    answer = await node.driver.look(
        lambda replica: sku_availability(replica, sku, "", point, channel, lambda one: None)
    )
    shown: dict[str, Any] = msgspec.to_builtins(answer)
    return shown
