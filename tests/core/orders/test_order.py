"""One order: the ids of its fulfilments, its state, and what its fulfilments say about themselves."""

from __future__ import annotations

import msgspec
import pytest

from replica.core.orders.facts import REPORT, STEP, VOID
from replica.core.orders.machine import CANCEL, HOLD, NATURES, PAY, RESERVE, SHIP, Nature
from replica.core.orders.order import Fulfilment, Order, Past, least_advanced
from tests.core.orders.test_double_orders import EAST, WEST, of, order_takers, settle
from tests.core.shuffled import OrderTaker, lines


def past(event: str, state: str = "", act: str = STEP, entry: bytes = b"") -> Past:
    return Past(clock=0, entry=entry or event.encode(), event=event, act=act, state=state)


def fulfilment(state: str, *history: Past, expires_ms: int = 0, is_voided: bool = False) -> Fulfilment:
    return Fulfilment("hub-east.1", "w-1", "hub-east", state, expires_ms, history=list(history), is_voided=is_voided)


# ---------------------------------------------------------------------------------------------------------------------
# ids and states


def test_each_node_numbers_its_fulfilments_of_an_order_from_one() -> None:
    order = Order("o-1")
    for node in ("hub.1", "hub", "hub.1", "hub.1.1", "hub"):
        name = order.next_id(node)
        order.fulfilments[name] = Fulfilment(name, "w-1", node, "held")
    order.fulfilments["hub.later"] = Fulfilment("hub.later", "w-1", "hub", "held")
    assert list(order.fulfilments) == ["hub.1.1", "hub.1", "hub.1.2", "hub.1.1.1", "hub.2", "hub.later"]
    assert (order.next_id("hub"), order.next_id("hub.1"), order.next_id("hub-9")) == ("hub.3", "hub.1.3", "hub-9.1")


@pytest.mark.parametrize(
    ("states", "least"),
    [
        ((), "none"),
        (("cancelled", "expired"), "expired"),
        (("cancelled", "shipped"), "shipped"),
        (("expired", "returned", "picking"), "picking"),
        (("shipped", "held", "cancelled"), "held"),
        (("state-of-next-year", "shipped"), "shipped"),
        (("state-of-next-year",), "none"),
    ],
)
def test_the_state_of_an_order_is_the_least_advanced_of_what_has_not_ended(states: tuple[str, ...], least: str) -> None:
    assert least_advanced([fulfilment(state) for state in states]) == least


def test_the_states_of_fulfilments_that_ended_come_last() -> None:
    ended = [nature is Nature.ENDED for nature in NATURES.values()]
    assert ended == sorted(ended)


def test_a_placement_that_lost_does_not_hold_back_the_state_of_the_order() -> None:
    east, west, north = order_takers()
    for taker in (east, west):
        taker.place(paid=True)
    east.happen("collect")
    west.happen("ship")
    settle(east, west, north)
    assert (of(north, EAST).state, of(north, WEST).state) == ("collected", "shipped")
    assert north.order().state == "collected"
    assert [one.id for one in north.order().concerned("")] == ["hub-east.1"]
    assert [one.id for one in north.order().concerned("hub-west.1")] == ["hub-west.1"]


# ---------------------------------------------------------------------------------------------------------------------
# payments and cancellations of other placements


@pytest.mark.parametrize(
    ("one", "lacks_payment", "lacks_cancellation"),
    [
        (fulfilment("held", past(HOLD, "held"), expires_ms=9), True, True),
        (fulfilment("reserved", past(RESERVE, "reserved")), False, True),
        (fulfilment("reserved", past(HOLD, "held"), past(PAY, "reserved")), False, True),
        (fulfilment("held", past(HOLD, "held"), past(PAY, act=REPORT), expires_ms=9), True, True),
        (fulfilment("collected", past(HOLD, "held"), past("collect", "collected")), True, True),
        (fulfilment("expired", past(HOLD, "held"), past("expire", "expired")), True, False),
        (fulfilment("cancelled", past(HOLD, "held"), past(PAY, "reserved"), past(CANCEL, "cancelled")), False, False),
        (fulfilment("shipped", past(RESERVE, "reserved"), past(SHIP, "shipped")), False, True),
        (fulfilment("amended", past(HOLD, "amended")), False, True),
    ],
)
def test_a_fulfilment_lacks_what_makes_a_difference_to_it(
    one: Fulfilment, lacks_payment: bool, lacks_cancellation: bool
) -> None:
    assert (one.lacks(PAY), one.lacks(CANCEL)) == (lacks_payment, lacks_cancellation)


# ---------------------------------------------------------------------------------------------------------------------
# the entries that began and undid it


def test_a_fulfilment_that_stands_has_no_void() -> None:
    assert fulfilment("cancelled", past(HOLD, "held"), past(CANCEL, "cancelled")).void == b""


def test_the_void_of_a_fulfilment_is_its_cancellation_or_the_note_of_lateness() -> None:
    undone = fulfilment("cancelled", past(HOLD, "held"), past(CANCEL, "cancelled", entry=b"c"), is_voided=True)
    assert undone.void == b"c"
    left = fulfilment("shipped", past(RESERVE, "reserved"), past(SHIP, "shipped"), past(CANCEL, "", VOID, b"v"))
    left.is_voided = True
    assert left.void == b"v"
    left.history.insert(0, past(CANCEL, "cancelled", entry=b"of-a-part"))
    assert left.void == b"v"


def test_a_fulfilment_that_a_later_version_began_or_undid_names_no_entry() -> None:
    one = fulfilment("held", past("pre_order", "held"), past("withdraw", "withdrawn"), is_voided=True)
    part = msgspec.structs.replace(one, id="hub-east.1-1")
    assert (one.origin, one.void, part.origin, part.void) == (b"", b"", b"", b"")


def test_a_part_of_a_placement_that_lost_is_voided_by_the_entry_that_split_it_off() -> None:
    east, west, north = order_takers()
    east.place(paid=True)
    held = west.place(paid=True)
    split = west.happen("ship", lines=lines(cola=1))
    settle(east, west, north)
    voids = {
        entry.content.facts["fulfilment"]: entry.content.facts["voids"]
        for entry in north.entries
        if entry.content.key.startswith(b"void:")
    }
    assert voids == {"hub-west.1": held.hash, "hub-west.1-1": split.hash}
    assert of(north, WEST).state == "cancelled"
    assert north.order().fulfilments["hub-west.1-1"].state == "shipped"


def test_an_event_without_effect_did_not_happen() -> None:
    taker = OrderTaker()
    taker.place()
    taker.happen("cancel")
    taker.happen("pay")
    assert not taker.order().fulfilments["hub-east.1"].happened(PAY)
    assert taker.order().fulfilments["hub-east.1"].happened(CANCEL)
