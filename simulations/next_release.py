"""The next release, as far as this one meets it: it writes what this one has never heard of.

A node must keep, pass on and fold entries of kinds that a later version adds. So machines of the next release record
goods receipts as a kind of their own, with facts of their own, and know them again when they are asked twice.
"""

from __future__ import annotations

from msgspec.structs import replace

from replica.core.log.draft import Draft
from replica.core.state.kinds import KINDS, EntryKind
from replica.core.stock.goods_receipts import prepare_goods_receipt, read_goods_receipt
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import GoodsReceipt

DELIVERY = "delivery"
"""What the next release makes of a goods receipt."""


def prepare_delivery(view: LocationView, request: GoodsReceipt) -> Draft:
    """Take goods in, and note at which door."""
    draft = prepare_goods_receipt(view, request)
    return replace(draft, kind=DELIVERY, facts={**draft.facts, "door": {"number": 2, "seen": [True, None]}})


NEXT_KINDS = KINDS.with_record(
    EntryKind(name=DELIVERY, request=GoodsReceipt, prepare=prepare_delivery, read=read_goods_receipt)
)
"""The kinds that the next release knows."""
