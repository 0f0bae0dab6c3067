"""Each kind of exception that a node can list has its words in both languages, and a next step."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser

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
from shelfsync.network import LocalNetwork
from tests.console.browsing import visiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes]

AT = "2026-12-01T10:00:00.000Z"

SIDE = SideAnswer("m-1", "store-1", "store-1", AT)

PROMOTION = RankedPromotionAnswer("cola-week", "chain", "", 1)

EDIT = EditAnswer("store-1", AT, 1, None)

CLOCK = {"node": "store-1", "by": "hub-east", "since": AT, "at": AT, "until": None}

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
    truncated=False,
)

_DRAW = """async (answer) => {
  const base = document.querySelector("script[type=module]").src.replace("store/main.mjs", "");
  const { groupsOf, ExceptionGroup } = await import(base + "widgets/exceptions.mjs");
  const { html, render } = await import(base + "shell/view.mjs");
  const link = (...parts) => "#/" + parts.join("/");
  const groups = groupsOf(answer, { item: link, count: link, order: link });
  const place = document.createElement("div");
  render(html`${groups.map((group) => html`<${ExceptionGroup} group=${group} />`)}`, place);
  return [groups.map((group) => [group.name, group.title, group.why]), place.innerText || place.textContent];
}"""


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
async def test_each_kind_of_exception_has_its_words(browser: Browser, network: LocalNetwork, language: str) -> None:
    answer: dict[str, Any] = msgspec.to_builtins(ALL)
    kinds = {name for name in answer if name != "truncated"}
    async with visiting(browser, network.urls[network.stores[0]], language=language) as visit:
        await visit.go("#/sync")

        groups, text = await visit.page.evaluate(_DRAW, answer)

    assert {name for name, _, _ in groups} == kinds
    assert all(title and why for _, title, why in groups)
    assert not [mark for mark in ("undefined", "[object", "{", "NaN") if mark in text]
