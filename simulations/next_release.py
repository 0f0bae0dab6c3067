"""The next release: its nodes write entries that this release does not know.

A node must store, relay and fold entries of kinds that a later version adds. So machines of the next release record
goods receipts as another kind, with additional facts, and recognise them if a request repeats.
"""

from __future__ import annotations

from msgspec.structs import replace

from replica.core.log.draft import Draft
from replica.core.state.kinds import KINDS, EntryKind
from replica.core.stock.goods_receipts import prepare_goods_receipt, read_goods_receipt
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import GoodsReceipt

DELIVERY = "delivery"
"""The kind that the next release uses for a goods receipt."""


def prepare_delivery(view: LocationView, request: GoodsReceipt) -> Draft:
    """Receive goods, and note the door."""
    draft = prepare_goods_receipt(view, request)
    return replace(draft, kind=DELIVERY, facts={**draft.facts, "door": {"number": 2, "seen": [True, None]}})


NEXT_KINDS = KINDS.with_record(
    EntryKind(name=DELIVERY, request=GoodsReceipt, prepare=prepare_delivery, read=read_goods_receipt)
)
"""The kinds that the next release knows."""
