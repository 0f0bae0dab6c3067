"""What must hold: in the view of one node, in the entries of all nodes together, and when nothing is left to do.

The entries of all nodes together are the merged state: each node has all entries of its own streams, because no disk is
lost here. Numbers are those of the invariants in the design.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from replica.core.base.names import HUBS
from replica.core.log.entry import Entry
from replica.core.orders.fold import held_differences
from replica.core.orders.requests import OrderEvent, order_request_of
from replica.core.state.replica import Replica
from replica.runtime.http.answers import entry_answer, stock_answer
from replica.runtime.http.order_answers import order_view
from replica.runtime.ports import Stored
from simulations.explorer.book import HANDED_OUT, OPEN, OVERDRAWING, TABLE, Book, Problem, book_of
from simulations.explorer.script import Script
from simulations.reference.view_faults import ViewFaults
from simulations.translation import as_received

KEPT = ("grant", "count", "document")
"""Kinds whose void moves no units back."""


def view_problems(script: Script, replica: Replica, journal: Sequence[Entry], known: int) -> list[Problem]:
    """Problems in the view of one node, of whose journal the first `known` entries were checked before."""
    book = Book(script)
    for number, entry in enumerate(journal):
        book.add(entry)
        if number >= known and entry.stream.writer == replica.writer:
            book.problems += _overdraft_problems(entry, book.overdrawn)
    book.check_held()
    return [*book.problems, *_shown_problems(script, replica, book), *_listed_problems(replica, journal)]


def _overdraft_problems(entry: Entry, overdrawn: dict[str, int]) -> Iterator[Problem]:
    """Only goods in hand overdraw an account, and a sale records by how many units."""
    content = entry.content
    is_promise = content.kind not in OVERDRAWING or content.facts.get("on_shortage") == "refuse"
    if overdrawn and is_promise:
        yield Problem(4, f"the {content.kind} {name_of(entry)} is a promise and overdrew {overdrawn}")
    if content.kind == "sale" and content.facts.get("breach", {}) != overdrawn:
        yield Problem(6, f"{name_of(entry)} overdrew {overdrawn}, but records {content.facts.get('breach', {})}")


def _shown_problems(script: Script, replica: Replica, book: Book) -> Iterator[Problem]:
    """The node shows what its entries say."""
    for item in sorted({item for item, _ in book.balances}):
        stocks = [replica.ledger.stock(location, item) for location in script.locations]
        figures = [(one.on_hand, one.reserved, one.quarantined) for one in (stock.figures for stock in stocks)]
        shown = tuple(map(sum, zip(*figures, strict=True)))
        if shown != book.figures(item):
            yield Problem(7, f"{replica.node} shows {shown} of {item}, but its entries say {book.figures(item)}")
        for (one, account), units in sorted(book.balances.items()):
            seen = sum(stock.balance(account) for stock in stocks)
            if one == item and seen != units:
                yield Problem(7, f"{replica.node} sees {seen} {item} in {account}, not {units}")
    for difference in held_differences(replica.ledger, replica.orders):
        yield Problem(7, f"at {replica.node} {difference}")
    for (order, name), case in sorted(book.cases.items()):
        found = replica.orders.find(order)
        shown_case = found.fulfilments.get(name) if found is not None else None
        if shown_case is None or (shown_case.owner, shown_case.state) != (case.owner, case.state):
            yield Problem(9, f"{replica.node} shows {shown_case}, but {name} is {case.state} at {case.owner}")


def _listed_problems(replica: Replica, journal: Sequence[Entry]) -> Iterator[Problem]:
    """Stock and orders are shown as the reference model derives them from the entries."""
    stored = [Stored(arrival, entry, b"") for arrival, entry in enumerate(journal, 1)]
    model = ViewFaults(replica.node, (), as_received([entry_answer(one) for one in stored]), now_ms=0)
    shown: dict[str, Any] = {f"/v1/orders/{order.name}": as_received(order_view(order)) for order in replica.orders}
    for location, stocks in replica.ledger.at_location.items():
        answers = [stock_answer(replica.ledger.stock(location, item), replica, "") for item in stocks.items()]
        shown[f"/v1/stock/{location}"] = as_received(answers)
    for fault in model.find(shown):
        yield Problem(7, f"{replica.node} {fault}")


def merged_problems(script: Script, entries: Iterable[Entry]) -> list[Problem]:
    """Problems in the entries of all nodes together."""
    merged = sorted(entries, key=precedence)
    book = book_of(merged, script)
    book.check_held()
    facts = {entry.stream.writer for entry in merged if entry.content.kind in OVERDRAWING}
    for (item, account), units in sorted(book.balances.items()):
        is_excused = any(writer.startswith(f"{account.partition('/')[0]}#") for writer in facts)
        if units < 0 and "/" in account and not is_excused:
            book.problems.append(Problem(4, f"all nodes together have {units} {item} in {account}"))
    voids = [entry for entry in merged if entry.content.kind == "void"]
    book.problems += _key_problems(merged, voids)
    book.problems += _return_problems(script, book)
    if not any(entry.content.kind == "count" for entry in merged):
        book.problems += _truth_problems(script, merged, voids, book)
    return book.problems


def _return_problems(script: Script, book: Book) -> Iterator[Problem]:
    """A return with lines is of the units of one fulfilment, whatever the number of nodes that got it."""
    for order in script.orders:
        about = [ask.request for ask in script.asks if isinstance(ask.request, OrderEvent)]
        named = [one for one in about if (one.order, one.event) == (order, "return") and one.lines]
        returned = [name for (one, name), case in book.cases.items() if one == order and case.state == "returned"]
        if named and len(returned) > len(named):
            yield Problem(3, f"goods of {order} came back {len(named)} times, and were taken at {', '.join(returned)}")


def _key_problems(merged: Sequence[Entry], voids: Sequence[Entry]) -> Iterator[Problem]:
    """One node uses a key once, and a void takes back a duplicate that lost, once, with all its units."""
    used: dict[tuple[str, bytes], Entry] = {}
    for entry in merged:
        if entry.content.key and used.setdefault((entry.stream.writer, entry.content.key), entry) is not entry:
            yield Problem(3, f"{entry.stream.writer} wrote two entries under the key {name_of(entry)}")
    of_hash = {entry.hash: entry for entry in merged}
    voided: dict[bytes, Entry] = {}
    for void in voids:
        loser = of_hash.get(void.content.facts["loser"])
        if loser is None:
            yield Problem(3, f"{void.stream.writer} voided an entry that nobody has")
            continue
        if voided.setdefault(loser.hash, void) is not void:
            yield Problem(3, f"{name_of(loser)} was voided twice")
        if loser is min(under(merged, loser.content.key), key=precedence):
            yield Problem(3, f"{void.stream.writer} voided {name_of(loser)}, which wins")
        moves = () if loser.content.kind in KEPT else loser.content.moves
        back = [(move.item, move.target, move.source, move.quantity) for move in moves]
        if [(move.item, move.source, move.target, move.quantity) for move in void.content.moves] != back:
            yield Problem(3, f"the void of {name_of(loser)} moves {void.content.moves}, not {back}")


def _truth_problems(script: Script, merged: Sequence[Entry], voids: Sequence[Entry], book: Book) -> Iterator[Problem]:
    """The units on hand are those of the requests that nodes recorded, less those that were voided."""
    expected: dict[str, int] = {}
    lost = [entry.content.facts["loser"] for entry in voids]
    for ask in script.every_ask:
        times = sum(1 for entry in under(merged, ask.key) if entry.hash not in lost)
        for item, change in ask.changes.items():
            expected[item] = expected.get(item, 0) + times * change
    for (order, _), case in book.cases.items():
        for item, units in script.orders[order].items() if case.state in HANDED_OUT else ():
            expected[item] = expected.get(item, 0) - units
    for item in sorted({item for item, _ in book.balances}):
        shown, truly = book.figures(item)[0], expected.get(item, 0)
        if shown != truly:
            yield Problem(5, f"{shown} {item} are on hand by the book, and {truly} in truth")


def quiet_problems(script: Script, entries: Iterable[Entry], now_ms: int) -> list[Problem]:
    """Problems that stay although every entry is everywhere and no node has anything left to do."""
    merged = sorted(entries, key=precedence)
    book = book_of(merged, script)
    problems = [*_left_over(script, merged, book, now_ms), *_count_problems(merged, book)]
    if script.settles:
        problems += _unsettled(book)
    return problems


def _left_over(script: Script, merged: Sequence[Entry], book: Book, now_ms: int) -> Iterator[Problem]:
    voided = [entry.content.facts["loser"] for entry in merged if entry.content.kind == "void"]
    for ask in script.every_ask:
        for loser in sorted(under(merged, ask.key), key=precedence)[1:]:
            if loser.content.kind != "order" and loser.hash not in voided:
                yield Problem(3, f"{ask.name} has two effects: the entry of {loser.stream.writer} is not voided")
    for order in script.orders:
        for location in script.locations:
            cases = [(name, case) for (one, name), case in book.cases.items() if one == order]
            open_cases = [name for name, case in cases if case.location == location and case.state in OPEN]
            if len(open_cases) > 1:
                yield Problem(3, f"{order} holds units twice, as {' and '.join(open_cases)}")
    for (order, name), case in book.cases.items():
        if case.state == "held" and case.expires_ms <= now_ms:
            yield Problem(9, f"{name} of {order} should have expired")
        for parked in book.waiting.values():
            is_possible = case.state in TABLE[parked.content.reason][0] and parked.stream.scope in (HUBS, case.location)
            if parked.content.reference == order and is_possible and _is_next(script, merged, parked):
                yield Problem(9, f"{parked.content.reason} of {order} still waits, although {name} is {case.state}")


def _is_next(script: Script, merged: Sequence[Entry], parked: Entry) -> bool:
    """Whether nodes dealt with all events that have smaller numbers."""
    asked = order_request_of(parked.content.facts)
    if not isinstance(asked, OrderEvent) or not asked.number:
        return True
    before = [
        under(merged, ask.key)
        for ask in script.asks
        if isinstance(ask.request, OrderEvent) and 0 < ask.request.number < asked.number
    ]
    return all(found and all(entry.content.facts["act"] != "park" for entry in found) for found in before)


def _unsettled(book: Book) -> Iterator[Problem]:
    """No account is below zero while another node has free units."""
    for item in sorted({item for item, _ in book.balances}):
        free = {name: units for (one, name), units in book.balances.items() if one == item and name.endswith("/free")}
        if min(free.values(), default=0) < 0 < max(free.values(), default=0):
            yield Problem(6, f"the breach of {item} is not covered: {free}")


def _count_problems(merged: Sequence[Entry], book: Book) -> Iterator[Problem]:
    """The book stock is the newest count and what happened after it. Only the store counts here."""
    counts = [entry for entry in merged if entry.content.kind == "count"]
    if not counts:
        return
    count = max(counts, key=lambda entry: entry.sequence)
    of_hash = {entry.hash: entry for entry in merged}
    for item, level, *_ in count.content.facts["count"]:
        after = 0
        for entry in merged:
            if entry.content.kind in ("count", "correction"):
                continue
            origin = of_hash[entry.content.facts["loser"]] if entry.content.kind == "void" else entry
            if _is_after(origin, count):
                after += _effect(entry, item)
        if book.figures(item)[0] != level + after:
            shown = book.figures(item)[0]
            yield Problem(5, f"{level} {item} were counted and {after:+} moved since, but {shown} are shown")


def _is_after(entry: Entry, count: Entry) -> bool:
    if entry.stream.writer == count.stream.writer:
        return entry.sequence > count.sequence
    facts = count.content.facts
    is_later: bool = entry.content.clock > facts["as_of"]
    return is_later and entry.sequence > facts["seen"].get(entry.stream.writer, 0)


def _effect(entry: Entry, item: str) -> int:
    return sum(
        (("/" in move.target) - ("/" in move.source)) * move.quantity
        for move in entry.content.moves
        if move.item == item
    )


def precedence(entry: Entry) -> tuple[int, str, bytes]:
    """The order of entries by their stamps, which follow causes."""
    return entry.content.clock, entry.stream.writer, entry.hash


def under(entries: Iterable[Entry], key: bytes) -> list[Entry]:
    """The entries under a key."""
    return [entry for entry in entries if entry.content.key == key]


def name_of(entry: Entry) -> str:
    """What the history calls an entry: its key, or its kind and number."""
    key = entry.content.key.decode("ascii", "replace")
    return key or f"{entry.content.kind} {entry.sequence} of {entry.stream.writer.partition('#')[0]}"
