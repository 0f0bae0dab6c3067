"""Till receipts: which entries name a receipt of a till, and those of the newest batches.

A till receipt is known by its location and its number. Four kinds of entries name one: a sale and a return name their
own, a return also names that of the sale it reverses, and a correction of a return names that of the sale as well. The
journal finds all of them by the receipt (`Journal.find_receipts`). A reader of the journal may not yet see the newest
commits, so this index holds the entries of the newest batches, as `RecentKeys` does for keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from replica.core.base.limits import RECEIPT_ENTRIES_MAX
from replica.core.log.entry import Content, Entry
from replica.core.log.entry_run import EntryRun
from replica.core.log.voids import RETURN_CORRECTION

SALE = "sale"
RETURN = "return"
"""The kinds of entries that have a till receipt of their own. A use of a receipt has the same name."""

ORIGINAL = "original"
"""The use of a receipt by a return that reverses its sale."""

CORRECTED = "corrected"
"""The use of a receipt by a correction of such a return."""

QUESTION = "question"
"""The use of a receipt by an entry that asks a person to look at a return. Also the name of its fact."""


class TillReceipt(NamedTuple):
    """The number of a till receipt at a location."""

    location: str
    number: str


class QuestionedReceipt(NamedTuple):
    """A receipt that a person should look at, and the newest entries that use it so, in order of arrival.

    `use` is `sale` or `return` if the till `till` used the number several times on one day, and `question` for returns.
    `arrival` is the arrival number of the newest of the entries.
    """

    receipt: TillReceipt
    use: str
    till: str
    entries: list[Entry]
    arrival: int


class Use(NamedTuple):
    """How an entry uses a till receipt; `till` is empty except for the entry's own receipt."""

    name: str
    number: str
    till: str = ""


def uses_of(content: Content) -> list[Use]:
    """How an entry uses till receipts. Never fails, whatever a peer wrote."""
    kind = content.kind
    if kind == SALE:
        return [Use(SALE, content.reference, content.actor)] if content.reference else []
    uses: list[Use] = []
    if kind == RETURN:
        if content.reference:
            uses.append(Use(RETURN, content.reference, content.actor))
        original = content.facts.get("original")
        if original and isinstance(original, str):
            uses.append(Use(ORIGINAL, original))
            if QUESTION in content.facts:
                uses.append(Use(QUESTION, original))
    elif kind == RETURN_CORRECTION and content.reference:
        uses.append(Use(CORRECTED, content.reference))
        if QUESTION in content.facts:
            uses.append(Use(QUESTION, content.reference))
    return uses


def receipts_in(entries: Iterable[Entry]) -> list[TillReceipt]:
    """The till receipts that some entries name."""
    found = []
    for entry in entries:
        content = entry.content
        if content.reference or content.kind == RETURN:
            uses = uses_of(content)
            found += [TillReceipt(entry.stream.scope, use.number) for use in uses]
    return found


class RecentReceipts:
    """The entries of the newest batches by the till receipts that they name."""

    __slots__ = ("_batches", "_returned")

    def __init__(self) -> None:
        self._batches: list[dict[TillReceipt, list[Entry | tuple[EntryRun, int]]]] = [{}, {}, {}]
        """Of the batch being computed, the one before, and the one before that."""
        self._returned: list[dict[TillReceipt, None]] = [{}, {}, {}]

    def put(self, entry: Entry, uses: Iterable[Use]) -> None:
        """Remember an entry just written or merged."""
        location, current = entry.stream.scope, self._batches[0]
        for receipt in dict.fromkeys(TillReceipt(location, use.number) for use in uses):
            current.setdefault(receipt, []).append(entry)
        for use in uses:
            if use.name == ORIGINAL:
                self._returned[0][TillReceipt(location, use.number)] = None

    def put_run(self, run: EntryRun, numbers: Iterable[tuple[int, str]]) -> None:
        """Remember sales just written: the index in the run and the receipt number of each that has one."""
        location, current = run.stream.scope, self._batches[0]
        for index, number in numbers:
            current.setdefault(TillReceipt(location, number), []).append((run, index))

    def is_returned(self, receipt: TillReceipt) -> bool:
        """Whether a return of the newest batches names the sale with this receipt."""
        return any(receipt in some for some in self._returned)

    def returned_at(self, location: str) -> list[str]:
        """The numbers of the receipts at a location whose sales the returns of the newest batches name."""
        return [receipt.number for some in self._returned for receipt in some if receipt.location == location]

    def entries(self, receipt: TillReceipt, durable: Sequence[Entry] | None) -> list[Entry] | None:
        """All entries that name a receipt, in order of arrival; None if they are RECEIPT_ENTRIES_MAX or more.

        Args:
            durable: those that the journal found: none, or an empty list if they are too many.
        """
        if durable is not None and not durable:
            return None
        found = {entry.hash: entry for entry in durable or ()}
        for batch in reversed(self._batches):
            for one in batch.get(receipt, ()):
                entry = one if isinstance(one, Entry) else one[0][one[1]]
                found.setdefault(entry.hash, entry)
                if len(found) >= RECEIPT_ENTRIES_MAX:
                    return None
        return list(found.values())

    def turn(self) -> None:
        """Begin the next batch after one was taken for commit. Release the batch that has long been durable."""
        self._batches = [{}, *self._batches[:2]]
        self._returned = [{}, *self._returned[:2]]
