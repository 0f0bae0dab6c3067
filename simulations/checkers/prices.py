"""Prices: what goods cost follows from the documents of a node and a moment, at each node and after each restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from replica.core.base.errors import Refused
from replica.core.base.names import node_of
from replica.core.catalog.quotes import QuoteLine
from replica.core.log.entry import DOCUMENT
from replica.core.log.times import recorded_ms
from replica.core.state.commands import DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.sales import QUOTE
from replica.runtime.http.answers import document_value, entry_answer
from replica.runtime.ports import Stored
from replica.runtime.pricing import occasion_at, quote_of
from simulations.checkers.checker import Checker
from simulations.history import Ask
from simulations.journal import SimulatedDisk
from simulations.machine import Machine, Priced
from simulations.reference.answers import difference
from simulations.reference.baskets import kept, quote
from simulations.reference.clocks import told_ms
from simulations.reference.kept_quotes import read_kept
from simulations.reference.price_documents import PriceDocuments
from simulations.translation import as_received

KINDS = ("price", "promotion", "location", "sku")

PIECES = 3
"""Units of the first SKU in the quotes at the end; each further one has one more. So there are groups and bundles."""

MOMENTS_MAX = 24
"""Moments of documents at which prices are compared at the end, the latest ones."""

HOURS = range(0, 7 * 24, 13)
"""Hours after the end at which prices are compared, too: each day of a week, at other times of day."""

HOUR_MS, MINUTE_MS = 3_600_000, 60_000

FIELDS = ("amount", "currency", "tax_inclusive", "override", "locked", "rank", "priority")
"""The fields for which a write may be refused because of other documents, besides scheduled amounts."""

GROUPS = ("", "staff", "members")
"""The customer groups of the quotes at the end, in turn."""


class _Write(Struct, frozen=True):
    """A write of a document that prices depend on, and its place in the order of arrival."""

    arrival: int
    facts: Mapping[str, Any]
    order: tuple[int, int, str]


class PricesChecker(Checker):
    """Quotes, prices of sales and refused prices follow from the documents of a node. All nodes agree at the end."""

    invariant = 5

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._writes: dict[str, tuple[int, list[_Write]]] = {}
        """By machine: how many entries of its disk were read, and the writes among them."""
        self._documents: dict[str, tuple[int, PriceDocuments]] = {}
        """By machine: the documents after some of its entries, and how many entries these are."""
        self._has_prices = False

    def entry(self, machine: Machine, stored: Stored) -> None:
        content, writer = stored.entry.content, stored.entry.stream.writer
        if content.kind == DOCUMENT and content.facts["kind"] in ("price", "promotion"):
            self._has_prices = True
        if content.kind == DOCUMENT and node_of(writer) == machine.name:
            self._check_write(machine, stored)
        if not self._has_prices or content.kind != "sale" or node_of(writer) != machine.name:
            return
        priced = [one for one in machine.priced.get(content.key, ()) if one.arrival < stored.arrival]
        found, wrong = read_kept(as_received(content.facts.get(QUOTE))), ""
        for one in priced:
            for asked in self._whens(machine, one, stored):
                wrong = difference(kept(self._expected(machine, asked)), found)
                if not wrong:
                    self.history.tally("prices of sales held to the documents")
                    return
        if wrong:
            self.fail(f"{machine.name} sold {priced[-1]} at {found}: {wrong}")

    def _check_write(self, machine: Machine, stored: Stored) -> None:
        """A write was admitted by the documents that its node had."""
        facts = as_received(entry_answer(stored))["facts"]
        field = self._documents_after(machine, stored.arrival - 1).refused_field(facts)
        if field is not None:
            self.fail(f"{machine.name} wrote {facts}, and had to refuse it for its {field}")

    def refused(self, ask: Ask, refused: Refused, machine: Machine, since: int) -> None:
        """A write that is refused for other documents, and not for itself, met such documents since it was sent."""
        write = ask.asked
        if not isinstance(write, DocumentWrite) or write.kind not in ("price", "promotion") or write.value is None:
            return
        if refused.field not in FIELDS and not str(refused.field).endswith("].amount"):
            return
        facts = {"kind": write.kind, "key": write.name, "rank": write.rank, "at": write.at}
        facts["value"] = document_value(write.value)
        found = {
            self._documents_after(machine, arrival).refused_field(facts): None
            for arrival in self._arrivals(machine, since, len(machine.disk.stored) + 1)
        }
        self.history.tally("refused prices held to the documents")
        if refused.field not in found:
            self.fail(f"{machine.name} refused {facts} for its {refused.field}, and may refuse it for {list(found)}")

    def _whens(self, machine: Machine, priced: Priced, stored: Stored) -> Iterator[Priced]:
        """After how many entries, and at which moments, a node may have priced the goods of a sale."""
        last_ms = max(priced.moment_ms, recorded_ms(stored.entry.content))
        for arrival in self._arrivals(machine, priced.arrival, stored.arrival) if priced.is_least else [priced.arrival]:
            moments = [priced.moment_ms]
            if priced.is_least:
                changes = self._documents_after(machine, arrival).moments()
                moments += [one for one in changes if priced.moment_ms < one <= last_ms]
                moments += range(-(-priced.moment_ms // MINUTE_MS) * MINUTE_MS, last_ms + 1, MINUTE_MS)
            for now_ms in moments:
                told = told_ms(priced.occurred_us, now_ms)
                yield replace(priced, arrival=arrival, moment_ms=now_ms if told is None else told)

    def _arrivals(self, machine: Machine, first: int, end: int) -> list[int]:
        """The numbers of entries after which the documents of a machine were as they were at some time in a range."""
        return [first, *[one.arrival for one in self._writes_at(machine) if first < one.arrival < end]]

    def replaced(self, machine: Machine) -> None:
        self._documents.pop(machine.name, None)
        self._writes.pop(machine.name, None)
        machine.priced.clear()

    def quoted(self, machine: Machine, shown: Mapping[str, Any]) -> None:
        if "again" in shown:
            if shown["first"] != shown["again"]:
                self.fail(f"{machine.name} answers a sale with {shown['again']}, and first with {shown['first']}")
            return
        if shown["disk"] is not machine.disk:
            return
        asked: Priced = shown["asked"]
        wrong = difference(self._expected(machine, asked), as_received(shown["quote"]))
        if wrong:
            self.fail(f"{machine.name} quotes {asked}: {wrong}")
        documents = self._documents_after(machine, asked.arrival)
        conflicts = [documents.price_conflicts(shown["now_ms"]), documents.promotion_conflicts(shown["now_ms"])]
        if shown["conflicts"] != conflicts:
            self.fail(f"{machine.name} lists the conflicts {shown['conflicts']}, and these are {conflicts}")

    def finish(self) -> None:
        if not self._has_prices:
            return
        everywhere: dict[tuple[str, int], tuple[str, Any]] = {}
        basket = tuple((f"item-{number}", PIECES + number) for number in range(self.chain.plan.trade.items))
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
                for moment_ms in self._moments(documents):
                    asked = Priced(0, moment_ms, location, basket, GROUPS[moment_ms % len(GROUPS)])
                    found = self._compared(machine, documents, asked, (replica, again))
                    other, shown = everywhere.setdefault((location, moment_ms), (machine.name, found))
                    if found != shown:
                        self.fail(f"{machine.name} quotes {found} at {location}, and {other} quotes {shown}")

    def _moments(self, documents: PriceDocuments) -> list[int]:
        """Moments at which prices are compared at the end."""
        of_documents = documents.moments()[-MOMENTS_MAX:]
        return [*of_documents, *(self.chain.wall_ms + hours * HOUR_MS for hours in HOURS)]

    def _compared(self, machine: Machine, documents: PriceDocuments, asked: Priced, both: Iterable[Replica]) -> Any:
        """What a machine quotes at the end, by its replica and by one that was loaded again."""
        expected, found = _quote(documents, asked), {}
        lines = [QuoteLine(sku, quantity) for sku, quantity in asked.lines]
        self.history.tally("prices compared at rest")
        for replica, when in zip(both, ("", " after a restart"), strict=True):
            occasion = occasion_at(replica, asked.location, asked.moment_ms, asked.group)
            found = as_received(to_builtins(quote_of(replica, lines, occasion)))
            wrong = difference(expected, found)
            if wrong:
                self.fail(f"{machine.name} quotes {asked}{when}: {wrong}")
        return found

    def _expected(self, machine: Machine, asked: Priced) -> Any:
        return _quote(self._documents_after(machine, asked.arrival), asked)

    def _documents_after(self, machine: Machine, arrival: int) -> PriceDocuments:
        """The documents after the first entries of a disk. They are read on, unless somebody asks for earlier ones."""
        through, documents = self._documents.get(machine.name, (0, PriceDocuments()))
        if arrival < through:
            through, documents = 0, PriceDocuments()
        for one in self._writes_at(machine):
            if through < one.arrival <= arrival:
                documents.put(one.facts, one.order)
        self._documents[machine.name] = (arrival, documents)
        return documents

    def _writes_at(self, machine: Machine) -> list[_Write]:
        """The writes of documents on the disk of a machine, in order of arrival."""
        machine.disk.refresh()
        read, writes = self._writes.get(machine.name, (0, []))
        for arrival, stored in enumerate(machine.disk.stored[read:], read + 1):
            content = stored.entry.content
            if content.kind == DOCUMENT and content.facts["kind"] in KINDS:
                shown = as_received(entry_answer(stored))
                order = (shown["facts"]["version"], shown["clock"], shown["writer"])
                writes.append(_Write(arrival, shown["facts"], order))
        self._writes[machine.name] = (len(machine.disk.stored), writes)
        return writes


def _quote(documents: PriceDocuments, asked: Priced) -> dict[str, Any]:
    return quote(documents, asked.lines, asked.location, asked.moment_ms, asked.group)
