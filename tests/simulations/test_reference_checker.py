"""The checker that holds entries to the reference model catches an entry that says something else than its request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from replica.core.base.errors import KeyReused, NotFound, NotHosted, NotOwner, Refused, RightsExhausted
from replica.core.base.names import CUSTOMER
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, EntryLine, Stream
from replica.core.orders.requests import ORDER, OrderEvent, PlacedLine, Placement
from replica.core.state.commands import Command
from replica.core.stock.requests import OnShortage, Sale, SkuLine
from replica.runtime.ports import Stored
from simulations.checkers.checker import Violation
from simulations.checkers.reference import ReferenceChecker
from simulations.history import Ask, History
from simulations.journal import SimulatedDisk
from simulations.plan import Plan
from simulations.run import Run
from tests.core.contents import OWN, linked, receipt_content

SOLD = receipt_content(
    kind="sale",
    key=b"sold",
    moves=(Move("cola", "store-1/free", CUSTOMER, 5),),
    lines=(EntryLine("cola", 5, 2, -2),),
    facts={"breach": {"cola": 2}},
)
"""Five sold of three."""


def see(content: Content, **request: Any) -> None:
    """Show the checker a store that gets three cola, and then the entry of a sale of five. Raises Violation."""
    run, history = Run(Plan(seed=7, seconds=8.0)), History()
    sale = Sale((SkuLine(5, "cola"),), **request)
    history.begin(Ask("store-1", Command("store-1", sale, b"sold"), {"cola": -5}))
    checker = ReferenceChecker(run.chain, history)
    try:
        for arrival, entry in enumerate(linked(OWN, [receipt_content(quantity=3), content]).entries, 1):
            checker.entry(run.chain.machines["store-1"], Stored(arrival, entry, b""))
    finally:
        run.loop.close()
    assert history.counts["held to the reference"] == 1


def test_an_entry_that_says_what_its_request_leads_to_passes() -> None:
    see(SOLD)


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"lines": (EntryLine("cola", 5, 2, 0),)}, r"lines\[0\].available is 0, not -2"),
        ({"lines": (EntryLine("cola", 5, 5, -2),)}, r"lines\[0\].breach is 5, not 2"),
        ({"moves": (Move("cola", "store-1/free", CUSTOMER, 4),)}, r"moves\[0\].quantity is 4, not 5"),
        ({"facts": {}}, "facts.breach is missing"),
        ({"actor": "till-9"}, "actor is 'till-9'"),
    ],
)
def test_an_entry_that_says_something_else_is_caught(changed: dict[str, Any], where: str) -> None:
    with pytest.raises(Violation, match=where):
        see(replace(SOLD, **changed))


def test_a_promise_that_the_rights_do_not_cover_is_caught() -> None:
    with pytest.raises(Violation, match="had to refuse it: insufficient-rights"):
        see(SOLD, on_shortage=OnShortage.REFUSE)


PLACED = receipt_content(
    kind=ORDER,
    key=b"placed",
    reason="hold",
    reference="o-1",
    moves=(Move("cola", "hub-east/free", "hub-east/held", 2),),
    facts={
        "act": "step",
        "fulfilment": "hub-east.1",
        "to": "held",
        "digest": b"1",
        "shown": [["hub-east.1", "store-1", "held", [["cola", 2]]]],
        "taken": [[b"", "cola", 2, [["cola", 1]], "hub-east/free", []]],
    },
)
"""Two held of three that the hub has rights to at a store."""

GRANTED = receipt_content(kind="grant", moves=(Move("cola", "store-1/free", "hub-east/free", 3),))
AT_HUB = Stream("hub-east#0000000b", "store-1")


def at_hub(
    *contents: Content,
    refused: Refused | None = None,
    since: int = 1,
    quantity: int = 2,
    events: Sequence[OrderEvent] = (),
    name: str = "hub-east",
) -> None:
    """Show the checker a hub that gets rights to three cola at a store, an order of two, and events. Raises Violation.

    A refusal is of the last request.
    """
    run, history = Run(Plan(seed=7, seconds=8.0)), History()
    placement = Placement(order="o-1", lines=(PlacedLine(quantity, "cola"),))
    requests = [(placement, b"placed"), *((event, b"event-%d" % number) for number, event in enumerate(events, 1))]
    for request, key in requests:
        ask = Ask(name, Command("", request, key), {})
        history.begin(ask)
    checker, hub = ReferenceChecker(run.chain, history), run.chain.machines[name]
    disk = hub.disk = SimulatedDisk()
    try:
        disk.keep(linked(OWN, [GRANTED]).entries, 0)
        disk.keep(linked(AT_HUB, contents).entries, 0)
        for stored in disk.stored:
            checker.entry(hub, stored)
        if refused is not None:
            checker.refused(ask, refused, hub, since)
    finally:
        run.loop.close()


def test_an_order_within_the_rights_of_a_hub_passes() -> None:
    at_hub(PLACED)


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"moves": (Move("cola", "hub-east/free", "hub-east/held", 1),)}, r"moves is .*'quantity': 1"),
        ({"moves": (Move("cola", "hub-east/channel.web", "hub-east/held", 2),)}, "moves is .*channel.web"),
        ({"facts": {**PLACED.facts, "shown": [["hub-east.1", "store-1", "held", [["cola", 3]]]]}}, "shown"),
    ],
)
def test_an_order_that_holds_something_else_is_caught(changed: dict[str, Any], where: str) -> None:
    with pytest.raises(Violation, match=where):
        at_hub(replace(PLACED, **changed))


def test_an_order_past_the_rights_of_a_hub_is_caught() -> None:
    with pytest.raises(Violation, match="had to refuse it: insufficient-rights"):
        at_hub(PLACED, quantity=4)


def short(free: int, wanted: int = 4) -> Refused:
    return RightsExhausted([{"line": 0, "sku": "cola", "item": "cola", "wanted": wanted, "free": free}])


def test_a_refusal_that_follows_from_the_journal_passes() -> None:
    at_hub(refused=short(3), quantity=4)


@pytest.mark.parametrize("refused", [short(2), short(3, wanted=2), NotHosted("", field="location"), KeyReused("")])
def test_a_refusal_that_does_not_follow_from_the_journal_is_caught(refused: Refused) -> None:
    with pytest.raises(Violation, match="had to answer"):
        at_hub(refused=refused, quantity=2)


def test_a_refusal_may_be_from_any_moment_since_the_request() -> None:
    taken = replace(PLACED, key=b"other", reference="o-2")
    at_hub(taken, refused=short(3), since=1, quantity=4)
    at_hub(taken, refused=short(1), since=1, quantity=4)
    with pytest.raises(Violation, match="had to answer"):
        at_hub(taken, refused=short(3), since=2, quantity=4)


# ---------------------------------------------------------------------------------------------------------------------
# events of orders


def event(name: Any, **more: Any) -> OrderEvent:
    return OrderEvent(order="o-1", event=name, **more)


def answer(asked: OrderEvent, number: int, state: str, **facts: Any) -> Content:
    """The entry that answers an event. It shows the order in a state."""
    shown = {"shown": [["hub-east.1", "store-1", state, [["cola", 2]]]], "state": state}
    facts = {"request": {"event": to_builtins(asked)}, **shown, **facts}
    return receipt_content(
        kind=ORDER, key=b"event-%d" % number, reason=asked.event, reference="o-1", moves=(), facts=facts
    )


PAY = event("pay")
PAID = answer(PAY, 1, "reserved", act="step", fulfilment="hub-east.1", to="reserved")
PAID_AGAIN = answer(PAY, 2, "reserved", act="repeat")
COLLECT = event("collect")
COLLECTED = replace(
    answer(COLLECT, 1, "collected", act="step", fulfilment="hub-east.1", to="collected"),
    moves=(Move("cola", "hub-east/held", CUSTOMER, 2),),
)
RETURN_ALL_AND_ONE = event("return", lines=(SkuLine(3, "cola"),))


def test_events_that_happen_once_and_are_repeats_then_pass() -> None:
    at_hub(PLACED, PAID, PAID_AGAIN, events=(PAY, PAY))
    at_hub(PLACED, COLLECTED, events=(COLLECT,))


@pytest.mark.parametrize(
    ("entries", "events", "where"),
    [
        ((PAID, replace(PAID, key=b"event-2")), (PAY, PAY), "act is 'step', not 'repeat'"),
        ((answer(PAY, 1, "held", act="park", until_ms=9),), (PAY,), "act is 'park', not 'step'"),
        ((answer(PAY, 1, "held", act="ask"),), (PAY,), "act is 'ask', not 'step'"),
        ((PAID_AGAIN,), (event("ship"), PAY), "act is 'repeat', not 'step'"),
        ((replace(COLLECTED, moves=()),), (COLLECT,), "moves is .*, not"),
        ((replace(PAID, facts={**PAID.facts, "state": "held"}),), (PAY,), "state is 'held', not 'reserved'"),
        ((replace(PAID, facts={**PAID.facts, "number": 1}),), (PAY,), "number is 1, not 0"),
        (
            (answer(PAY, 1, "held", act="report", fulfilment="hub-east.1", outcome="impossible"),),
            (PAY,),
            "act is 'report', not 'step'",
        ),
        (
            (COLLECTED, answer(RETURN_ALL_AND_ONE, 2, "returned", act="step", fulfilment="hub-east.1", to="returned")),
            (COLLECT, RETURN_ALL_AND_ONE),
            r"had to refuse it: .*lines\[0\].quantity",
        ),
    ],
)
def test_an_event_that_is_answered_as_something_else_is_caught(
    entries: tuple[Content, ...], events: tuple[OrderEvent, ...], where: str
) -> None:
    with pytest.raises(Violation, match=where):
        at_hub(PLACED, *entries, events=events)


def test_an_event_is_refused_where_another_node_owns_its_fulfilment() -> None:
    owned = NotOwner("", field="fulfilment", owner="hub-east")
    at_hub(PLACED, refused=owned, events=(PAY,), name="hub-west")
    for refused, name in ((owned, "hub-east"), (NotOwner("", field="fulfilment", owner="store-1"), "hub-west")):
        with pytest.raises(Violation, match="had to answer"):
            at_hub(PLACED, refused=refused, events=(PAY,), name=name)


def test_an_event_of_an_unknown_fulfilment_is_refused_unless_it_may_come() -> None:
    unknown = NotFound("", field="fulfilment")
    at_hub(PLACED, refused=unknown, events=(event("pay", fulfilment="hub-east.2"),))
    with pytest.raises(Violation, match="had to answer None"):
        at_hub(PLACED, refused=unknown, events=(event("pay", fulfilment="hub-east.1-1"),), name="hub-west")
