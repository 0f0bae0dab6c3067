"""Goods of an order that came back elsewhere are counted where they left, and what a person has to see is reported."""

from __future__ import annotations

from typing import Any

from replica.core.base.names import CUSTOMER, node_of
from replica.core.log.entry import Entry
from replica.core.orders.requests import ORDER, OrderEvent, order_request_of
from simulations.checkers.checker import Checker
from simulations.checkers.order_parts import ITEMS

Recipe = dict[str, int]


class GoodsCountedChecker(Checker):
    """No goods are past what left while a part has them, and other items and used numbers are reported."""

    invariant = 5

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._left: dict[tuple[str, str, str, str], int] = {}
        """By order, location, node and item: units that the node handed out and that are still with the customer."""
        self._recipes: dict[tuple[str, str], list[Recipe]] = {}
        """By order and SKU: the recipes that its fulfilments took."""
        self._of_entry: dict[tuple[bytes, str], Recipe] = {}
        self._taken: dict[bytes, Entry] = {}
        self._asks: dict[bytes, Entry] = {}
        self._ends: dict[bytes, list[Entry]] = {}
        """By the entry that took goods: the answers of owners who were asked to count them."""
        self._reported: dict[tuple[str, str], None] = {}
        """By order: outcomes that were reported."""
        self._voided: dict[bytes, None] = {}

    def appeared(self, entry: Entry) -> None:
        content, facts = entry.content, entry.content.facts
        if content.kind != ORDER:
            return
        order, act = content.reference, facts["act"]
        for _, sku, _, recipe, *_ in facts.get("taken", ()):
            self._of_entry[entry.hash, sku] = dict(recipe)
            self._recipes.setdefault((order, sku), []).append(dict(recipe))
        if act == "report":
            self._reported[order, facts["outcome"]] = None
        if act == "take_back":
            self._taken[entry.hash] = entry
        elif act == "void" and not facts.get("fulfilment"):
            self._voided[facts["voids"]] = None
        elif act == "ask" and facts.get("passes_on"):
            self._asks[entry.hash] = entry
        ask = self._asks.get(facts.get("settles", b""))
        if ask is not None:
            self._ends.setdefault(ask.content.facts["passes_on"], []).append(entry)
            if act == "report" and facts["outcome"] == "excess":
                self._check_excess(entry, ask)
        if act in ("step", "split"):
            self._count(entry)

    def finish(self) -> None:
        for taken in self._taken.values():
            ends, content = self._ends.get(taken.hash, []), taken.content
            if taken.hash in self._voided or not ends:
                continue
            request = order_request_of(content.facts)
            assert isinstance(request, OrderEvent)
            acts = [(end.content.facts["act"], end.content.facts.get("outcome")) for end in ends]
            if request.number and all(act == ("report", "repeat") for act in acts):
                self.fail(f"the goods of {request} are counted nowhere, and nobody is told")
            if any(act == "step" for act, _ in acts):
                self._check_items(content.reference, content.facts["goods"])

    def _count(self, entry: Entry) -> None:
        content, node = entry.content, node_of(entry.stream.writer)
        of = content.reference, entry.stream.scope, node
        for move in content.moves:
            change = ((move.target == CUSTOMER) - (move.source == CUSTOMER)) * move.quantity
            self._left[(*of, move.item)] = self._left.get((*of, move.item), 0) + change
        for taken_by, sku, quantity in content.facts.get("returned", ()) if not content.moves else ():
            for item, number in self._of_entry.get((taken_by, sku), {}).items():
                self._left[(*of, item)] = self._left.get((*of, item), 0) - number * quantity

    def _check_excess(self, entry: Entry, ask: Entry) -> None:
        """A node that asked itself to count goods must not ask a part that has too few, while its parts have enough."""
        taken = self._taken.get(ask.content.facts["passes_on"])
        named = order_request_of(taken.content.facts) if taken is not None else None
        asked, node = order_request_of(ask.content.facts), node_of(entry.stream.writer)
        assert isinstance(asked, OrderEvent)
        if not isinstance(named, OrderEvent) or named.fulfilment or node_of(ask.stream.writer) != node:
            return
        of = entry.content.reference, entry.stream.scope, node
        lines: list[Any] = list(asked.lines or ())
        are_items = all(str(line.sku).startswith(ITEMS) for line in lines)
        if are_items and all(self._left.get((*of, str(line.sku)), 0) >= line.quantity for line in lines):
            self.fail(f"{node} reports {asked} as past what left, but its parts have these units")

    def _check_items(self, order: str, goods: Any) -> None:
        for _, sku, _, recipe, *_ in goods:
            sold = self._recipes.get((order, sku), [])
            if sold and dict(recipe) not in sold:
                self.history.tally("goods of another recipe came back")
                if (order, "other_items") not in self._reported:
                    self.fail(f"{sku} of {order!r} came back as {dict(recipe)}, was sold as {sold}, and nobody is told")
