"""An answer of `GET /v1/exceptions` with each kind of exception, and with each cause that has words of its own."""

from __future__ import annotations

from typing import Any

from replica.core.catalog.prices import OverrideLimits
from replica.runtime.http.clock_answers import ClockAnswer, TillClockAnswer
from replica.runtime.http.document_conflicts import (
    BarcodeAnswer,
    EditAnswer,
    LostEditAnswer,
    PriceConflictAnswer,
    PromotionConflictAnswer,
    RankedPromotionAnswer,
    RecipeAnswer,
)
from replica.runtime.http.exception_answers import ConflictAnswer, DuplicateAnswer, ExceptionsAnswer, SideAnswer
from replica.runtime.http.order_answers import ReportAnswer, WaitingAnswer
from replica.runtime.http.receipt_answers import (
    PastLine,
    QuestionedReturnAnswer,
    ReceiptMovement,
    RepeatedReceiptAnswer,
)
from replica.runtime.http.shortage_answers import BreachAnswer, ShortageAnswer
from replica.runtime.http.transfer_answers import TransferRow

AT = "2026-12-01T10:00:00.000Z"

SIDE = SideAnswer("m-1", "store-1", "store-1", AT)

PROMOTION = RankedPromotionAnswer("cola-week", "chain", "", 1)

EDIT = EditAnswer("store-1", AT, 1, None)

CLOCK = {"node": "store-1", "by": "hub-east", "since": AT, "at": AT, "until": None}

TRANSFER: dict[str, Any] = {
    **dict.fromkeys(("requested", "sent", "in_transit"), 10),
    "transfer": "t2ywe3vaorx2gp",
    "state": "shipped",
    "source": "store-1",
    "target": "store-2",
    "received": 0,
    "began_at": AT,
    "expected_at": None,
    "plan": "",
}

UNEVEN = ("unmatched", "lost", "damaged", "over", "wrong_location", "sent_after_cancel")

ALL = ExceptionsAnswer(
    breaches=[BreachAnswer("store-1", "cola", 3, short, AT) for short in (0, 2)],
    shortages=[
        ShortageAnswer("web-1", "f.1", "store-1", "store-1", "hub-east", AT, outcome, None)
        for outcome in (None, "cancelled", "moved", "covered", "impossible")
    ],
    duplicates=[DuplicateAnswer("k", "sale", "", SIDE, SIDE, void) for void in (None, "m-2")],
    key_conflicts=[ConflictAnswer("k", "web-1", ["order", "sale"], [SIDE, SIDE])],
    reports=[
        ReportAnswer("web-1", "f.1", "ship", outcome, AT)
        for outcome in ("impossible", "late", "short", "ambiguous", "duplicate", "excess", "other_items", "number_used")
    ],
    waiting=[
        WaitingAnswer("web-1", "ship", "", AT, None, reason)
        for reason in ("unknown-order", "unknown-fulfilment", "early", "owner")
    ],
    barcode_conflicts=[BarcodeAnswer("4011", ["a", "b"])],
    recipe_conflicts=[RecipeAnswer("pack", {"cola": 6}, ["box"])],
    price_conflicts=[PriceConflictAnswer("cola", "store", "store-1", 2, "amount", OverrideLimits(1, 2))],
    promotion_conflicts=[PromotionConflictAnswer(PROMOTION, PROMOTION, "locked")],
    lost_edits=[LostEditAnswer("price", "cola", 2, "store-1", EDIT, EDIT)],
    repeated_receipts=[
        RepeatedReceiptAnswer("store-1", "till-1", "R-1", "sale", [ReceiptMovement("m-1", "store-1", AT)] * 2)
    ],
    questioned_returns=[
        QuestionedReturnAnswer("store-1", "R-1", reason, lines, "m-1", "store-1", AT)
        for reason, lines in (
            ("past-sale", [PastLine("cola", 1, 2)]),
            ("several-sales", []),
            ("recipe-unknown", []),
            ("often-used", []),
        )
    ],
    differences=[{"peer": "hub-east", "scope": "store-1"}],
    unreadable=2,
    clocks=[ClockAnswer(ahead_ms=ahead, **CLOCK) for ahead in (600_000, -600_000)],
    till_clocks=[TillClockAnswer("store-1", "till-1", "store-1", "m-1", AT, AT, AT, None)],
    late_transfers=[TransferRow(**TRANSFER, late=True, discrepancies=[])],
    transfer_discrepancies=[TransferRow(**TRANSFER, late=False, discrepancies=[one]) for one in UNEVEN],
    truncated=False,
)
