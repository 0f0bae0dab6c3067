"""The call about one till receipt: its sale or return, and what came of it later."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web
from msgspec import Struct, structs

from replica.core.base.errors import Invalid
from replica.core.base.limits import TEXT_LENGTH_MAX
from replica.core.catalog.quote_records import read_quote
from replica.core.catalog.quotes import Quote
from replica.core.state.replica import Replica
from replica.core.stock.sales import QUOTE
from replica.core.stock.till_receipts import TillReceipt
from replica.runtime.http.answers import EntryAnswer, entry_answer
from replica.runtime.http.journal_reading import JournalReading
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import BEFORE, LIMIT, QueryField, limit_of, location_in
from replica.runtime.node import Node
from replica.runtime.ports import Stored

NUMBER = QueryField(
    "number",
    {"type": "string", "minLength": 1, "maxLength": TEXT_LENGTH_MAX},
    "The number of the receipt, as the till gave it.",
)


class ReceiptEntry(EntryAnswer, frozen=True):
    """One entry. `quote`: the prices that a sale applied; null if its goods had none.

    `units`: the UN/ECE Rec 20 codes of the units in which its SKUs and items are counted, now.
    """

    quote: Quote | None
    units: dict[str, str]


class TillReceiptPage(Struct, frozen=True):
    """The entries that have or name a till receipt, newest first: sales, returns, and corrections of returns.

    A till may use a number again, so there may be several sales. `next` is the cursor to send as `before` for the next
    page, at this node only; null on the last page. Without entries, this node knows no such receipt.
    """

    location: str
    number: str
    entries: list[ReceiptEntry]
    next: str | None


class TillReceiptsApi:
    """The call at one node.

    Args:
        location_of: the location that a call with this name means, of which the name may be empty. Raises Invalid.
    """

    def __init__(self, node: Node, long_reads: LongReads, location_of: Callable[[str], str]) -> None:
        self._node = node
        self._long_reads = long_reads
        self._location_of = location_of
        self._reading = JournalReading(node)

    def operations(self, query: tuple[QueryField, ...] = ()) -> list[Operation]:
        """The call. `query`: the field that names the location, where the node has several."""
        return [
            Operation(
                method="GET",
                path="/v1/till_receipts",
                handler=self.page,
                summary="List the entries that have or name a till receipt, newest first",
                answer=TillReceiptPage,
                query=(NUMBER, BEFORE, LIMIT, *query),
            )
        ]

    async def page(self, request: web.Request) -> web.Response:
        location = await self._node.meet(self._location_of(location_in(request)))
        number, limit = request.query.get(NUMBER.name, ""), limit_of(request)
        if not 1 <= len(number) <= TEXT_LENGTH_MAX:
            text = f"The query field number has {len(number)} characters. Send 1 to {TEXT_LENGTH_MAX}."
            raise Invalid(text, field=NUMBER.name)
        cursor = request.query.get(BEFORE.name)
        before = self._reading.arrival(cursor, BEFORE.name) if cursor is not None else None

        def newest(replica: Replica) -> int:
            replica.known_locations.check(location, "location")
            return replica.arrival

        through = await self._node.driver.look(newest)
        receipt = TillReceipt(location, number)
        page = await self._node.journal.entries_of_receipt(receipt, through + 1 if before is None else before, limit)
        entries = await self._long_reads.look(page.stored, _receipt_entries)
        older = self._reading.cursor(page.through) if page.through else None
        return json_response(TillReceiptPage(location, number, entries, older))


def _receipt_entries(replica: Replica, some: Sequence[Stored]) -> list[ReceiptEntry]:
    return [_receipt_entry(replica, stored) for stored in some]


def _receipt_entry(replica: Replica, stored: Stored) -> ReceiptEntry:
    content, catalog = stored.entry.content, replica.catalog
    known = ((line.sku, catalog.sku(line.sku)) for line in content.lines)
    units = {move.item: catalog.unit(move.item) for move in content.moves}
    units |= {name: sku.unit for name, sku in known if sku is not None}
    quote = read_quote(content.facts.get(QUOTE))
    return ReceiptEntry(**structs.asdict(entry_answer(stored)), quote=quote, units=units)
