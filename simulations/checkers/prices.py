"""Prices: what goods cost follows from the documents of a node and a moment, at each node and after each restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgpack
from msgspec import to_builtins

from replica.core.base.names import node_of
from replica.core.catalog.quotes import QuoteLine
from replica.core.log.entry import DOCUMENT
from replica.core.state.replica import Replica
from replica.core.stock.sales import QUOTE
from replica.runtime.http.answers import entry_answer
from replica.runtime.ports import Stored
from replica.runtime.pricing import occasion_at, quote_of
from simulations.checkers.checker import Checker
from simulations.journal import SimulatedDisk
from simulations.machine import Machine, Priced
from simulations.reference.price_documents import PriceDocuments
from simulations.translation import as_received

KINDS = ("price", "promotion", "location", "sku")

PIECES = 3
"""Units of each SKU in the quotes at the end: more than one, so that the least amount of a line counts."""

MOMENTS_MAX = 24
"""Moments at which prices are compared at the end, the latest ones."""

OF_LINE = ("sku", "list_amount", "net_amount")
OF_PRICE = ("amount", "currency", "per", "tax_inclusive", "source")
OF_DISCOUNT = ("promotion", "amount", "source")


class PricesChecker(Checker):
    """A quote is that of the documents that its node had then. A sale keeps its price. All nodes agree at the end."""

    invariant = 5

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._documents: dict[str, tuple[int, PriceDocuments]] = {}
        """By machine: the documents after the first entries of its disk, and how many entries these are."""
        self._has_prices = False

    def entry(self, machine: Machine, stored: Stored) -> None:
        content, writer = stored.entry.content, stored.entry.stream.writer
        if content.kind == DOCUMENT and content.facts["kind"] in ("price", "promotion"):
            self._has_prices = True
        if not self._has_prices or content.kind != "sale" or node_of(writer) != machine.name:
            return
        priced = [one for one in machine.priced.get(content.key, ()) if one.arrival < stored.arrival]
        if priced:
            found = _kept_lines(content.facts.get(QUOTE))
            expected = [self._expected(machine, one) for one in priced]
            self.history.tally("prices of sales held to the documents")
            if found not in expected:
                self.fail(f"{machine.name} sold at {found}, and its documents say {expected[-1]}")

    def replaced(self, machine: Machine) -> None:
        self._documents.pop(machine.name, None)
        machine.priced.clear()

    def quoted(self, machine: Machine, shown: Mapping[str, Any]) -> None:
        if "again" in shown:
            if shown["first"] != shown["again"]:
                self.fail(f"{machine.name} answers a sale with {shown['again']}, and first with {shown['first']}")
            return
        if shown["disk"] is not machine.disk:
            return
        asked = Priced(shown["arrival"], shown["now_ms"], shown["location"], tuple(shown["lines"]))
        found, expected = _lines(shown["quote"]), self._expected(machine, asked)
        if found != expected:
            self.fail(f"{machine.name} quotes {found} at {asked.location}, and its documents say {expected}")
        documents = self._documents_after(machine, asked.arrival)
        conflicts = [documents.price_conflicts(asked.moment_ms), documents.promotion_conflicts(asked.moment_ms)]
        if shown["conflicts"] != conflicts:
            self.fail(f"{machine.name} lists the conflicts {shown['conflicts']}, and these are {conflicts}")

    def finish(self) -> None:
        if not self._has_prices:
            return
        everywhere: dict[tuple[str, int], tuple[str, Any]] = {}
        for machine in self.chain.machines.values():
            if machine.node is None or type(machine.disk) is not SimulatedDisk:
                continue
            replica = machine.node.replica
            again = Replica(
                replica.writer,
                replica.locations,
                machine.disk.image(replica.node),
                replica.open_catalog,
                kinds=replica.kinds,
                order_policy=replica.order_policy,
            )
            documents = self._documents_after(machine, len(machine.disk.stored))
            here = machine.role.locations if machine.role.role == "edge" else [one.name for one in self.chain.stores]
            for location in here:
                for moment_ms in documents.moments()[-MOMENTS_MAX:]:
                    asked = Priced(0, moment_ms, location, tuple((sku, PIECES) for sku in documents.skus()))
                    found = self._compared(machine, documents, asked, (replica, again))
                    other, shown = everywhere.setdefault((location, moment_ms), (machine.name, found))
                    if found != shown:
                        self.fail(f"{machine.name} quotes {found} at {location}, and {other} quotes {shown}")

    def _compared(self, machine: Machine, documents: PriceDocuments, asked: Priced, both: Iterable[Replica]) -> Any:
        """What a machine quotes at the end, by its replica and by one that was loaded again."""
        expected = _expected_lines(documents, asked)
        lines = [QuoteLine(sku, quantity) for sku, quantity in asked.lines]
        self.history.tally("prices compared at rest")
        for replica, when in zip(both, ("", " after a restart"), strict=True):
            quote = quote_of(replica, lines, occasion_at(replica, asked.location, asked.moment_ms))
            found = _lines(to_builtins(quote))
            if found != expected:
                at = f"{asked.location} at {asked.moment_ms}"
                self.fail(f"{machine.name} quotes {found} for {at}{when}, and its documents say {expected}")
        return expected

    def _expected(self, machine: Machine, asked: Priced) -> Any:
        return _expected_lines(self._documents_after(machine, asked.arrival), asked)

    def _documents_after(self, machine: Machine, arrival: int) -> PriceDocuments:
        """The documents after the first entries of a disk. They are read on, unless somebody asks for earlier ones."""
        machine.disk.refresh()
        read, documents = self._documents.get(machine.name, (0, PriceDocuments()))
        if arrival < read:
            read, documents = 0, PriceDocuments()
        for stored in machine.disk.stored[read:arrival]:
            content = stored.entry.content
            if content.kind == DOCUMENT and content.facts["kind"] in KINDS:
                shown = as_received(entry_answer(stored))
                documents.put(shown["facts"], (shown["facts"]["version"], shown["clock"], shown["writer"]))
        self._documents[machine.name] = (arrival, documents)
        return documents


def _expected_lines(documents: PriceDocuments, asked: Priced) -> list[dict[str, Any]]:
    quantities: dict[str, int] = {}
    for sku, quantity in asked.lines:
        quantities[sku] = quantities.get(sku, 0) + quantity
    found = [documents.quoted(sku, units, asked.location, asked.moment_ms) for sku, units in sorted(quantities.items())]
    return [one for one in found if one is not None]


def _lines(quote: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of a quote, as far as the model derives them."""
    return [
        {
            **{name: line[name] for name in OF_LINE},
            "price": {name: line["price"][name] for name in OF_PRICE},
            "discounts": [{name: one[name] for name in OF_DISCOUNT} for one in line["discounts"]],
        }
        for line in quote["lines"]
    ]


def _kept_lines(packed: bytes | None) -> list[dict[str, Any]]:
    """The lines of a quote that a sale keeps."""
    if packed is None:
        return []
    return [
        {
            "sku": sku,
            "list_amount": listed,
            "net_amount": net,
            "price": dict(zip(OF_PRICE, (amount, currency, per, tax_inclusive, _source(source)), strict=True)),
            "discounts": [
                {"promotion": promotion, "amount": off, "source": _source(of)} for promotion, off, _, _, of in discounts
            ],
        }
        for sku, _, amount, per, currency, tax_inclusive, source, listed, net, discounts in msgpack.unpackb(packed)
    ]


def _source(kept: Sequence[Any]) -> dict[str, Any]:
    rank, at, version = kept
    return {"rank": rank, "version": version, **({"at": at} if at else {})}
