"""The next release, as far as this one meets it: it writes what this one has never heard of.

A node must keep, pass on and fold entries of kinds that a later version adds. So machines of the next release write
receipts as a kind of their own, with facts of their own, and know them again when they are asked twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from replica.core.log.draft import Draft
from replica.core.log.entry import Entry
from replica.core.state.commands import Command, is_same_request
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsReceipt

DELIVERY = "delivery"
"""What the next release makes of a receipt."""


class NextReplica(Replica):
    """A replica of the next release."""

    def execute(self, command: Command, now_ms: int, earlier: Sequence[Entry] = ()) -> Entry:
        known = self.keys.entries(command.key) or earlier
        deliveries = [one for one in known if one.content.kind == DELIVERY]
        if isinstance(command.request, GoodsReceipt) and deliveries:
            as_receipt = [replace(one, content=replace(one.content, kind="receipt")) for one in deliveries]
            same = [one for one, read in zip(deliveries, as_receipt, strict=True) if is_same_request(read, command)]
            return self._repeat(known, same)
        return super().execute(command, now_ms, earlier)

    def _record(self, scope: str, draft: Draft, key: bytes, now_ms: int) -> Entry:
        if draft.kind == "receipt":
            draft = replace(draft, kind=DELIVERY, facts={**draft.facts, "door": {"number": 2, "seen": [True, None]}})
        return super()._record(scope, draft, key, now_ms)
