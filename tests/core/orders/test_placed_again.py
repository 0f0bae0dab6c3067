"""An order placed again under another key is shown as it stands. No promise that is over is repeated."""

from __future__ import annotations

import pytest

from replica.core.base.errors import OrderEnded
from replica.core.log.entry import Entry
from replica.core.orders.machine import MachineDocument, OrderMachine, Transition
from replica.core.orders.requests import PlacedLine, Placement, Revocation
from replica.core.state import decisions
from replica.core.state.commands import Command, Placements
from replica.core.stock.requests import Count, CountLine
from replica.runtime.http.order_answers import OrderAnswer, order_answer
from tests.core.orders.test_double_orders import order_takers, settle
from tests.core.shuffled import OrderTaker, lines

BRIEF = Placement(order="o-1", lines=(PlacedLine(2, "cola"),), ttl_s=1)


def expire(taker: OrderTaker) -> None:
    taker.now_ms += 1_500
    taker.keep_up()


def answered(taker: OrderTaker, placement: Placement = BRIEF, key: str = "") -> OrderAnswer:
    return order_answer(taker.ask(placement, key).content)


def test_an_expired_order_placed_again_under_a_new_key_is_refused() -> None:
    taker = OrderTaker()
    first = taker.ask(BRIEF, "k-1")
    expire(taker)
    with pytest.raises(OrderEnded) as refused:
        taker.ask(BRIEF, "k-2")
    assert (refused.value.facts["state"], refused.value.field) == ("expired", "order")
    assert taker.ask(BRIEF, "k-1") is first
    assert taker.figures() == (100, 0, 100)


def test_a_hold_whose_time_is_over_is_no_promise_before_its_expiry_is_written() -> None:
    taker = OrderTaker()
    taker.ask(BRIEF, "k-1")
    taker.now_ms += 1_000
    with pytest.raises(OrderEnded, match="expired"):
        taker.ask(BRIEF, "k-2")


@pytest.mark.parametrize(("event", "state"), [("cancel", "cancelled"), ("collect", "collected")])
def test_an_order_that_holds_nothing_any_more_is_refused_and_its_state_named(event: str, state: str) -> None:
    taker = OrderTaker()
    taker.place()
    taker.happen(event)
    with pytest.raises(OrderEnded, match=state):
        taker.place()


def test_an_open_order_placed_again_is_shown_as_it_stands_now() -> None:
    taker = OrderTaker()
    taker.place()
    taker.happen("pay")
    taker.happen("adjust", lines=lines(cola=1))
    answer = order_answer(taker.place().content)
    assert (answer.state, answer.expires_at) == ("amended", None)
    assert [(line.sku, line.quantity) for line in answer.fulfilments[0].lines] == [("cola", 1)]
    assert taker.figures() == (100, 1, 99)


def test_an_order_of_which_one_part_ended_is_still_open() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 2}, w_2={"cola": 2})
    wanted = [PlacedLine(2, "cola", location="w-1"), PlacedLine(2, "cola", location="w-2")]
    taker.place("o-1", *wanted)
    taker.happen("cancel", fulfilment="hub-east.1")
    answer = order_answer(taker.place("o-1", *wanted).content)
    assert (answer.state, [one.state for one in answer.fulfilments]) == ("held", ["cancelled", "held"])


def test_a_revoked_order_placed_again_is_refused_or_shown_with_its_replacement() -> None:
    for stock, state in ({"w_1": {"cola": 5}}, "cancelled"), ({"w_1": {"cola": 5}, "w_2": {"cola": 5}}, "held"):
        taker = OrderTaker("hub-east", **stock)
        wanted = PlacedLine(5, "cola")
        taker.place("o-1", wanted)
        taker.now_ms += 1_000
        decisions.execute(taker.replica, Command("w-1", Count((CountLine("cola", 1),)), b"count"), taker.now_ms)
        taker.ask(Revocation("o-1", "hub-east.1"))
        if state == "cancelled":
            with pytest.raises(OrderEnded, match="cancelled"):
                taker.place("o-1", wanted)
        else:
            answer = order_answer(taker.place("o-1", wanted).content)
            assert [one.state for one in answer.fulfilments] == ["cancelled", "held"]


