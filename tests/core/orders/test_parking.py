"""An event waits only for what can still happen, and each one that waits ends."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.role import store_role
from replica.core.base.errors import NotFound
from replica.core.base.limits import PARKED_MS
from replica.core.catalog.documents import pack_value
from replica.core.log.draft import Draft
from replica.core.orders.facts import AskFacts, ReportFacts, decode, encode
from replica.core.orders.machine import MachineDocument, Transition
from replica.core.orders.requests import Handover, OrderEvent, PlacedLine
from replica.core.state import decisions
from replica.core.state.commands import DocumentWrite
from replica.core.state.replica import Replica
from replica.runtime.http.order_answers import order_answer, waiting_answers
from tests.core.orders.test_double_orders import order_takers, settle
from tests.core.shuffled import OrderTaker, lines

PICKED_ONCE = MachineDocument(
    states=("reserved", "picking", "amended", "shipped"),
    transitions=(
        Transition("reserve", (), "reserved"),
        Transition("pick", ("reserved", "amended"), "picking"),
        Transition("adjust", ("picking",), "amended"),
        Transition("ship", ("picking",), "shipped"),
    ),
)
"""A table in which a change after picking leads to a dead end, because nothing is picked twice."""


def store_taker() -> OrderTaker:
    store = OrderTaker("store-1", store_1={"cola": 5})
    store.replica.order_policy = store_role("store-1").order_policy
    return store


def test_an_event_of_an_unknown_order_says_that_it_waits_for_the_order() -> None:
    taker = OrderTaker()
    answer = order_answer(taker.happen("pay").content)
    assert (answer.state, answer.waiting, answer.reason) == ("none", "parked", "unknown-order")
    (waiting,) = waiting_answers(taker.order())
    assert (waiting.reason, waiting.until) == ("unknown-order", answer.until)


def test_an_event_of_a_known_order_says_that_it_came_early() -> None:
    taker = OrderTaker()
    taker.place()
    answer = order_answer(taker.happen("return", lines=lines(cola=1)).content)
    assert (answer.waiting, answer.reason) == ("parked", "early")
    assert [one.reason for one in waiting_answers(taker.order())] == ["early"]


@pytest.mark.parametrize("name", ["hub-east.9", "hub-west.1", "nothing", "hub-east.1x", "hub-east.1-1", "hub-east.10"])
def test_an_unknown_fulfilment_of_a_known_order_is_not_found(name: str) -> None:
    taker = OrderTaker()
    taker.place()
    with pytest.raises(NotFound, match=r"hub-east\.1") as refused:
        taker.happen("pay", fulfilment=name)
    assert refused.value.field == "fulfilment"
    assert refused.value.detail.endswith("or none"), "no hint to ask a hub, because this is one"
    assert taker.order().parked == []


def test_an_event_of_a_fulfilment_that_a_node_of_the_order_may_have_begun_waits() -> None:
    east, west, north = order_takers()
    east.place()
    settle(east, west, north)
    answer = order_answer(west.happen("pay", fulfilment="hub-east.2").content)
    assert (answer.waiting, answer.reason) == ("parked", "unknown-fulfilment")
    west.now_ms += PARKED_MS
    west.keep_up()
    assert [one.outcome for one in west.order().reports] == ["late"]


def test_an_event_of_a_fulfilment_named_by_the_placement_waits_until_it_arrives() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 2}, w_2={"cola": 2}), OrderTaker("hub-west", w_3={})
    east.place("o-1", PlacedLine(2, "cola", location="w-1"), PlacedLine(2, "cola", location="w-2"), paid=True)
    east.commit()
    west.take([entry for entry in east.entries if entry.stream.scope == "w-1"])
    for name in ("hub-east.2", "hub-east.2-1"):
        assert order_answer(west.happen("pick", fulfilment=name).content).reason == "unknown-fulfilment"


def test_an_event_of_a_part_that_the_owner_may_have_split_off_waits() -> None:
    hub, store = OrderTaker("hub-east", store_1={"cola": 5}), store_taker()
    hub.place("o-1", PlacedLine(2, "cola"), paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.tell(store)
    assert order_answer(hub.happen("pick", fulfilment="hub-east.1-1").content).waiting == "parked"
    with pytest.raises(NotFound):
        store.happen("pick", fulfilment="hub-east.1-1")


def test_a_store_does_not_park_an_event_of_a_fulfilment_elsewhere() -> None:
    hub = OrderTaker("hub-east", store_1={"cola": 5}, w_2={"cola": 5})
    store = store_taker()
    hub.place("o-1", PlacedLine(2, "cola", location="store-1"), PlacedLine(2, "cola", location="w-2"), paid=True)
    hub.commit()
    store.take([entry for entry in hub.entries if entry.stream.scope == "store-1"])
    with pytest.raises(NotFound, match="ask a hub"):
        store.happen("pick", fulfilment="hub-east.2")


def test_an_event_that_only_a_spent_event_could_lead_to_is_impossible() -> None:
    taker = OrderTaker()
    value = pack_value(msgspec.to_builtins(PICKED_ONCE))
    decisions.write(taker.replica, DocumentWrite("order_machine", "default", value, b"table"), taker.now_ms)
    taker.place(paid=True)
    assert taker.happen("ship").content.facts["act"] == "park"
    taker.place("o-2", PlacedLine(2, "cola"), paid=True)
    taker.happen("pick", "o-2")
    taker.happen("adjust", "o-2", lines=lines(cola=1))
    assert taker.happen("ship", "o-2").content.facts["outcome"] == "impossible"


def test_every_event_that_waits_ends() -> None:
    taker = OrderTaker()
    taker.happen("pay", "never")
    taker.happen("pay", "o-1")
    taker.happen("pay", "o-1")
    taker.happen("pick", "o-1", number=5)
    taker.place("o-1", PlacedLine(2, "cola"))
    taker.happen("return", "o-1", lines=lines(cola=1))
    assert taker.order().state == "reserved"
    taker.now_ms += PARKED_MS
    taker.keep_up()
    taker.commit()
    settled = [entry.content.facts for entry in taker.entries if entry.content.facts.get("settles")]
    assert sorted(one.get("outcome") or one["act"] for one in settled) == ["late", "late", "late", "repeat", "step"]
    assert [order.waiting for order in taker.replica.orders] == [[], []]


def test_an_event_that_happened_to_one_part_is_still_late_for_the_other_after_a_restart() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 5})
    taker.happen("ship")
    taker.place("o-1", *(PlacedLine(1, "cola", location=location) for location in taker.locations), ttl_s=86_400)
    taker.happen("pay", fulfilment="hub-east.1")
    assert [one.state for one in taker.order().fulfilments.values()] == ["shipped", "held"]
    taker.commit()
    taker.restart()
    taker.keep_up()
    assert taker.order().reports == []
    taker.now_ms += PARKED_MS
    taker.keep_up()
    assert [one.outcome for one in taker.order().reports] == ["late"]


@pytest.mark.parametrize("named", ["", "hub-east.1"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_cancellation_parked_by_a_hub_reaches_a_store_that_owns_the_order(named: str, restarted: bool) -> None:
    east, west, store = OrderTaker("hub-east", store_1={"cola": 5}), OrderTaker("hub-west", w_1={}), store_taker()
    west.happen("cancel")
    if named:
        west.happen("cancel", fulfilment=named)
    east.place("o-1", PlacedLine(2, "cola"), paid=True)
    east.ask(Handover("o-1", "hub-east.1", "store-1"))
    east.tell(west)
    east.tell(store)
    if restarted:
        west.restart()
    west.replica.learn_location_owners({"store-1": "store-1"}, ("hub-east", "hub-west"))
    west.keep_up()
    west.commit()
    store.take([entry for entry in west.entries if entry.stream.scope == "store-1"])
    store.keep_up()
    store.tell(west)
    west.keep_up()
    assert (store.order().state, store.figures()[1]) == ("cancelled", 0)
    assert (west.order().state, west.order().waiting, west.order().reports) == ("cancelled", [], [])


@pytest.mark.parametrize("other", ["impossible", "short", "ambiguous", ""])
@pytest.mark.parametrize("named", ["", "hub-east.1"])
def test_two_outcomes_of_an_event_that_waited_fold_to_the_same_order(named: str, other: str) -> None:
    east, west = OrderTaker(), OrderTaker("hub-west", w_2={"cola": 1})
    parked = west.happen("cancel", fulfilment="hub-east.1")
    west.tell(east)
    for taker, outcome in ((east, other), (west, "repeat")):
        facts = ReportFacts(fulfilment=named, outcome=outcome, settles=parked.hash)
        draft = Draft(kind="order", facts=encode(facts), reason="cancel", reference="o-1")
        taker.replica.record(taker.replica.locations[0], draft, b"", taker.now_ms)
        taker.commit()
    east.tell(west)
    west.tell(east)
    assert [one.became for taker in (east, west) for one in taker.order().parked] == [other, other]
    assert east.replica.orders.digest() == west.replica.orders.digest()


# ---------------------------------------------------------------------------------------------------------------------
# fulfilments that a node has not heard of yet


def test_a_hub_that_gets_its_entries_back_waits_for_the_fulfilments_that_they_name() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 2}, w_2={"cola": 2})
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    taker.commit()
    again = OrderTaker("hub-east", w_1={})
    again.writer = "hub-east#0000000c"
    again.replica = Replica(again.writer, ("w-1",), open_catalog=True)
    again.take([entry for entry in taker.entries if entry.stream.scope == "w-1"])
    assert again.happen("pick", fulfilment="hub-east.2").content.facts["act"] == "park"
    with pytest.raises(NotFound):
        again.happen("pick", fulfilment="hub-east.3")


def test_a_fulfilment_of_a_hub_with_a_dot_in_its_name_may_come_later() -> None:
    east, west = OrderTaker("hub.east", w_1={"cola": 2}), OrderTaker("hub-west", w_3={})
    east.place()
    east.tell(west)
    assert west.happen("pay", fulfilment="hub.east.2").content.facts["act"] == "park"
    with pytest.raises(NotFound):
        east.happen("pay", fulfilment="hub.east.2")


# ---------------------------------------------------------------------------------------------------------------------
# outcomes of events that waited


def test_an_early_change_of_more_than_there_is_is_impossible() -> None:
    taker = OrderTaker()
    taker.happen("adjust", lines=lines(cola=3))
    taker.happen("adjust", lines=lines(cola=3), fulfilment="hub-east.1")
    taker.place(paid=True)
    assert [(one.event, one.outcome) for one in taker.order().reports] == [("adjust", "impossible")] * 2
    assert taker.order().state == "reserved"


def test_a_number_that_two_hubs_were_told_is_a_repeat_and_no_report() -> None:
    east, west, north = order_takers()
    for taker in (west, north):
        taker.happen("pay", number=1)
    east.place()
    settle(east, west, north)
    for taker in (east, west, north):
        taker.keep_up()
    settle(east, west, north)
    assert (north.order().state, north.order().reports, north.order().waiting) == ("reserved", [], [])


def test_requests_that_are_late_at_their_owner_are_reported_once_for_each_event() -> None:
    hubs = order_takers(store_1={"cola": 5})
    store = store_taker()
    store.now_ms += 5
    store.place()
    for hub in hubs:
        store.tell(hub)
    for hub in hubs:
        hub.ask(OrderEvent(order="o-1", event="return", lines=lines(cola=1)), "k-1")
        hub.tell(store)
    store.now_ms += 2 * PARKED_MS
    store.happen("pay")
    store.keep_up()
    assert [(one.event, one.outcome, one.fulfilment) for one in store.order().reports] == [
        ("return", "late", "store-1.1")
    ]
    assert store.order().waiting == []


# ---------------------------------------------------------------------------------------------------------------------
# events that a hub parked, and that stores have to decide


def at_two_stores(*parked: OrderEvent, handed: int = 2) -> tuple[OrderTaker, OrderTaker, list[OrderTaker]]:
    """A hub that parked events of an order, the hub that placed it at two stores, and the stores that own it now."""
    east = OrderTaker("hub-east", store_1={"cola": 5}, store_2={"cola": 5})
    west, stores = OrderTaker("hub-west", w_1={}), [OrderTaker(f"store-{n}", **{f"store_{n}": {}}) for n in (1, 2)]
    for store in stores:
        store.replica.order_policy = store_role(store.replica.node).order_policy
    for number, event in enumerate(parked):
        west.ask(event, f"k-{number}")
    east.place("o-1", *(PlacedLine(2, "cola", location=location) for location in east.locations), paid=True)
    for number in range(3 - handed, 3):
        east.ask(Handover("o-1", f"hub-east.{number}", f"store-{number}"))
    west.replica.learn_location_owners({one: one for one in east.locations}, ("hub-east", "hub-west"))
    east.tell(west)
    for store in stores:
        store.take([entry for entry in east.entries if entry.stream.scope in store.locations])
    hear(west, stores)
    return east, west, stores


def hear(west: OrderTaker, stores: list[OrderTaker]) -> None:
    for _ in range(2):
        west.keep_up()
        west.commit()
        for store in stores:
            store.take([entry for entry in west.entries if entry.stream.scope in store.locations])
            store.keep_up()
            store.tell(west)
    west.keep_up()


def asked(west: OrderTaker) -> list[OrderEvent]:
    """The events that a hub asked the owners of fulfilments to let happen."""
    west.commit()
    facts = [decode(entry.content) for entry in west.entries if entry.stream.writer == west.writer]
    return [one.request.event for one in facts if isinstance(one, AskFacts)]


CANCEL = OrderEvent(order="o-1", event="cancel")
SOME = OrderEvent(order="o-1", event="cancel", lines=lines(cola=1))


def test_a_cancellation_parked_by_a_hub_reaches_each_store_of_the_order() -> None:
    _, west, stores = at_two_stores(CANCEL)
    names = ["hub-east.1", "hub-east.2"]
    assert asked(west) == [msgspec.structs.replace(CANCEL, fulfilment=name) for name in names]
    assert [one.state for one in west.order().fulfilments.values()] == ["cancelled", "cancelled"]
    assert (west.order().waiting, west.order().reports) == ([], [])
    assert [store.figures()[1] for store in stores] == [0, 0]


def test_a_parked_cancellation_reaches_a_store_whose_part_is_not_the_first() -> None:
    _, west, _ = at_two_stores(CANCEL, handed=1)
    assert asked(west) == [msgspec.structs.replace(CANCEL, fulfilment="hub-east.2")]


def test_units_that_two_stores_have_are_asked_of_none_and_the_next_event_of_each() -> None:
    _, west, _ = at_two_stores(SOME, CANCEL)
    names = ["hub-east.1", "hub-east.2"]
    assert asked(west) == [msgspec.structs.replace(CANCEL, fulfilment=name) for name in names]
    assert [parked.event for parked in west.order().waiting] == [SOME]