def test_an_order_of_which_only_events_are_known_is_placed() -> None:
    taker = OrderTaker()
    taker.happen("pay")
    assert order_answer(taker.place().content).fulfilments[0].state == "held"
    assert taker.order().state == "reserved"


def test_the_fast_path_refuses_an_order_that_ended_too() -> None:
    taker = OrderTaker()
    run(taker, "k-1")
    expire(taker)
    (verdict,) = run(taker, "k-2")
    assert isinstance(verdict, OrderEnded)


def run(taker: OrderTaker, key: str) -> list[object]:
    asked = Placements("", [BRIEF], [key.encode()])
    return [*decisions.execute_requests(taker.replica, asked, taker.now_ms, {})]


def test_an_order_that_expired_at_one_hub_and_was_placed_at_another_is_reported() -> None:
    east, west, north = order_takers()
    east.ask(BRIEF, "k-1")
    east.now_ms += 2_000
    east.keep_up()
    west.now_ms += 2_000
    assert answered(west, BRIEF, "k-2").state == "held"
    settle(east, west, north)
    for taker in (east, west, north):
        taker.check()
        assert taker.figures() == (30, 0, 30)
        assert list(taker.replica.orders.with_duplicates) == ["o-1"]
        assert len(taker.order().duplicates()) == 1
        with pytest.raises(OrderEnded, match="expired"):
            taker.ask(BRIEF, "k-3")


def test_a_second_key_keeps_its_own_first_answer() -> None:
    taker = OrderTaker()
    taker.ask(BRIEF, "k-1")
    again: Entry = taker.ask(BRIEF, "k-2")
    expire(taker)
    assert taker.ask(BRIEF, "k-2") is again


def test_an_order_of_which_only_the_part_that_ended_is_known_is_not_said_to_have_ended() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 5}), OrderTaker("hub-west", w_9={"cola": 5})
    placed = (PlacedLine(2, "cola", location="w-1"), PlacedLine(2, "cola", location="w-2"))
    placement = Placement(order="o-1", lines=placed, paid=True)
    east.ask(placement)
    east.happen("cancel", fulfilment="hub-east.1")
    east.commit()
    west.take([entry for entry in east.entries if entry.stream.scope == "w-1"])
    answer = answered(west, placement)
    assert [(one.id, one.state) for one in answer.fulfilments] == [
        ("hub-east.1", "cancelled"),
        ("hub-east.2", "reserved"),
    ]
    assert answer.state == "reserved"


def test_an_open_order_placed_again_tells_when_it_expires() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 2}, w_2={"cola": 2})
    placement = Placement(order="o-1", lines=(PlacedLine(4, "cola"),), ttl_s=60)
    first = answered(taker, placement)
    taker.now_ms += 1_000
    assert first.expires_at is not None
    assert answered(taker, placement).expires_at == first.expires_at
    taker.happen("pay", fulfilment="hub-east.1")
    assert answered(taker, placement).expires_at == first.expires_at


def test_a_paid_order_placed_again_stands_though_the_table_lets_paid_orders_expire() -> None:
    taker = OrderTaker()
    rows = (Transition("reserve", (), "reserved"), Transition("expire", ("reserved",), "expired"))
    taker.replica.fold.machine = OrderMachine(MachineDocument(("reserved", "expired"), rows))
    taker.place(paid=True)
    assert order_answer(taker.place(paid=True).content).state == "reserved"


def test_an_order_keeps_its_channel_and_customer() -> None:
    taker = OrderTaker()
    taker.place(channel="web", customer="customer-7", paid=True)
    assert (taker.order().channel, taker.order().customer) == ("web", "customer-7")
